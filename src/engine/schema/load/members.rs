//! Keywords about the members of objects. Together they are one check.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Loader, Of, keyword};
use crate::document::{Part, Takes};
use crate::json::TextMap;
use crate::mcp::keys::Spellings;
use crate::schema::node::{Check, Members, Named, Node};

const NAMES_BY_NAME: Takes =
    Takes::Said("an object of names and lists of names", &Takes::Named(&Takes::List(&Takes::Filled)));

impl<'d> Loader<'_, 'd> {
    /// Reads a keyword about the members of objects.
    pub(super) fn members(&mut self, key: &str, part: &Part<'d>, depth: usize, into: &mut Collected) {
        match key {
            "properties" => {
                for (name, part) in self.named(part) {
                    let schema = self.schema(&part, depth);
                    into.named(&name).schema = Some(schema);
                }
            }
            "required" => {
                for name in keyword::names(part, self.faults) {
                    into.named(&name).required = true;
                }
            }
            "patternProperties" => {
                for (text, part) in self.named(part) {
                    let schema = self.schema(&part, depth);
                    let pattern = keyword::expression(&text, &part, Of::Names, self.faults);
                    into.members.patterns.extend(pattern.map(|pattern| (pattern, schema)));
                }
            }
            "additionalProperties" => into.members.additional = Some(self.schema(part, depth)),
            "propertyNames" => into.members.names = Some(self.schema_of_names(part, depth)),
            _ => self.dependent(part, into),
        }
    }

    /// Compiles a schema of names. Faults that it has as a schema of values, too, are added only once.
    fn schema_of_names(&mut self, part: &Part<'d>, depth: usize) -> Arc<Node> {
        self.schema(part, depth);
        let known = std::mem::take(self.faults);
        let of = std::mem::replace(&mut self.of, Of::Names);
        let node = self.schema(part, depth);
        self.of = of;
        let found = std::mem::replace(self.faults, known);
        for fault in found.iter() {
            if !self.faults.has(&fault.path) {
                self.faults.push(fault.clone());
            }
        }
        node
    }

    fn dependent(&mut self, part: &Part<'d>, into: &mut Collected) {
        if !part.value.is_object() {
            self.faults.unfit(part, &NAMES_BY_NAME);
        }
        for (name, part) in part.members() {
            let needed = keyword::names(&part, self.faults);
            // Other spellings of these names are refused, as those of `required` are.
            into.named(&name);
            for name in &needed {
                into.named(name);
            }
            let needed = needed.into_iter().map(Into::into).collect();
            into.members.dependent.push((name.as_ref().into(), needed));
        }
    }
}

/// What is known of the members of an object so far.
#[derive(Default)]
pub(super) struct Collected {
    named: BTreeMap<Box<str>, Named>,
    members: Members,
}

impl Collected {
    /// Finds or makes the entry of a name.
    fn named(&mut self, name: &str) -> &mut Named {
        let fresh = || Named { name: name.into(), required: false, schema: None };
        self.named.entry(name.into()).or_insert_with(fresh)
    }

    pub(super) fn into_check(self) -> Option<Check> {
        let Self { named, mut members } = self;
        let others = members.additional.is_some() || members.names.is_some() || !members.patterns.is_empty();
        if named.is_empty() && !others {
            return None;
        }
        members.named = named.into_values().collect();
        let names = || members.named.iter().map(|named| &*named.name);
        (members.numbers, members.spellings) = (TextMap::of(names()), Spellings::of(names()));
        members.required = members.named.iter().filter(|named| named.required).count();
        Some(Check::Members(Box::new(members)))
    }
}
