//! What a record contains of the claims that a policy reads.

use sha2::{Digest as _, Sha256};

use crate::identity::Caller;
use crate::json::{self, Kind, Value, canonical::Canonical};
use crate::mcp::keys;
use crate::policy::{Claims, Policy};
use crate::text::push_hex;

/// What a hashed value begins with. 16 hex digits follow.
pub const HASHED: &str = "sha256:";
/// The member that a record's claims end with if more of them are left out.
pub const CUT_CLAIMS: &str = "…";
/// The most elements of a list that are hashed one by one.
const MOST_ELEMENTS: usize = 16;
/// The longest value that is written in full, in bytes of JSON. A longer one is hashed.
const LONGEST: usize = 512;
/// The most bytes that all claims take. Claims beyond that are left out.
const MOST_BYTES: usize = 4096;

/// Writes the claims of a caller that the policy reads, as a JSON object by their paths: null for a claim that the
/// token does not have, `{}` for one that a server could find in two ways. `None` if nothing is to be recorded.
pub(super) fn read(policy: &Policy, caller: &Caller) -> Option<String> {
    if policy.audit_claims == Claims::None || policy.claims.is_empty() {
        return None;
    }
    let token = caller.claims.as_deref()?;
    let document = json::read(token.as_bytes()).ok().filter(|token| token.defect().is_none());
    // Conditions on claims that cannot be read are indeterminate.
    let Some(document) = document else { return Some("null".to_owned()) };
    let mut out = String::from("{");
    for claim in &policy.claims {
        if out.len() > 1 {
            out.push(',');
        }
        if out.len() > MOST_BYTES {
            json::quote(&mut out, CUT_CLAIMS);
            out.push_str(":null");
            break;
        }
        json::quote(&mut out, &claim.name);
        out.push(':');
        match find(document.root(), &claim.keys) {
            Err(Unclear) => out.push_str("{}"),
            Ok(None) => out.push_str("null"),
            Ok(Some(value)) => write(&mut out, value, policy.audit_claims, is_words(&claim.keys)),
        }
    }
    out.push('}');
    Some(out)
}

/// A value on the way is no object, or a key also occurs in another spelling.
struct Unclear;

fn find<'d>(root: Value<'d>, keys: &[String]) -> Result<Option<Value<'d>>, Unclear> {
    let mut found = root;
    for key in keys {
        if !found.is_object() {
            return Err(Unclear);
        }
        let mut next = None;
        for (other, value) in found.entries() {
            if keys::is_variant(&other, key) {
                return Err(Unclear);
            }
            if other == *key {
                next = Some(value);
            }
        }
        match next.filter(|value| value.kind() != Kind::Null) {
            Some(value) => found = value,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// Returns whether a claim holds words with spaces between them, each of which is hashed by itself.
fn is_words(keys: &[String]) -> bool {
    matches!(keys, [key] if key == "scope" || key == "scp")
}

fn write(out: &mut String, value: Value<'_>, form: Claims, words: bool) {
    if form == Claims::Full && value.raw().len() <= LONGEST {
        return json::compact(out, value);
    }
    let few =
        |value: &Value<'_>| value.elements().take(MOST_ELEMENTS.saturating_add(1)).count() <= MOST_ELEMENTS;
    if !value.is_array() || !few(&value) {
        return push_value(out, value, words);
    }
    out.push('[');
    for (index, element) in value.elements().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        push_value(out, element, words);
    }
    out.push(']');
}

fn push_value(out: &mut String, value: Value<'_>, words: bool) {
    let text = value.string();
    out.push('"');
    match text.filter(|text| {
        words && text.split(' ').take(MOST_ELEMENTS.saturating_add(1)).count() <= MOST_ELEMENTS
    }) {
        Some(text) => {
            for (index, word) in text.split(' ').enumerate() {
                out.push_str(if index > 0 { " " } else { "" });
                if !word.is_empty() {
                    let mut quoted = String::new();
                    json::push_string(&mut quoted, word);
                    push_digest(out, &quoted);
                }
            }
        }
        None => push_digest(out, &Canonical::of(value).into_text()),
    }
    out.push('"');
}

fn push_digest(out: &mut String, canonical: &str) {
    let digest = Sha256::digest(canonical.as_bytes());
    out.push_str(HASHED);
    push_hex(out, digest.get(..8).unwrap_or(&digest));
}

/// Returns what a record contains of a claim whose value has this canonical form (RFC 8785): the first 16 hex digits
/// of its SHA-256, after [`HASHED`].
#[must_use]
pub fn hashed_claim(canonical: &str) -> String {
    let mut out = String::new();
    push_digest(&mut out, canonical);
    out
}
