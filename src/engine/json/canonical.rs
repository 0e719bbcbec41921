//! The canonical form of a JSON value (RFC 8785): one text for whatever means the same.

mod double;

use std::borrow::Cow;

use double::ecmascript;

use super::{Kind, Value, decimal, push_string, text};

/// The units of work of reading a double and writing it in canonical form.
const DOUBLE: usize = 70;

/// Returns how many units of work it takes at most to copy a value, to read the copy and to write its canonical form. Recurses
/// as deep as the value nests.
#[must_use]
pub fn work(value: Value<'_>) -> usize {
    match value.kind() {
        Kind::Null | Kind::Bool(_) => 8,
        Kind::Number if value.raw().len() <= 15 && value.raw().bytes().all(|byte| byte.is_ascii_digit()) => 8,
        Kind::Number => value.raw().len().saturating_mul(4).saturating_add(DOUBLE),
        Kind::String { escaped } => {
            let length = value.raw().len();
            // What is an escape is mostly one again in the form, which is written character by character.
            (length >> 1).saturating_add(if escaped { length.saturating_mul(4) } else { 8 })
        }
        Kind::Array => value.elements().map(work).fold(8, usize::saturating_add),
        Kind::Object => {
            let (mut count, mut keys, mut members) = (1_usize, 0_usize, 8_usize);
            for (key, member) in value.keyed() {
                count = count.saturating_add(1);
                keys = keys.saturating_add(key.raw().len() >> 2).saturating_add(4);
                members = members.saturating_add(work(key)).saturating_add(work(member));
            }
            let rounds = usize::try_from(count.ilog2()).unwrap_or_default();
            members.saturating_add(keys.saturating_mul(rounds))
        }
    }
}

/// A text in canonical form that is being written.
///
/// The form holds numbers as doubles, so that 2^53 and 2^53 + 1 have one form. What must tell them apart
/// asks whether the form is [exact](Self::is_exact).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    text: String,
    exact: bool,
    complete: bool,
}

impl Canonical {
    /// Writes a value in which no key stands twice and every number is a finite double. Recurses as
    /// deep as the value nests, which its reader bounds.
    #[must_use]
    pub fn of(value: Value<'_>) -> Self {
        let mut form = Self::empty(value);
        form.value(value);
        form
    }

    /// Writes an object like [`of`](Self::of), without its member `key`.
    #[must_use]
    pub fn without(object: Value<'_>, key: &str) -> Self {
        let mut form = Self::empty(object);
        form.members(object, Some(key));
        form
    }

    fn empty(value: Value<'_>) -> Self {
        Self { text: String::with_capacity(value.raw().len()), exact: true, complete: true }
    }

    /// Tells whether every number equals its form: there is no other value that has this form, but for
    /// the notation of its numbers.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Tells whether the value has a canonical form. It has none if a number is not a finite double, or if a string or
    /// key has half of a surrogate pair; the text then has something else in their place.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns the text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn value(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::Null | Kind::Bool(_) => self.text.push_str(value.raw()),
            Kind::Number => self.number(value.raw()),
            Kind::String { .. } => {
                self.complete &= is_whole(value);
                push_string(&mut self.text, &value.string().unwrap_or_default());
            }
            Kind::Array => {
                self.text.push('[');
                for (index, element) in value.elements().enumerate() {
                    self.text.push_str(if index > 0 { "," } else { "" });
                    self.value(element);
                }
                self.text.push(']');
            }
            Kind::Object => self.members(value, None),
        }
    }

    fn members(&mut self, object: Value<'_>, without: Option<&str>) {
        self.complete &= object.keyed().all(|(key, _)| is_whole(key));
        let mut members: Vec<(Cow<'_, str>, Value<'_>)> = object.entries().collect();
        members.retain(|(key, _)| without.is_none_or(|without| key != without));
        // RFC 8785, section 3.2.3: by UTF-16 code units.
        members.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        self.text.push('{');
        for (index, (key, member)) in members.into_iter().enumerate() {
            self.text.push_str(if index > 0 { "," } else { "" });
            push_string(&mut self.text, &key);
            self.text.push(':');
            self.value(member);
        }
        self.text.push('}');
    }

    /// Writes a number as ECMAScript does (RFC 8785, section 3.2.2.3; ECMA-262, "Number::toString").
    fn number(&mut self, text: &str) {
        // A short integer is written so already.
        let digits = text.strip_prefix('-').unwrap_or(text);
        if text.len() <= 15 && text != "-0" && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.text.push_str(text);
            return;
        }
        let double = text.parse().ok().filter(|double: &f64| double.is_finite());
        let written = double.and_then(ecmascript);
        // What is written reads back as the same double, so it is the number unless the double was not.
        self.exact &= written.as_ref().is_some_and(|written| decimal::compare(text, written).is_eq());
        self.complete &= written.is_some();
        self.text.push_str(written.as_deref().unwrap_or("null"));
    }
}

