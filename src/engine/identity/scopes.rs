//! The scopes of a token.

use crate::json::{Kind, Value};

/// The claims that hold scopes: the one of RFC 8693 (section 4.2), and the one that some issuers use instead.
const CLAIMS: [&str; 2] = ["scope", "scp"];

/// Returns the scopes of a token: the words of its claims `scope` and `scp`, each a string with spaces between
/// the words, or a list of strings. A word in both is listed twice.
///
/// `None` if one of the claims is something else, so that its words are not known.
#[must_use]
pub fn scopes(claims: Value<'_>) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for claim in CLAIMS.iter().filter_map(|claim| claims.get(claim)) {
        match claim.kind() {
            Kind::Null => {}
            Kind::Array => claim.elements().try_for_each(|element| add(element, &mut words))?,
            _ => add(claim, &mut words)?,
        }
    }
    Some(words)
}

/// Adds the words of a string. A scope contains no space (RFC 6749, section 3.3), so a list may have several in
/// one element.
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
    fn scopes_are_the_words_of_two_claims() {
        for (claims, expected) in [
            (r#"{"scope":"a b"}"#, Some("a b")),
            (r#"{"scp":"a b"}"#, Some("a b")),
            (r#"{"scp":["a","b"]}"#, Some("a b")),
            (r#"{"scope":["a b","c"]}"#, Some("a b c")),
            (r#"{"scope":"a","scp":["b"]}"#, Some("a b")),
            (r#"{"scope":"  a  "}"#, Some("a")),
            (r#"{"scope":""}"#, Some("")),
            (r#"{"scope":null}"#, Some("")),
            (r#"{"Scope":"a"}"#, Some("")),
            ("{}", Some("")),
            (r#"{"scope":"a\tb"}"#, Some("a\tb")),
            (r#"{"scope":7}"#, None),
            (r#"{"scope":["a",7]}"#, None),
            (r#"{"scope":{"a":true}}"#, None),
            (r#"{"scope":"a","scp":true}"#, None),
        ] {
            let document = json::read(claims.as_bytes()).unwrap();
            let found = scopes(document.root()).map(|words| words.join(" "));
            assert_eq!(found.as_deref(), expected, "{claims}");
        }
    }
}
