//! An expression and a text, as a JSON array of the two: the engine finds what an implementation of ECMA-262 finds, the
//! crate `regress`.

use mcp_policy_engine::json;
use mcp_policy_engine::regex::Regex;
use mcp_policy_engine::work::Work;

/// Values for the mutation.
pub const FRAGMENTS: &[&str] = &[
    "\"^a$\"",
    "\"[a-z]+\"",
    "\"\\\\bDROP\\\\b\"",
    "\"^(?!a)b\"",
    "\"^(?=a).b\"",
    "\"\\\\s\\\\S.\"",
    "\"a{2,3}\"",
    "\"(a|b)*c\"",
    "\"[^\\\\s\\\\d]\"",
    "\"\\\\u0041\\\\x42\"",
    "\"[\\\\]\\\\-]\"",
    "\"\\\\cA\"",
    "\"\\\\0\"",
    "\"(?i:a)\"",
    "\"a\\\\/b\"",
    "\"\\u2028\"",
    "\"\\n\"",
    "\"é\"",
    "\"😀\"",
    "\"(?<n>a)b\"",
    "\"[]\"",
    "\"[^]\"",
    "\"\\\\w\\\\W\\\\D\\\\B\"",
    "\"a*?b+?\"",
    "\"\\\\v\\\\f\\\\t\"",
    "\"[\\\\b]\"",
];

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(document) = json::read(bytes) else { return };
    let texts: Vec<_> = document.root().elements().filter_map(json::Value::string).collect();
    let [expression, text] = texts.as_slice() else { return };
    let Ok(own) = Regex::new(expression) else { return };
    let Some(found) = own.finds(text, &Work::default()) else { return };
    if !is_comparable(expression) || expression.len() > 60 || text.len() > 40 {
        return;
    }
    let Ok(other) = regress::Regex::with_flags(expression, "u") else { return };
    assert_eq!(found, other.find(text).is_some(), "{expression:?} in {text:?}");
}

/// Returns whether an expression has no parts that both accept with another meaning, and few repetitions and
/// alternatives: the other implementation tries all ways to repeat, which takes hours for `((||||||||)+||||||||)+a`.
fn is_comparable(expression: &str) -> bool {
    let count = |symbols: &[char]| expression.chars().filter(|char| symbols.contains(char)).count();
    let repetitions = count(&['*', '+', '{']);
    repetitions <= 3 && (repetitions < 2 || count(&['|', '?']) <= 6) && !expression.contains("[:")
}
