//! Sets of JSON types, the values of the keyword `type`.

use std::fmt;

use super::validate::Unsure;
use crate::json::{Kind, Sent, Value, decimal};

/// A set of types. Every number without a fractional part is an integer, in any notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Types(u8);

/// The name of each type in schemas and in messages.
pub(super) const NAMES: [(&str, &str); 7] = [
    ("array", "an array"),
    ("boolean", "a boolean"),
    ("integer", "an integer"),
    ("number", "a number"),
    ("object", "an object"),
    ("string", "a string"),
    ("null", "null"),
];

impl Types {
    const ARRAY: Self = Self(1);
    const BOOLEAN: Self = Self(1 << 1);
    const INTEGER: Self = Self(1 << 2);
    const NUMBER: Self = Self(1 << 3);
    const OBJECT: Self = Self(1 << 4);
    const STRING: Self = Self(1 << 5);
    const NULL: Self = Self(1 << 6);

    /// Returns the type of this name.
    pub fn named(name: &str) -> Option<Self> {
        let at = NAMES.iter().position(|(known, _)| *known == name)?;
        Some(Self(1 << at))
    }

    /// Returns the union of both sets.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the value has one of these types.
    ///
    /// # Errors
    /// [`Unsure`] if the value is a number that is an integer only to servers that read it as a double.
    pub fn fit(self, value: Value<'_>) -> Result<bool, Unsure> {
        Ok(match value.kind() {
            Kind::Null => self.has(Self::NULL),
            Kind::Bool(_) => self.has(Self::BOOLEAN),
            Kind::Number if self.has(Self::NUMBER) => true,
            Kind::Number if self.has(Self::INTEGER) => return is_integer(value.raw()).ok_or(Unsure::Digits),
            Kind::Number => false,
            Kind::String { .. } => self.has(Self::STRING),
            Kind::Array => self.has(Self::ARRAY),
            Kind::Object => self.has(Self::OBJECT),
        })
    }

    /// Returns whether the set contains `number` or `integer`.
    pub fn numeric(self) -> bool {
        self.has(Self::NUMBER) || self.has(Self::INTEGER)
    }

    /// Returns whether no number with a fraction has one of these types.
    pub fn only_whole_numbers(self) -> bool {
        !self.has(Self::NUMBER)
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

fn is_integer(number: &str) -> Option<bool> {
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if plain { Some(true) } else { Sent::new(number).judge(|text| Some(decimal::is_integer(text))) }
}

/// Writes a list such as "a string, an array or null".
impl fmt::Display for Types {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = |at: usize| self.has(Self(1 << at));
        let names = NAMES.iter().enumerate().filter(|(at, _)| held(*at));
        let mut left = names.clone().count();
        for (_, (_, name)) in names {
            left = left.saturating_sub(1);
            let separator = match left {
                0 => "",
                1 => " or ",
                _ => ", ",
            };
            write!(out, "{name}{separator}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn types_read_as_a_sentence() {
        for (names, expected) in [
            (["string"].as_slice(), "a string"),
            (&["null", "string"], "a string or null"),
            (&["null", "integer", "array"], "an array, an integer or null"),
        ] {
            let types = names.iter().filter_map(|name| Types::named(name)).fold(Types::default(), Types::or);
            assert_eq!(types.to_string(), expected);
        }
        assert_eq!(Types::named("int"), None);
    }

    #[test]
    fn each_value_is_of_its_types() {
        for (text, expected) in [
            ("[]", "array"),
            ("true", "boolean"),
            ("5", "integer number"),
            ("5.0", "integer number"),
            ("-50e-1", "integer number"),
            ("0.5", "number"),
            ("{}", "object"),
            ("\"5\"", "string"),
            ("null", "null"),
        ] {
            let document = json::read(text.as_bytes()).unwrap();
            let fits = |name: &&str| Types::named(name).unwrap().fit(document.root()) == Ok(true);
            assert_eq!(
                NAMES.map(|(name, _)| name).into_iter().filter(fits).collect::<Vec<_>>().join(" "),
                expected,
                "{text}"
            );
        }
    }
}
