//! How many decimals a number can have that fits a schema.

use super::node::{Check, Node};
use crate::limit::{Amount, Scale};

impl Node {
    /// Returns how fine a number at the end of `path` can be; `None` if nothing bounds that. Recurses as deep as the
    /// schema nests, which the loader bounds.
    pub(super) fn scale(&self, path: &[Option<&str>]) -> Option<Scale> {
        // All checks hold, so the coarsest of them bounds the number.
        self.checks.iter().filter_map(|check| check.scale(path)).min()
    }
}

impl Check {
    fn scale(&self, path: &[Option<&str>]) -> Option<Scale> {
        match (self, path) {
            (Self::Never, _) => Some(Scale::default()),
            // A value of another type is no amount.
            (Self::Type(types), []) => types.only_whole_numbers().then(Scale::default),
            (Self::Literals(literals), []) => {
                let amounts = literals.texts.iter().filter_map(|text| Amount::from_decimal(text).ok());
                Some(amounts.map(Scale::of).max().unwrap_or_default())
            }
            (Self::MultipleOf(divisor), []) => Amount::from_decimal(divisor).ok().map(Scale::of),
            (Self::Members(members), [Some(name), rest @ ..]) => {
                members.get(name)?.schema.as_ref().and_then(|schema| schema.scale(rest))
            }
            (Self::Items(items), [None, rest @ ..]) => items.scale(rest),
            (Self::All(all), _) => all.iter().filter_map(|node| node.scale(path)).min(),
            (Self::Any(any) | Self::One(any), _) => {
                any.iter().map(|node| node.scale(path)).collect::<Option<Vec<_>>>()?.into_iter().max()
            }
            _ => None,
        }
    }
}
