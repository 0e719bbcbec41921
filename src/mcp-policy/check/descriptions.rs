//! The callers that the descriptions of grants fit, and whether one description covers another.

use mcp_policy_engine::document::Part;
use mcp_policy_engine::json::{Kind, Value, decimal};
use mcp_policy_engine::policy::{DESCRIBED, Pattern, Source};

/// A description of callers, or all callers.
pub enum Description<'c> {
    /// `any`
    Any,
    /// An element of `match`
    Of(Part<'c>),
}

/// Returns the descriptions of a grant.
pub fn of_grant<'c>(grant: &Part<'c>) -> Vec<Description<'c>> {
    match grant.member("match") {
        Some(part) if part.value.is_array() => part.elements().map(Description::Of).collect(),
        Some(_) => vec![Description::Any],
        None => Vec::new(),
    }
}

impl Description<'_> {
    /// Returns whether every caller that `other` fits also fits this one.
    pub fn covers(&self, other: &Self, sources: &[Source]) -> bool {
        let (own, other) = match (self, other) {
            (Self::Any, _) => return true,
            (Self::Of(_), Self::Any) => return false,
            (Self::Of(own), Self::Of(other)) => (own.value, other.value),
        };
        covers_source(own, other, sources) && DESCRIBED.iter().all(|(key, _)| covers_key(key, own, other))
    }
}

/// Returns whether the source of the callers that `other` fits is one that `own` accepts.
fn covers_source(own: Value<'_>, other: Value<'_>, sources: &[Source]) -> bool {
    let Some(name) = own.get("source").and_then(Value::string) else { return true };
    if let Some(others) = other.get("source").and_then(Value::string) {
        return others == name;
    }
    // Without a name it is each source of the kind, so that must be this one alone.
    let Some(kind) = kind(other) else { return false };
    let mut of_kind = sources.iter().filter(|source| source.kind.word() == kind);
    of_kind.next().is_some_and(|only| only.name == name) && of_kind.next().is_none()
}

/// Returns the kind of source that a description speaks of; `None` if it names only a source.
fn kind(description: Value<'_>) -> Option<&'static str> {
    DESCRIBED.iter().find(|(key, _)| description.get(key).is_some()).map(|(_, kind)| *kind)
}

/// Returns whether what `own` expects under a key is something that `other` expects, too.
fn covers_key(key: &str, own: Value<'_>, other: Value<'_>) -> bool {
    let Some(expected) = own.get(key) else { return true };
    match (key, other.get(key)) {
        // Every token has a name.
        ("jwt", None) => {
            expected.string().is_some_and(|text| text.chars().all(|char| char == '*'))
                && kind(other) == Some("jwt")
        }
        (_, None) => false,
        ("claim", Some(others)) => expected
            .entries()
            .all(|(claim, value)| others.get(&claim).is_some_and(|other| covers_value(value, other))),
        ("scope", Some(others)) => {
            expected.elements().all(|word| others.elements().any(|other| other.string() == word.string()))
        }
        ("api_key_sha256", Some(others)) => {
            let digest = |value: Value<'_>| value.string().unwrap_or_default().to_ascii_lowercase();
            digest(expected) == digest(others)
        }
        (_, Some(others)) => covers_value(expected, others),
    }
}

/// Returns whether every value that `other` accepts is accepted by `own`: patterns of strings, numbers, booleans.
fn covers_value(own: Value<'_>, other: Value<'_>) -> bool {
    match (own.string(), other.string()) {
        (Some(own), Some(other)) => covers(&Pattern::new(&own), &Pattern::new(&other)),
        (None, None) if own.kind() == Kind::Number && other.kind() == Kind::Number => {
            decimal::compare(own.raw(), other.raw()).is_eq()
        }
        (None, None) => own.raw() == other.raw(),
        _ => false,
    }
}

/// Returns whether every name that `other` matches is matched by `own`.
pub fn covers(own: &Pattern, other: &Pattern) -> bool {
    // No literal part of a pattern has a `*`, so only a `*` of `own` takes one of `other`, and then it takes whatever
    // that stands for.
    own.matches(other.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_matches_fewer_names() {
        for (own, other, expected) in [
            ("*", "get_*", true),
            ("get_*", "get_a*", true),
            ("get_*", "get_a", true),
            ("get_*", "get_*", true),
            ("*a*", "*ba*", true),
            ("get_a*", "get_*", false),
            ("get_a", "get_*", false),
            ("*a", "a*", false),
            ("a*b", "a*", false),
        ] {
            assert_eq!(covers(&Pattern::new(own), &Pattern::new(other)), expected, "{own} {other}");
        }
    }
}
