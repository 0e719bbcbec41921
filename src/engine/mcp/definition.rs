//! Definitions of tools: what a server says of a tool in `tools/list`.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::json::canonical::{self, Canonical};
use crate::json::{MAX_DEPTH, Value};
use crate::text::hex;

/// How a digest begins.
const PREFIX: &str = "sha256:";

/// The member that belongs to one answer and not to the tool.
const META: &str = "_meta";

/// The units of work of hashing a text, whatever its length is.
const HASH: usize = 40;

/// The digest of a tool's definition: the SHA-256 of the canonical form (RFC 8785) of the tool's object in `tools/list`,
/// without `_meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DefinitionDigest([u8; 32]);

/// Why a definition has no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDigest {
    /// It nests deeper than 100 levels
    Depth,
    /// A double changes one of its numbers. Two definitions that differ in it would have one digest
    Number,
    /// A string or key has half of a surrogate pair
    HalfPair,
}

impl fmt::Display for NoDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Depth => "it nests deeper than 100 levels",
            Self::Number => "it has a number that no double holds exactly, such as an integer beyond 2^53",
            Self::HalfPair => "it has half of a surrogate pair",
        })
    }
}

impl DefinitionDigest {
    /// Returns the digest of a definition in which no key stands twice.
    ///
    /// # Errors
    /// [`NoDigest`] if it has none, because it nests too deep, or because its canonical form is not complete and exact.
    pub fn of(definition: Value<'_>) -> Result<Self, NoDigest> {
        if definition.nests_deeper(MAX_DEPTH) {
            return Err(NoDigest::Depth);
        }
        let form = Canonical::without(definition, META);
        match (form.is_exact(), form.is_complete()) {
            (true, true) => Ok(Self(Sha256::digest(form.into_text()).into())),
            (false, _) => Err(NoDigest::Number),
            (true, false) => Err(NoDigest::HalfPair),
        }
    }

    /// Returns how many units of work [`of`](Self::of) takes at most; `None` if the definition nests too deep.
    #[must_use]
    pub fn work(definition: Value<'_>) -> Option<usize> {
        if definition.nests_deeper(MAX_DEPTH) {
            return None;
        }
        let hashed = definition.raw().len() >> 1;
        Some(canonical::work(definition).saturating_add(hashed).saturating_add(HASH))
    }

    /// Reads a digest: `sha256:` and 64 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (pairs, []) = text.strip_prefix(PREFIX)?.as_bytes().as_chunks::<2>() else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
        let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Returns its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for DefinitionDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PREFIX}{}", hex(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn digest(text: &str) -> Result<String, NoDigest> {
        DefinitionDigest::of(json::read(text.as_bytes()).unwrap().root()).map(|digest| digest.to_string())
    }

    #[test]
    fn a_digest_is_of_what_a_definition_means() {
        // printf %s '{"description":"é","name":"a"}' | sha256sum
        let expected = "sha256:baa4e17738ef0b147346e4d62f66f5ff62dbc7539f6d7460bdf99d1c51a08f11";
        for same in [
            r#"{"name":"a","description":"é"}"#,
            r#" { "description" : "\u00e9", "n\u0061me" : "a" } "#,
            r#"{"_meta":{"x":1},"name":"a","description":"é"}"#,
        ] {
            assert_eq!(digest(same).as_deref(), Ok(expected), "{same}");
        }
        for other in [
            r#"{"name":"a","description":"e"}"#,
            r#"{"name":"a","description":"é","annotations":{"_meta":1}}"#,
            r#"{"name":"a","description":"é","x":null}"#,
        ] {
            assert!(digest(other).is_ok_and(|digest| digest != expected), "{other}");
        }
        let nested = |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(digest(&nested(99)).is_ok());
        for (none, why) in [
            (r#"{"name":"a","x":1e400}"#, NoDigest::Number),
            (r#"{"name":"a","x":9007199254740993}"#, NoDigest::Number),
            (r#"{"name":"a","x":[{"y":0.10000000000000001}]}"#, NoDigest::Number),
            (r#"{"name":"a","x":1e-400}"#, NoDigest::Number),
            (r#"{"name":"a","description":"\udc00"}"#, NoDigest::HalfPair),
            (&nested(100), NoDigest::Depth),
            (&nested(1_000_000), NoDigest::Depth),
        ] {
            assert_eq!(digest(none), Err(why), "{}", none.len());
        }
        for some in ["9007199254740992", "-0", "1.50", "1e300", "0.1"] {
            assert!(digest(&format!(r#"{{"name":"a","x":{some}}}"#)).is_ok(), "{some}");
        }
    }

    #[test]
    fn a_digest_is_64_hex_digits_behind_its_kind() {
        let text = format!("sha256:{}", "0123456789abcdef".repeat(4));
        assert_eq!(DefinitionDigest::parse(&text).unwrap().to_string(), text);
        assert_eq!(DefinitionDigest::parse(&text.replace("abcdef", "ABCDEF")).unwrap().to_string(), text);
        for wrong in [
            "",
            "sha256:",
            text.strip_prefix("sha256:").unwrap(),
            text.strip_suffix('f').unwrap(),
            &format!("{text}0"),
            &text.replace('a', "g"),
            &text.replace("ab", "é"),
        ] {
            assert_eq!(DefinitionDigest::parse(wrong), None, "{wrong}");
        }
    }
}