/// Tells whether a string or key has no half of a surrogate pair.
fn is_whole(string: Value<'_>) -> bool {
    !matches!(string.kind(), Kind::String { escaped: true }) || !text::has_half_pair(string.raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    fn canonical(text: &str) -> (String, bool) {
        let document = json::read(text.as_bytes()).unwrap();
        let form = Canonical::of(document.root());
        let exact = form.is_exact();
        (form.into_text(), exact)
    }

    #[test]
    fn a_value_has_one_form() {
        for (text, expected) in [
            // RFC 8785, sections 3.2.2 and 3.2.3.
            (
                r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
                r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#,
            ),
            (
                r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
                "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
            ),
            (r#" { "b" : [ ] , "a" : { } } "#, r#"{"a":{},"b":[]}"#),
            (r#"["\b\t\n\f\r\u001f\u007f\u2028"]"#, "[\"\\b\\t\\n\\f\\r\\u001f\u{7f}\u{2028}\"]"),
            ("[1.0,10e-1,-0,-0.0,1e21,100e19,1e-7]", "[1,1,0,0,1e+21,1e+21,1e-7]"),
        ] {
            assert_eq!(canonical(text).0, expected, "{text}");
        }
    }

    #[test]
    fn a_form_is_exact_where_no_double_changes_a_number() {
        for (text, form, exact) in [
            ("9007199254740992", "9007199254740992", true),
            ("9007199254740993", "9007199254740992", false),
            ("1234567890123456800", "1234567890123456800", true),
            ("1234567890123456768", "1234567890123456800", false),
            ("[0.1,1e0]", "[0.1,1]", true),
            (r#"[{"a":0.10000000000000001},1]"#, r#"[{"a":0.1},1]"#, false),
            ("1e400", "null", false),
            ("[0,-0,-7,123456789012345,-12345678901234]", "[0,0,-7,123456789012345,-12345678901234]", true),
        ] {
            assert_eq!(canonical(text), (form.to_owned(), exact), "{text}");
        }
    }

    #[test]
    fn a_value_that_no_double_or_no_text_holds_has_no_form() {
        for (text, complete) in [
            (r#"["a",1e308,{"\u20ac":"\ud83d\ude00","b":"\\ud800"}]"#, true),
            (r#""\ufffd""#, true),
            ("[1e400]", false),
            (r#"["\ud83d"]"#, false),
            (r#"["\ude00\ud83d"]"#, false),
            (r#"["\ud83d\ude00\udc00"]"#, false),
            (r#"[{"\ud83d":1}]"#, false),
        ] {
            let document = json::read(text.as_bytes()).unwrap();
            assert_eq!(Canonical::of(document.root()).is_complete(), complete, "{text}");
        }
    }

    #[test]
    fn a_member_can_be_left_out_at_the_top() {
        let document = json::read(br#"{"b":{"_meta":1},"_\u006deta":{"x":2},"a":3}"#).unwrap();
        assert_eq!(Canonical::without(document.root(), "_meta").into_text(), r#"{"a":3,"b":{"_meta":1}}"#);
    }
}
