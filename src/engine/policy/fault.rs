//! Faults of a policy document: where, what is wrong, and what would be right.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use crate::json::{Kind, Value};
use crate::limit::{Amount, AmountError};

/// How much of a faulty value a message quotes, in characters.
const QUOTED: usize = 40;

/// A place in the document, such as `tools.run_agent.limits[0].max`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(String);

impl Path {
    /// Returns the place of the member `key` of an object at this place.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let plain = !key.is_empty()
            && key
                .chars()
                .all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '*' | '/' | ':' | '$'));
        let Self(parent) = self;
        if !plain {
            return Self(format!("{parent}[{key:?}]"));
        }
        Self(if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") })
    }

    /// Returns the place of element `index` of a list at this place.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let Self(parent) = self;
        Self(format!("{parent}[{index}]"))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path) = self;
        out.write_str(if path.is_empty() { "document" } else { path })
    }
}

/// Everything that is wrong with one document, as `path: what is wrong`, each one line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    list: Vec<String>,
    places: BTreeSet<String>,
    numbers_in_strings: bool,
}

impl Faults {
    /// Notes a fault.
    pub fn add(&mut self, path: &Path, what: impl fmt::Display) {
        self.list.push(format!("{path}: {what}"));
        self.places.insert(path.to_string());
    }

    /// Notes a fault at a place that is known as text.
    pub fn note(&mut self, place: &str, what: impl fmt::Display) {
        self.add(&Path(place.to_owned()), what);
    }

    /// Notes that the value at `path` is not what belongs there, unless a fault of it is known:
    /// a number that came in no usable form is not found wanting again.
    pub fn unfit(&mut self, path: &Path, expected: &str, found: Value<'_>) {
        if !self.has(path) {
            self.add(path, format_args!("must be {expected}, found {}", described(found)));
        }
    }

    /// Has strings count as numbers, where numbers belong and where they hold one.
    pub fn take_numbers_in_strings(&mut self) {
        self.numbers_in_strings = true;
    }

    /// Returns the text of a number, or `None` where the value is none.
    #[must_use]
    pub fn number<'d>(&self, value: Value<'d>) -> Option<Cow<'d, str>> {
        let held = || value.string().filter(|_| self.numbers_in_strings);
        let is_number = |text: &str| Amount::from_decimal(text) != Err(AmountError::NotANumber);
        value.number().map(Cow::Borrowed).or_else(|| held().filter(|text| is_number(text)))
    }

    /// Tells whether something is wrong at `path` itself.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        self.places.contains(&path.to_string())
    }

    /// Tells whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Walks the faults in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(String::as_str)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            out.write_str(fault)?;
        }
        Ok(())
    }
}

/// Describes a value in a message: a scalar by its text, a container by its type.
fn described(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Array | Kind::Object => value.kind().name().to_owned(),
        _ => quoted(value.raw()),
    }
}

/// Quotes a text in a message: shortened, and what a log or a terminal would act on escaped, so that
/// no document writes lines of its own.
#[must_use]
pub fn quoted(text: &str) -> String {
    shortened(text, QUOTED)
}

/// Quotes a text in a message likewise, up to `most` characters.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    let mut out = String::from("`");
    for (index, char) in text.chars().enumerate() {
        match char {
            _ if index == most => {
                out.push('…');
                break;
            }
            '"' | '\'' | '\\' => out.push(char),
            _ => out.extend(char.escape_debug()),
        }
    }
    out.push('`');
    out
}
