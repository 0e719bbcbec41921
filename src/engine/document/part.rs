//! Values of a document, each with its path and place.

use std::borrow::Cow;
use std::ops::Range;

use super::path::Path;
use crate::json::{Kind, Value};
use crate::limit::{Amount, AmountError};

/// How a document was written. It decides where parts have a place and what counts as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// As JSON
    Json,
    /// As a `google.protobuf.Struct`. Envoy turns decimals and integers beyond 32 bits of YAML into strings,
    /// so a string counts as a number where a number belongs and the string holds one.
    Struct,
}

/// One value of a document.
#[derive(Debug, Clone)]
pub struct Part<'d> {
    /// The value
    pub value: Value<'d>,
    /// Its path
    pub path: Path,
    /// The object that it is a member of
    object: Option<Value<'d>>,
    notation: Notation,
}

impl<'d> Part<'d> {
    /// Returns the part that is the whole document.
    #[must_use]
    pub fn root(value: Value<'d>, notation: Notation) -> Self {
        Self { value, path: Path::default(), object: None, notation }
    }

    /// Walks the members of an object in their order; nothing for other values.
    pub fn members(&self) -> impl Iterator<Item = (Cow<'d, str>, Self)> {
        self.value.entries().map(|(key, value)| {
            let part = self.of(value, &key);
            (key, part)
        })
    }

    /// Returns the member `key` of an object; the first one if there are two.
    #[must_use]
    #[inline(never)]
    pub fn member(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.of(value, key))
    }

    #[inline(never)]
    fn of(&self, value: Value<'d>, key: &str) -> Self {
        Self { value, path: self.path.key(key), object: Some(self.value), notation: self.notation }
    }

    /// Walks the elements of a list in their order; nothing for other values.
    pub fn elements(&self) -> impl Iterator<Item = Self> {
        self.value.elements().enumerate().map(|(index, value)| Self {
            value,
            path: self.path.index(index),
            object: None,
            notation: self.notation,
        })
    }

    /// Returns the value's bytes in the document; `None` if the document did not come as text.
    #[must_use]
    pub fn place(&self) -> Option<Range<usize>> {
        (self.notation == Notation::Json).then(|| self.value.span())
    }

    /// Returns the bytes of the value's key in the same way, or those of the value if it has no key.
    #[must_use]
    #[cold]
    #[inline(never)]
    pub fn key_place(&self) -> Option<Range<usize>> {
        let place = self.place()?;
        let Some(object) = self.object else { return Some(place) };
        let member = object.members().find(|(_, member, _)| member.end == place.end);
        let start = member.map_or(place.start, |(_, member, _)| member.start);
        let from = object.raw().get(start.saturating_sub(object.span().start)..).unwrap_or_default();
        Some(start..start.saturating_add(quoted_length(from)))
    }

    /// Returns the text of a number; `None` if the value does not count as one.
    #[must_use]
    pub fn number(&self) -> Option<Cow<'d, str>> {
        let held = || self.value.string().filter(|_| self.notation == Notation::Struct);
        let is_number = |text: &str| Amount::from_decimal(text) != Err(AmountError::NotANumber);
        self.value.number().map(Cow::Borrowed).or_else(|| held().filter(|text| is_number(text)))
    }

    /// Returns a whole number below 1.8e13. It may be written as `60.0`: some generators of JSON do so, and a
    /// Struct has no difference between the two.
    #[must_use]
    pub fn whole(&self) -> Option<u64> {
        let micros = Amount::from_decimal(&self.number()?).ok()?.micros();
        let one = Amount::ONE.micros();
        micros.checked_rem(one).filter(|rest| *rest == 0).and_then(|_| micros.checked_div(one))
    }

    /// Tells whether a string may have been a number that became a string on its way as a Struct.
    #[must_use]
    pub fn may_have_been_a_number(&self) -> bool {
        let text = self.value.string().filter(|_| self.number().is_some());
        text.is_some_and(|text| text.parse::<i32>().is_err())
    }

    /// Walks the booleans of a list that may have been words, such as `no`, that became booleans when YAML was
    /// read as a Struct: those that stand beside strings.
    pub fn booleans_that_may_have_been_words(&self) -> impl Iterator<Item = Self> {
        let has_text = || self.value.elements().any(|element| element.string().is_some());
        let suspect = self.notation == Notation::Struct && has_text();
        self.elements().filter(move |element| suspect && matches!(element.value.kind(), Kind::Bool(_)))
    }
}

/// Returns the length of the JSON string at the start of `text`, its quotes included.
fn quoted_length(text: &str) -> usize {
    let mut escaped = true;
    let end = text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        // The first byte opens the string.
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn a_part_knows_where_it_and_its_key_are() {
        let text = r#"{ "a" : [1, {"b\"\\" :2, "c":{}}], "é":"x" }"#;
        let document = json::read(text.as_bytes()).unwrap();
        let root = Part::root(document.root(), Notation::Json);
        let list = root.member("a").unwrap();
        let inner = list.elements().nth(1).unwrap();
        for (part, value, key) in [
            (&root, text, text),
            (&list, r#"[1, {"b\"\\" :2, "c":{}}]"#, r#""a""#),
            (&list.elements().next().unwrap(), "1", "1"),
            (&inner.member("b\"\\").unwrap(), "2", r#""b\"\\""#),
            (&inner.member("c").unwrap(), "{}", r#""c""#),
            (&root.member("é").unwrap(), r#""x""#, r#""é""#),
        ] {
            assert_eq!(text.get(part.place().unwrap()), Some(value), "{}", part.path);
            assert_eq!(text.get(part.key_place().unwrap()), Some(key), "{}", part.path);
        }
        let root = Part::root(document.root(), Notation::Struct);
        assert_eq!((root.place(), root.member("a").unwrap().key_place()), (None, None));
    }

    #[test]
    fn a_string_is_a_number_in_a_struct_alone() {
        for (text, in_json, in_struct, whole) in [
            ("60", Some("60"), Some("60"), Some(60)),
            ("60.0", Some("60.0"), Some("60.0"), Some(60)),
            ("0.5", Some("0.5"), Some("0.5"), None),
            ("-1", Some("-1"), Some("-1"), None),
            (r#""4294967296""#, None, Some("4294967296"), Some(4_294_967_296)),
            (r#"" 1""#, None, None, None),
            (r#""0x10""#, None, None, None),
            ("true", None, None, None),
        ] {
            let document = json::read(text.as_bytes()).unwrap();
            let number = |notation| Part::root(document.root(), notation).number();
            assert_eq!(number(Notation::Json).as_deref(), in_json, "{text}");
            assert_eq!(number(Notation::Struct).as_deref(), in_struct, "{text}");
            assert_eq!(Part::root(document.root(), Notation::Struct).whole(), whole, "{text}");
        }
    }
}
