//! The values of `enum` and `const`.

use super::canonical;
use crate::json::{Kind, Value, decimal};

/// A value of the schema that one of the arguments is compared with.
#[derive(Debug)]
pub(super) struct Literal {
    kind: Kind,
    /// As the document spells it, for messages
    text: Box<str>,
    /// A number's text, a string unescaped, the canonical text of anything compound
    own: Box<str>,
}

impl Literal {
    /// Keeps a value of the document.
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

    /// Returns the value as the document spells it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Tells whether a value that is no array or object equals this one; `None` where it is a number
    /// that is equal for some servers alone.
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

/// Tells whether a value equals one of the literals: numbers by what they amount to, objects
/// whatever the order of their keys. `None` where only some servers would find it equal to one.
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
