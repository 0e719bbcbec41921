//! A JSON value to a compiled schema: the schemas within it, and the `$ref`s between them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::keyword;
use super::node::{Check, Members, Named, Node};
use super::reference;
use crate::json::{self, Kind, Value};
use crate::policy::{Faults, Path};

/// How many schemas a schema may consist of once its `$ref`s are followed. It bounds what a call
/// takes: some `$ref`s that each name another one twice would double it at each step.
const MOST_SCHEMAS: usize = 10_000;

/// How deep schemas may stand within one another once `$ref`s are followed, which bounds recursion.
const MOST_HEIGHT: usize = 100;

/// Keywords that say nothing of which values fit.
const ANNOTATIONS: [&str; 10] = [
    "title",
    "description",
    "default",
    "examples",
    "format",
    "$schema",
    "$comment",
    "readOnly",
    "writeOnly",
    "deprecated",
];

/// Compiles the schema at `path`; notes every fault and returns `None` where there is any.
pub(super) fn load(value: Value<'_>, path: &Path, faults: &mut Faults) -> Option<Arc<Node>> {
    let before = faults.iter().count();
    if nests_deeper(value, json::MAX_DEPTH) {
        faults.add(path, "arrays and objects nest deeper than 100 levels");
        return None;
    }
    let mut loader =
        Loader { root: value, path, faults, seen: BTreeMap::new(), definitions: VecDeque::new() };
    let root = loader.schema(value, path, 1);
    while let Some((value, path)) = loader.definitions.pop_front() {
        loader.schema(value, &path, 1);
    }
    if root.extent.height > MOST_HEIGHT && !faults.has(path) {
        faults.add(path, TOO_HIGH);
    }
    if root.extent.size > MOST_SCHEMAS {
        let what = "its `$ref`s make more than";
        faults.add(path, format_args!("{what} {MOST_SCHEMAS} schemas of it, once each is followed anew"));
    }
    (faults.iter().count() == before).then_some(root)
}

const TOO_HIGH: &str = "more than 100 schemas stand within one another, once `$ref`s are followed";

fn nests_deeper(value: Value<'_>, levels: usize) -> bool {
    let within = |value| nests_deeper(value, levels.saturating_sub(1));
    match value.kind() {
        Kind::Array | Kind::Object if levels == 0 => true,
        Kind::Array => value.elements().any(within),
        Kind::Object => value.entries().any(|(_, member)| within(member)),
        _ => false,
    }
}

/// What is known of a schema that has been met, by where it begins in the text.
enum Seen {
    /// It is being compiled: whoever meets it now refers back to it
    Open,
    Done(Arc<Node>),
}

struct Loader<'a, 'd> {
    root: Value<'d>,
    path: &'a Path,
    faults: &'a mut Faults,
    seen: BTreeMap<usize, Seen>,
    /// Schemas of `$defs`, which have to be right even where nothing refers to them.
    definitions: VecDeque<(Value<'d>, Path)>,
}

impl<'d> Loader<'_, 'd> {
    /// Compiles a schema, once however often it is referred to. What has a fault becomes whatever.
    fn schema(&mut self, value: Value<'d>, path: &Path, depth: usize) -> Arc<Node> {
        let start = value.span().start;
        match self.seen.get(&start) {
            Some(Seen::Done(node)) => return Arc::clone(node),
            Some(Seen::Open) => {
                if !self.faults.has(path) {
                    self.faults.add(path, "leads back to itself by a `$ref`, recursion is not supported");
                }
                return Arc::default();
            }
            None => {}
        }
        if depth > MOST_HEIGHT {
            if !self.faults.has(path) {
                self.faults.add(path, TOO_HIGH);
            }
            return Arc::default();
        }
        self.seen.insert(start, Seen::Open);
        let checks = match value.kind() {
            Kind::Bool(true) => Vec::new(),
            Kind::Bool(false) => vec![Check::Never],
            Kind::Object => self.keywords(value, path, depth.saturating_add(1)),
            _ => {
                self.faults.unfit(path, "a schema: an object, `true` or `false`", value);
                Vec::new()
            }
        };
        let node = Arc::new(Node::new(checks));
        self.seen.insert(start, Seen::Done(Arc::clone(&node)));
        node
    }

    fn keywords(&mut self, schema: Value<'d>, path: &Path, depth: usize) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut members = BTreeMap::<Box<str>, Named>::new();
        let mut additional = None;
        for (key, value) in schema.entries() {
            let path = path.key(&key);
            let check = match key.as_ref() {
                "properties" => {
                    for (name, value, path) in self.named(value, &path) {
                        let schema = self.schema(value, &path, depth);
                        named(&mut members, &name).schema = Some(schema);
                    }
                    None
                }
                "required" => {
                    for name in keyword::names(value, &path, self.faults) {
                        named(&mut members, &name).required = true;
                    }
                    None
                }
                "additionalProperties" => {
                    additional = Some(self.schema(value, &path, depth));
                    None
                }
                "$defs" => {
                    let definitions = self.named(value, &path);
                    self.definitions.extend(definitions.into_iter().map(|(_, value, path)| (value, path)));
                    None
                }
                "items" => Some(Check::Items(self.schema(value, &path, depth))),
                "not" => Some(Check::Not(self.schema(value, &path, depth))),
                "allOf" => Some(Check::All(self.alternatives(value, &path, depth))),
                "anyOf" => Some(Check::Any(self.alternatives(value, &path, depth))),
                "oneOf" => Some(Check::One(self.alternatives(value, &path, depth))),
                "$ref" => self.reference(value, &path, depth),
                name if ANNOTATIONS.contains(&name) || name.starts_with("x-") => None,
                name => keyword::check(name, value, &path, self.faults),
            };
            checks.extend(check);
        }
        if !members.is_empty() || additional.is_some() {
            let named: Vec<Named> = members.into_values().collect();
            let required = named.iter().filter(|named| named.required).count();
            checks.push(Check::Members(Members { named, required, additional }));
        }
        checks
    }

    /// Reads an object of names and schemas.
    fn named(&mut self, value: Value<'d>, path: &Path) -> Vec<(Box<str>, Value<'d>, Path)> {
        if !value.is_object() {
            self.faults.unfit(path, "an object of names and their schemas", value);
        }
        let entries = value.entries();
        entries.map(|(name, value)| (name.as_ref().into(), value, path.key(&name))).collect()
    }

    /// Reads a list of schemas.
    fn alternatives(&mut self, value: Value<'d>, path: &Path, depth: usize) -> Vec<Arc<Node>> {
        let mut nodes = Vec::new();
        for (index, element) in value.elements().enumerate() {
            nodes.push(self.schema(element, &path.index(index), depth));
        }
        if nodes.is_empty() {
            self.faults.unfit(path, "a list of one schema or more", value);
        }
        nodes
    }

    fn reference(&mut self, value: Value<'d>, path: &Path, depth: usize) -> Option<Check> {
        let target = value.string().and_then(|text| reference::resolve(self.root, self.path, &text));
        let Some((target, place)) = target else {
            self.faults.unfit(path, "a reference to a schema within this one, such as `#/$defs/name`", value);
            return None;
        };
        Some(Check::All(vec![self.schema(target, &place, depth)]))
    }
}

/// Finds or makes what is said of a name.
fn named<'m>(members: &'m mut BTreeMap<Box<str>, Named>, name: &str) -> &'m mut Named {
    let fresh = || Named { name: name.into(), required: false, schema: None };
    members.entry(name.into()).or_insert_with(fresh)
}
