//! The grant that applies is the first in the list that matches, as a trial of each finds it.

use std::fmt::Write as _;

use mcp_policy_engine::identity::{Principal, identify};
use mcp_policy_engine::policy::{Certificate, Pattern};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::known::Given::{self, Head, Name};
use super::known::{JWT_AUTHN, Known};
use super::{NOW_NS, policy};

const NAMES: [&str; 5] = ["a", "ab", "abc", "b", "cab"];

fn digest(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A description of callers; most have one key, some have two of one kind.
fn description() -> impl Strategy<Value = Value> {
    let pattern = || select(vec!["a", "ab", "abc", "a*", "ab*", "*b", "*a*", "*", "*c*b", "x"]);
    let claims = prop::collection::btree_map(
        select(vec!["team", "level", "admin"]),
        select(vec![json!("sre"), json!("s*"), json!("*"), json!(3), json!(true)]),
        1..3,
    );
    let all = (pattern(), pattern(), pattern(), select(NAMES.to_vec()), claims);
    let keys = vec!["jwt", "mtls", "header", "api_key_sha256", "claim"];
    let keys = prop_oneof![
        4 => subsequence(keys, 1),
        2 => Just(vec!["jwt", "claim"]),
    ];
    (all, keys).prop_map(|((jwt, mtls, header, key, claim), keys)| {
        let all = json!({
            "jwt": jwt, "mtls": mtls, "header": header, "api_key_sha256": digest(key), "claim": claim,
        });
        Value::Object(keys.into_iter().map(|key| (key.to_owned(), all[key].clone())).collect())
    })
}

fn matching() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(json!("any")),
        9 => prop::collection::vec(description(), 1..4).prop_map(Value::Array),
    ]
}

fn token() -> impl Strategy<Value = Option<Value>> {
    let team = select(vec![json!("sre"), json!("db"), json!(["db", "sre"]), json!(3)]);
    let token = (select(NAMES.to_vec()), team, select(vec![json!(3), json!(4)]), any::<bool>());
    prop::option::of(token.prop_map(
        |(sub, team, level, admin)| json!({"sub": sub, "team": team, "level": level, "admin": admin}),
    ))
}

fn given() -> impl Strategy<Value = Vec<Given>> {
    let names = || prop::option::of(select(NAMES.to_vec()));
    (names(), names(), names()).prop_map(|(certificate, key, header)| {
        let certificate = certificate.map(|name| Name(Certificate::UriSan, name));
        let key = key.map(|name| Head("x-api-key", name));
        [certificate, key, header.map(|name| Head("x-agent-id", name))].into_iter().flatten().collect()
    })
}

/// Tells whether a grant matches, by its own description and the list alone.
fn matches(grants: &[Value], matching: &Value, principal: Option<&Principal>, token: Option<&Value>) -> bool {
    let Some(descriptions) = matching.as_array() else {
        let Some(Principal::ApiKey(digest)) = principal else { return true };
        let lists = |grant: &Value| {
            let descriptions = grant.as_array().into_iter().flatten();
            descriptions.into_iter().any(|one| one["api_key_sha256"] == json!(digest))
        };
        return grants.iter().any(lists);
    };
    descriptions.iter().filter_map(Value::as_object).any(|one| fits(one, principal, token))
}

