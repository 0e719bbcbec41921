//! The scopes of a token.

use crate::json::{Kind, Value};

/// The claims that hold scopes: the one of RFC 8693 (section 4.2), and the one that some issuers use instead.
const CLAIMS: [&str; 2] = ["scope", "scp"];

/// Returns the scopes of a token: the words of the claim `scope`, or of `scp` without it, a string with
/// spaces between the words, or a list of strings. Without either there are none.
///
/// `None` if the claim is something else, so that its words are not known.
#[must_use]
pub fn scopes(claims: Value<'_>) -> Option<Vec<String>> {
    let mut words = Vec::new();
    match claim(claims) {
        None => {}
        Some(claim) if claim.is_array() => {
            claim.elements().try_for_each(|element| add(element, &mut words))?
        }
        Some(claim) => add(claim, &mut words)?,
    }
    Some(words)
}

/// Returns whether a token has a claim for scopes.
#[must_use]
pub fn has_scopes(claims: Value<'_>) -> bool {
    claim(claims).is_some()
}

/// Returns how many units of work it takes at most to find the scopes of a token of this many bytes.
#[must_use]
pub fn scopes_work(length: usize) -> usize {
    length.saturating_mul(2).saturating_add(10)
}

fn claim(claims: Value<'_>) -> Option<Value<'_>> {
    let known = CLAIMS.iter().filter_map(|claim| claims.get(claim));
    known.into_iter().find(|claim| claim.kind() != Kind::Null)
}

/// Adds the words of a string. A scope contains no space (RFC 6749, section 3.3), so a list may have several
/// in one element.
fn add(value: Value<'_>, words: &mut Vec<String>) -> Option<()> {
    let text = value.string()?;
    words.extend(text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn scopes_are_the_words_of_one_of_two_claims() {
        for (claims, expected) in [
            (r#"{"scope":"a b"}"#, Some("a b")),
            (r#"{"scp":"a b"}"#, Some("a b")),
            (r#"{"scp":["a","b"]}"#, Some("a b")),
            (r#"{"scope":["a b","c"]}"#, Some("a b c")),
            (r#"{"scope":"a","scp":["b"]}"#, Some("a")),
            (r#"{"scope":null,"scp":["b"]}"#, Some("b")),
            (r#"{"scope":"","scp":["b"]}"#, Some("")),
            (r#"{"scope":"  a  "}"#, Some("a")),
            (r#"{"scope":""}"#, Some("")),
            (r#"{"scope":null}"#, Some("")),
            (r#"{"Scope":"a"}"#, Some("")),
            ("{}", Some("")),
            (r#"{"scope":"a\tb"}"#, Some("a\tb")),
            (r#"{"scope":7}"#, None),
            (r#"{"scope":["a",7]}"#, None),
            (r#"{"scope":{"a":true}}"#, None),
            (r#"{"scope":"a","scp":true}"#, Some("a")),
        ] {
            let document = json::read(claims.as_bytes()).unwrap();
            let found = scopes(document.root()).map(|words| words.join(" "));
            assert_eq!(found.as_deref(), expected, "{claims}");
        }
    }
}
