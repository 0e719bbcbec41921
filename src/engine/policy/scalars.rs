//! The values of `in` and `eq`, prepared for comparisons.

use std::fmt;

use super::alike::{is_number_or_bool, name_of_text};
use super::condition::Scalar;
use crate::json::{KnownSet, TextMap};
use crate::text::trimmed;

/// One or more values of the policy. A value is looked up among those of its own type.
#[derive(Clone)]
pub struct Scalars {
    list: Box<[Scalar]>,
    /// The strings; `None` if there are none
    pub texts: Option<TextMap>,
    /// The numbers; `None` if there are none
    pub numbers: Option<KnownSet>,
    /// Whether `false` and `true` are among the values; `None` if neither is
    pub bools: Option<[bool; 2]>,
    /// Whether they have several types
    pub are_mixed: bool,
    /// The numbers that a server may read as one of the booleans; `None` if there are none
    pub numbers_of_bools: Option<KnownSet>,
    /// Whether a server may read one of the strings as a number
    pub has_text_of_number: bool,
    /// The [names](name_of_text) of the strings, if one of them is a number or a boolean
    pub names: Option<TextMap>,
    /// Whether one of the strings is `false`, and one `true`, in any case
    pub names_bool: [bool; 2],
    /// Whether a server may read one of the strings as `false`, and one as `true`
    pub has_text_of_bool: [bool; 2],
}

impl From<Vec<Scalar>> for Scalars {
    fn from(list: Vec<Scalar>) -> Self {
        let texts = TextMap::of(list.iter().filter_map(Scalar::text));
        let numbers = KnownSet::new(list.iter().filter_map(|scalar| match scalar {
            Scalar::Number(text) => Some(text),
            _ => None,
        }));
        let [off, on] = [false, true]
            .map(|flag| list.iter().any(|scalar| matches!(scalar, Scalar::Bool(own) if *own == flag)));
        let has_text =
            |like: &dyn Fn(&str) -> bool| list.iter().filter_map(Scalar::text).map(trimmed).any(like);
        let has_text_of_number = has_text(&text_is_number);
        let has_text_of_bool = [false, true].map(|flag| has_text(&|text| text_is_bool(text, flag)));
        let numbers_of_bools =
            KnownSet::new([(off, "0"), (on, "1")].iter().filter_map(|(has, text)| has.then_some(*text)));
        let names: Vec<Box<str>> = match has_text(&is_number_or_bool) {
            true => list.iter().filter_map(Scalar::text).filter_map(name_of_text).collect(),
            false => Vec::new(),
        };
        let names_bool = ["false", "true"].map(|word| has_text(&|text| text.eq_ignore_ascii_case(word)));
        let names = TextMap::of(names.iter().map(|name| &**name));
        let types = [!texts.is_empty(), !numbers.is_empty(), off || on];
        Self {
            list: list.into(),
            are_mixed: types.iter().filter(|has| **has).count() > 1,
            numbers_of_bools: Some(numbers_of_bools).filter(|numbers| !numbers.is_empty()),
            has_text_of_number,
            names: Some(names).filter(|names| !names.is_empty()),
            has_text_of_bool,
            names_bool,
            texts: Some(texts).filter(|texts| !texts.is_empty()),
            numbers: Some(numbers).filter(|numbers| !numbers.is_empty()),
            bools: Some([off, on]).filter(|_| off || on),
        }
    }
}

impl fmt::Debug for Scalars {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest follows from the list.
        self.list.fmt(out)
    }
}

impl Scalars {
    /// Iterates over the values in the order of the policy.
    pub fn iter(&self) -> std::slice::Iter<'_, Scalar> {
        self.list.iter()
    }
}

/// Tells whether a server may read a [trimmed] text as a number: `0`, `+1`, `.5`, `1_000`, `0x10`, or none at all as 0.
#[must_use]
pub fn text_is_number(text: &str) -> bool {
    text.is_empty()
        || text.starts_with(|char: char| char.is_numeric() || matches!(char, '+' | '-' | '.' | '_'))
}

/// Tells whether a server may read a [trimmed] text as this boolean.
#[must_use]
pub fn text_is_bool(text: &str, flag: bool) -> bool {
    let words: &[&str] = match flag {
        false => &["", "0", "f", "false", "n", "no", "off"],
        true => &["1", "on", "t", "true", "y", "yes"],
    };
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}
