//! Keywords about the elements of arrays. Together they are one check.

use super::{Loader, keyword};
use crate::document::Part;
use crate::schema::node::{Check, Elements};

/// What is known of the elements so far.
#[derive(Default)]
pub(super) struct Contained {
    elements: Elements,
    /// `minContains`
    least: Option<u64>,
    /// `maxContains`
    most: Option<u64>,
}

impl<'d> Loader<'_, 'd> {
    /// Reads a keyword about the elements of arrays.
    pub(super) fn elements(&mut self, key: &str, part: &Part<'d>, depth: usize, into: &mut Contained) {
        match key {
            "items" => into.elements.rest = Some(self.schema(part, depth)),
            "prefixItems" => into.elements.prefix = self.alternatives(part, depth),
            "contains" => into.elements.contains = Some(self.schema(part, depth)),
            "minContains" => into.least = keyword::whole(part, self.faults),
            _ => into.most = keyword::whole(part, self.faults),
        }
    }
}

impl Contained {
    /// Makes the check, if there is anything to check.
    pub(super) fn into_check(self) -> Option<Check> {
        let Self { mut elements, least, most } = self;
        (elements.least, elements.most) = (least.unwrap_or(1), most.unwrap_or(u64::MAX));
        match elements {
            Elements { prefix, rest, contains: None, .. } if prefix.is_empty() => rest.map(Check::Items),
            elements => Some(Check::Elements(Box::new(elements))),
        }
    }
}
