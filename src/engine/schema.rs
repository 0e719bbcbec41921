//! Schemas of a call's arguments: the part of JSON Schema 2020-12 that MCP servers publish.
//!
//! A schema is compiled when the policy is loaded: regular expressions are built, names are sorted, `$ref`s
//! are followed. An unsupported keyword is a fault. Validation spends from the budget of work of its request.

mod canonical;
mod decimals;
mod keyword;
mod literal;
mod load;
mod mirrored;
mod node;
mod pattern;
mod reference;
#[cfg(test)]
mod tests;
mod types;
mod validate;
mod violation;

pub use mirrored::Mirrored;
pub use reference::resolve;
pub use violation::Violation;

use std::sync::Arc;

use crate::document::{Faults, Part};
use crate::json::{Document, Value};
use crate::limit::Scale;
use crate::work::Work;
use node::Node;

/// A compiled schema.
#[derive(Debug, Clone)]
pub struct Schema {
    root: Arc<Node>,
    /// The arguments that headers repeat
    mirrored: Vec<Mirrored>,
}

impl Schema {
    /// Compiles a schema that is part of a document. Adds every fault to `faults`; returns `None` if there is
    /// any.
    pub fn load(part: &Part<'_>, faults: &mut Faults) -> Option<Self> {
        let (root, mirrored) = load::load(part, faults)?;
        Some(Self { root, mirrored })
    }

    /// Returns the arguments that headers repeat.
    #[must_use]
    pub fn mirrored(&self) -> &[Mirrored] {
        &self.mirrored
    }

    /// Returns how fine a number can be that fits this schema at the end of `path`; `None` if nothing bounds that. Each
    /// step of the path is the name of a member, or `None` for an element of an array.
    #[must_use]
    pub fn scale(&self, path: &[Option<&str>]) -> Option<Scale> {
        self.root.scale(path)
    }

    /// Validates the arguments of a call, and spends `work`; `None` is the same as `{}`. No object may have a key twice, and the
    /// nesting must be bounded, because this recurses. Reading a message ensures both.
    ///
    /// # Errors
    /// A [`Violation`]. It does not depend on the order of the schema's keywords.
    pub fn validate(&self, arguments: Option<Value<'_>>, work: &Work) -> Result<(), Violation> {
        let Some(arguments) = arguments else {
            return self.validate(Some(Document::empty_object().root()), work);
        };
        validate::validate(&self.root, arguments, work)
            .map_err(|mismatch| Violation::new(arguments, mismatch))
    }
}
