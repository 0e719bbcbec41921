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
    "\"[^--9]\"",
    "\"[+--]\"",
    "\"[ --]\"",
    "\"a*{2}\"",
    "\"a{2, 3}\"",
    "\"\\\\b*\"",
];

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(document) = json::read(bytes) else { return };
    let texts: Vec<_> = document.root().elements().filter_map(json::Value::string).collect();
    let [expression, text] = texts.as_slice() else { return };
    let Ok(own) = Regex::new(expression) else { return };
    let Some(found) = own.finds(text, &Work::default()) else { return };
    // Both accept `[[:alpha:]]`, with another meaning.
    if expression.contains("[:")
        || expression.len() > 60
        || text.len() > 40
        || !takes_little(expression, text)
    {
        return;
    }
    // Under the flag `m`, a line of the engine ends at a line feed alone, as docs/conditions.md says.
    let ends_lines = text.contains(['\r', '\u{2028}', '\u{2029}']);
    if ends_lines && expression.contains("(?") && expression.contains('m') {
        return;
    }
    let Ok(other) = regress::Regex::with_flags(expression, "u") else { return };
    assert_eq!(found, other.find(text).is_some(), "{expression:?} in {text:?}");
}

/// The most ways to find an expression that the other implementation may have to try: less than a second.
const MOST_WAYS: usize = 3_000_000;

/// Returns whether the other implementation finds an expression soon, or finds that it is not there. It tries all ways: those
/// of `(a*)*b` double with each `a` in the text, and those of `(||){30}a` are 3 to the power of 30 in any text. The count
/// here is an upper bound.
fn takes_little(expression: &str, text: &str) -> bool {
    // Behind an opening parenthesis, `?` is no repetition.
    let expression = expression.replace("(?", "(");
    let count = |symbols: &[char]| expression.chars().filter(|char| symbols.contains(char)).count();
    let (repetitions, choices) = (count(&['*', '+', '{']), count(&['|', '?']));
    let turns = text.chars().count() + 1;
    let repeated_groups: usize =
        [")*", ")+", ")?", "){"].iter().map(|end| expression.matches(end).count()).sum();
    let power = |base: usize, exponent: usize| base.checked_pow(exponent.try_into().ok()?);
    let ways = match repeated_groups {
        // The repetitions share the text among them.
        0 => power(turns, repetitions + 1)
            .zip(power(2, choices))
            .and_then(|(shares, ways)| shares.checked_mul(ways)),
        // Each turn takes one of the alternatives, and may be the last one of a repetition.
        1 => power(1 + repetitions + choices, turns.saturating_add(least_turns(&expression))),
        // One in the other takes hours even in short texts: `(((a*?){0,4}){3,}){2}c` in `aa`.
        _ => None,
    };
    ways.is_some_and(|ways| ways <= MOST_WAYS)
}

/// Returns the sum of the numbers behind opening braces: how many repetitions there are at least, even of nothing.
fn least_turns(expression: &str) -> usize {
    let number = |behind: &str| {
        let digits = behind.find(|char: char| !char.is_ascii_digit()).unwrap_or(behind.len());
        behind[..digits].parse().unwrap_or(if digits == 0 { 0 } else { MOST_WAYS })
    };
    expression.split('{').skip(1).map(number).fold(0, usize::saturating_add)
}
