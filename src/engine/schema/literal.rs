//! The values of `enum` and `const`.

use super::canonical;
use crate::json::{Kind, Value, decimal};

/// A value of the schema, to compare arguments with.
#[derive(Debug)]
pub(super) struct Literal {
    kind: Kind,
    /// The text in the document, for messages
    text: Box<str>,
    /// For a number its text, for a string the unescaped text, for an array or object the canonical text
    own: Box<str>,
}

impl Literal {
    /// Makes a literal of a value in the document.
    pub fn new(value: Value<'_>) -> Self {
        let kind = value.kind();
        let own = match kind {
            Kind::Null | Kind::Bool(_) => String::new(),
            Kind::Number => value.raw().to_owned(),
            Kind::String { .. } => value.string().unwrap_or_default().into_owned(),
            Kind::Array | Kind::Object => canonical_text(value),
        };
        Self { kind, text: value.raw().into(), own: own.into() }
    }

    /// Returns the text in the document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether a value equals this one; the value must not be an array or object. `None` if it is a
    /// number and the result depends on how a server reads it.
    fn equals(&self, value: Value<'_>) -> Option<bool> {
        Some(match (self.kind, value.kind()) {
            (Kind::Number, Kind::Number) => decimal::compare_as_read(value.raw(), &self.own)?.is_eq(),
            (Kind::String { .. }, Kind::String { .. }) => value.string().as_deref() == Some(&*self.own),
            (Kind::Null, Kind::Null) => true,
            (Kind::Bool(a), Kind::Bool(b)) => a == b,
            _ => false,
        })
    }
}

/// Returns whether a value equals one of the literals. Numbers are compared by value, and the order of keys
/// in objects does not matter. `None` if the value is a number and the result depends on how a server reads
/// it.
pub(super) fn any_equals(literals: &[Literal], value: Value<'_>) -> Option<bool> {
    let kind = value.kind();
    if matches!(kind, Kind::Array | Kind::Object) {
        let mut compound = literals.iter().filter(|literal| literal.kind == kind).peekable();
        return Some(
            compound.peek().is_some() && {
                let text = canonical_text(value);
                compound.any(|literal| *literal.own == text)
            },
        );
    }
    let mut equal = Some(false);
    for literal in literals {
        match literal.equals(value) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => equal = None,
        }
    }
    equal
}

fn canonical_text(value: Value<'_>) -> String {
    let mut out = String::new();
    canonical::write(&mut out, value);
    out
}