fn fits(one: &Map<String, Value>, principal: Option<&Principal>, token: Option<&Value>) -> bool {
    let pattern = |text: &Value| Pattern::new(text.as_str().unwrap());
    one.iter().all(|(key, expected)| match (key.as_str(), principal) {
        ("jwt", Some(Principal::Jwt(name)))
        | ("mtls", Some(Principal::Mtls(name)))
        | ("header", Some(Principal::Header(name))) => pattern(expected).matches(name),
        ("api_key_sha256", Some(Principal::ApiKey(digest))) => expected == digest,
        ("claim", Some(Principal::Jwt(_))) => {
            expected.as_object().into_iter().flatten().all(|(claim, expected)| {
                let found = token.map_or(&Value::Null, |token| &token[claim]);
                let is = |found: &Value| match found.as_str() {
                    Some(text) if expected.is_string() => pattern(expected).matches(text),
                    _ => found == expected,
                };
                is(found) || found.as_array().into_iter().flatten().any(is)
            })
        }
        _ => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_grant_that_applies_is_the_first_that_matches(
        grants in prop::collection::vec(matching(), 1..16),
        sources in subsequence(vec![
            json!({"jwt": {"payload": "jwt_payload"}}),
            json!({"mtls": "uri_san"}),
            json!({"api_key": {"header": "x-api-key"}}),
            json!({"header": {"name": "x-agent-id"}}),
        ], 0..=4).prop_shuffle(),
        given in given(),
        token in token(),
    ) {
        let named: Vec<Value> = grants
            .iter()
            .enumerate()
            .map(|(number, matching)| json!({"name": number.to_string(), "match": matching}))
            .collect();
        let policy = policy(&json!({"version": "1", "identity": sources, "grants": named}));
        let mut known = Known::new(&policy, &given);
        if let Some(token) = &token {
            known.verified(JWT_AUTHN, "jwt_payload", &token.to_string());
        }
        let (caller, denial) = identify(&policy, &known.headers, &known, Some(NOW_NS));
        let principal = caller.principal.as_ref();
        let nobody = principal.is_none() && !sources.is_empty();
        let first = grants.iter().position(|grant| matches(&grants, grant, principal, token.as_ref()));
        prop_assert_eq!(caller.grant, first.filter(|_| !nobody));
        prop_assert_eq!(denial.is_none(), caller.grant.is_some());
    }
}

/// The sources of the test below, by name: their kinds, and what they read.
const SOURCES: [(&str, &str); 5] =
    [("corp", "jwt"), ("partner", "jwt"), ("cert", "mtls"), ("hop", "header"), ("edge", "header")];

/// A description that names its source and says something of its callers, or nothing.
fn by_source() -> impl Strategy<Value = Value> {
    let pattern = select(vec!["a", "ab", "a*", "*b", "*", "x"]);
    let scope = select(vec![json!(["run"]), json!(["run", "read"])]);
    (select(SOURCES.to_vec()), pattern, scope, any::<[bool; 2]>()).prop_map(
        |((source, kind), pattern, scope, [named, scoped])| {
            let mut description = json!({ "source": source });
            if named {
                description[kind] = json!(pattern);
            }
            if scoped && kind == "jwt" {
                description["scope"] = scope;
            }
            description
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_description_fits_only_callers_of_its_source(
        grants in prop::collection::vec(prop::collection::vec(by_source(), 1..3), 1..8),
        sources in Just(SOURCES.to_vec()).prop_shuffle(),
        names in prop::collection::vec(prop::option::of(select(NAMES.to_vec())), SOURCES.len()),
        scope in select(vec!["", "run", "read run"]),
    ) {
        let source = |(name, kind): &(&str, &str)| match *kind {
            "jwt" => json!({"name": name, "jwt": {"payload": name}}),
            "mtls" => json!({"name": name, "mtls": "uri_san"}),
            _ => json!({"name": name, "header": {"name": format!("x-{name}")}}),
        };
        let identity: Vec<Value> = sources.iter().map(source).collect();
        let named: Vec<Value> = (grants.iter().enumerate())
            .map(|(number, matching)| json!({"name": number.to_string(), "match": matching}))
            .collect();
        let policy = policy(&json!({"version": "1", "identity": identity, "grants": named}));
        let given: Vec<(&str, &str, &str)> = (sources.iter().zip(&names))
            .filter_map(|((source, kind), name)| Some((*source, *kind, (*name)?)))
            .collect();
        let heads: Vec<Given> = (given.iter())
            .filter_map(|(source, kind, name)| match (*kind, *source) {
                ("mtls", _) => Some(Name(Certificate::UriSan, name)),
                ("header", "hop") => Some(Head("x-hop", name)),
                ("header", _) => Some(Head("x-edge", name)),
                _ => None,
            })
            .collect();
        let mut known = Known::new(&policy, &heads);
        for (source, _, name) in given.iter().filter(|(_, kind, _)| *kind == "jwt") {
            known.verified(JWT_AUTHN, source, &json!({"sub": name, "scope": scope}).to_string());
        }
        let (caller, _) = identify(&policy, &known.headers, &known, Some(NOW_NS));
        let first = given.first();
        prop_assert_eq!(caller.source_name(&policy), first.map(|(source, ..)| *source));
        let fits = |one: &Value| first.is_some_and(|(source, kind, name)| {
            let words: Vec<&str> = scope.split(' ').collect();
            let wanted = one["scope"].as_array().into_iter().flatten();
            one["source"] == *source
                && one[*kind].as_str().is_none_or(|pattern| Pattern::new(pattern).matches(name))
                && wanted.filter_map(Value::as_str).all(|word| words.contains(&word))
        });
        prop_assert_eq!(caller.grant, grants.iter().position(|grant| grant.iter().any(fits)));
    }
}
