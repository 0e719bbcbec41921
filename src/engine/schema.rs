//! Schemas of a call's arguments: the part of JSON Schema 2020-12 that MCP servers publish.
//!
//! A schema is compiled when the policy is loaded: regular expressions are built, names sorted,
//! `$ref`s followed, and a keyword that nothing would judge is a fault. Judging then takes no
//! allocation, save where strings are escaped or compound values have to be compared, and no more
//! steps than the schema, unfolded, times the arguments.

mod canonical;
mod judge;
mod keyword;
mod literal;
mod load;
mod node;
mod reference;
#[cfg(test)]
mod tests;
mod types;
mod violation;

pub use violation::Violation;

use std::sync::Arc;

use crate::document::{Faults, Part};
use crate::json::{Document, Value};
use node::Node;

/// A compiled schema.
#[derive(Debug, Clone)]
pub struct Schema {
    root: Arc<Node>,
}

impl Schema {
    /// Compiles a schema that is part of a document. Notes every fault and returns `None` where there is any.
    pub fn load(part: &Part<'_>, faults: &mut Faults) -> Option<Self> {
        load::load(part, faults).map(|root| Self { root })
    }

    /// Judges the arguments of a call, `{}` where it has none. Sound where no object has a key twice, as the reading of
    /// messages ensures; its depth bounds the recursion.
    ///
    /// # Errors
    /// The first [`Violation`], which does not depend on the order of the schema's keywords.
    pub fn judge(&self, arguments: Option<Value<'_>>) -> Result<(), Violation> {
        let Some(arguments) = arguments else {
            return self.judge(Some(Document::empty_object().root()));
        };
        judge::judge(&self.root, arguments).map_err(|broken| Violation::new(arguments, broken))
    }
}
