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

impl DefinitionDigest {
    /// Returns the digest of a definition in which no key stands twice. `None` if it has none: it nests deeper than 100
    /// levels, or has no canonical form, see [`Canonical::is_complete`].
    #[must_use]
    pub fn of(definition: Value<'_>) -> Option<Self> {
        if definition.nests_deeper(MAX_DEPTH) {
            return None;
        }
        let form = Canonical::without(definition, META);
        form.is_complete().then(|| Self(Sha256::digest(form.into_text()).into()))
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

    fn digest(text: &str) -> Option<String> {
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
            assert_eq!(digest(same).as_deref(), Some(expected), "{same}");
        }
        for other in [
            r#"{"name":"a","description":"e"}"#,
            r#"{"name":"a","description":"é","annotations":{"_meta":1}}"#,
            r#"{"name":"a","description":"é","x":null}"#,
        ] {
            assert!(digest(other).is_some_and(|digest| digest != expected), "{other}");
        }
        let nested = |levels: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(digest(&nested(99)).is_some());
        for none in [
            r#"{"name":"a","x":1e400}"#,
            r#"{"name":"a","description":"\udc00"}"#,
            &nested(100),
            &nested(1_000_000),
        ] {
            assert_eq!(digest(none), None, "{}", none.len());
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
