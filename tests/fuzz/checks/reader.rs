//! The JSON reader on any bytes: it agrees with `serde_json` on what is JSON, what it means and what is defective; the
//! spans of values are their texts; and what the engine writes of a value reads as that value.

use mcp_policy_engine::json::{self, Kind, Value, canonical::Canonical};

use crate::{normal, oracle};

/// Values for the mutation.
pub const FRAGMENTS: &[&str] = &["\"constructor\"", "\"prototype\"", "\"k\\u0031\"", "[[[[[[[[]]]]]]]]"];

/// Checks one input.
pub fn check(bytes: &[u8]) {
    oracle::compare(bytes);
    let Ok(document) = json::read(bytes) else { return };
    let root = document.root();
    spans(root, 0..bytes.len());
    if document.defect().is_some() {
        return;
    }
    let meaning = normal::own(root);
    let mut compact = String::new();
    json::compact(&mut compact, root);
    same(&compact, &meaning);
    let canonical = Canonical::of(root);
    if canonical.is_exact() && canonical.is_complete() {
        same(&canonical.into_text(), &meaning);
    }
}

/// Asserts that a text has this meaning.
fn same(text: &str, meaning: &str) {
    let document = json::read(text.as_bytes()).unwrap_or_else(|malformed| panic!("{malformed}: {text}"));
    assert_eq!(normal::own(document.root()), meaning, "{text}");
}

/// Asserts that each value is within the one around it, behind the one before it, and a text of its own.
fn spans(value: Value<'_>, outer: std::ops::Range<usize>) {
    let span = value.span();
    assert!(
        outer.start <= span.start && span.start < span.end && span.end <= outer.end,
        "{span:?} in {outer:?}"
    );
    let mut start = span.start + 1;
    for element in value.elements() {
        spans(element, start..span.end - 1);
        start = element.span().end + 1;
    }
    for (key, member) in value.keyed() {
        spans(key, start..span.end - 1);
        spans(member, key.span().end + 1..span.end - 1);
        start = member.span().end + 1;
    }
    if !matches!(value.kind(), Kind::Array | Kind::Object) {
        let alone = json::read(value.raw().as_bytes()).expect("a value is a text");
        assert_eq!(alone.root().kind(), value.kind());
    }
}
