//! Which credentials each source reads, and when.

use mcp_policy_engine::identity::identify;
use mcp_policy_engine::policy::Certificate::{self, UriSan};
use serde_json::json;

use super::known::Given::{self, Bytes, Head, Name, State, Token, TokenAt};
use super::known::{JWT_AUTHN, Known};
use super::{NOW_NS, check, document, outcome, policy};

#[test]
fn each_source_reads_its_own_token() {
    let document = json!({"version": "1", "identity": [
        {"name": "staff", "jwt": {"payload": "staff", "claim": "sub"}},
        {"name": "partner", "jwt": {"payload": "partner", "claim": "email"}},
    ], "grants": [
        {"name": "admin", "match": [{"source": "staff", "jwt": "admin"}]},
        {"name": "ops", "match": [{"source": "staff", "claim": {"team": "ops"}}]},
        {"name": "guests", "match": [{"source": "partner", "scope": ["mcp:run"]}]},
        {"name": "rest", "match": "any"},
    ]});
    check(
        &document,
        &[
            (&[TokenAt(JWT_AUTHN, "staff", r#"{"sub":"admin"}"#)], "admin: jwt admin"),
            // A partner's issuer may put anything into its tokens.
            (&[TokenAt(JWT_AUTHN, "partner", r#"{"sub":"admin","email":"a@b"}"#)], "rest: jwt a@b"),
            (&[TokenAt(JWT_AUTHN, "partner", r#"{"email":"admin"}"#)], "rest: jwt admin"),
            (&[TokenAt(JWT_AUTHN, "partner", r#"{"email":"a@b","team":"ops"}"#)], "rest: jwt a@b"),
            (&[TokenAt(JWT_AUTHN, "partner", r#"{"email":"a@b","scp":["mcp:run"]}"#)], "guests: jwt a@b"),
            (&[TokenAt(JWT_AUTHN, "staff", r#"{"sub":"a","scp":["mcp:run"]}"#)], "rest: jwt a"),
            (
                &[
                    TokenAt(JWT_AUTHN, "staff", r#"{"team":"ops"}"#),
                    TokenAt(JWT_AUTHN, "partner", r#"{"email":"a@b"}"#),
                ],
                "rest: jwt a@b",
            ),
        ],
    );
}

#[test]
fn a_caller_has_the_claims_of_the_token_that_names_it_and_no_other() {
    let document = json!({"version": "1", "identity": [
        {"mtls": "uri_san"}, {"name": "staff", "jwt": {"payload": "staff"}},
        {"name": "partner", "jwt": {"payload": "partner"}},
    ]});
    let policy = policy(&document);
    let (staff, partner) = (r#"{"team":"ops"}"#, r#"{"sub":"a"}"#);
    let tokens = [TokenAt(JWT_AUTHN, "staff", staff), TokenAt(JWT_AUTHN, "partner", partner)];
    let claims = |given: &[Given]| {
        let known = Known::new(&policy, given);
        identify(&policy, &known.headers, &known, None).0.claims
    };
    assert_eq!(claims(&tokens).as_deref(), Some(partner));
    assert_eq!(claims(&[tokens[0], tokens[1], Name(UriSan, "a")]), None);
    assert_eq!(claims(&[tokens[0]]), None);
    assert_eq!(claims(&[Name(UriSan, "a")]), None);
}

#[test]
fn principals_of_two_sources_are_told_apart() {
    let two = json!([{"name": "corp", "jwt": {"payload": "corp"}}, {"header": {"name": "x-agent-id"}}]);
    let one = json!([{"name": "corp", "jwt": {"payload": "corp"}}]);
    for (identity, keys) in [(two, ["corp\0alice", "header\0alice"]), (one, ["alice", ""])] {
        let policy = policy(&json!({"version": "1", "identity": identity}));
        let given = [TokenAt(JWT_AUTHN, "corp", r#"{"sub":"alice"}"#), Head("x-agent-id", "alice")];
        for (given, key) in given.iter().zip(keys) {
            let known = Known::new(&policy, &[*given]);
            let (caller, _) = identify(&policy, &known.headers, &known, None);
            assert_eq!(caller.principal_key(&policy).unwrap_or_default(), key);
            let waiting = caller.key(&policy).unwrap_or_default();
            assert_eq!(waiting, if key.is_empty() { String::new() } else { format!("default\0{key}") });
        }
    }
}

#[test]
fn an_attribute_names_a_caller() {
    let document = json!({"version": "1", "identity": [
        {"attribute": ["filter_state", "io.istio.peer_principal"]}, {"header": {"name": "x-agent-id"}},
    ], "grants": [
        {"name": "ns", "match": [{"attribute": "spiffe://mesh/ns/agents/*"}]},
        {"name": "hop", "match": [{"header": "*"}]},
    ]});
    let peer = |value| State("io.istio.peer_principal", value);
    check(
        &document,
        &[
            (&[peer("spiffe://mesh/ns/agents/sa/a")], "ns: attribute spiffe://mesh/ns/agents/sa/a"),
            (&[peer("spiffe://mesh/ns/x")], "no_grant"),
            (&[State("other", "spiffe://mesh/ns/agents/sa/a")], "unauthenticated"),
            (&[peer(""), Head("x-agent-id", "a")], "hop: header a"),
            (
                &[Head("x-agent-id", "spiffe://mesh/ns/agents/sa/a")],
                "hop: header spiffe://mesh/ns/agents/sa/a",
            ),
        ],
    );
}

#[test]
fn a_caller_without_an_identity_is_told_nothing_and_the_operator_why() {
    let policy = policy(&document());
    let rows: &[(&[Given], &str)] = &[
        (&[], "no_credential"),
        (&[TokenAt("envoy.other", "jwt_payload", r#"{"sub":"a"}"#)], "no_credential"),
        (&[TokenAt(JWT_AUTHN, "other_payload", r#"{"sub":"a"}"#)], "payload_missing"),
        (&[Head("authorization", "Basic a")], "scheme_differs"),
        (&[Token(r#"{"email":"a"}"#)], "claim_missing"),
        (&[Token(r#"{"sub":7}"#)], "claim_missing"),
        (&[Token(r#"{"sub":""}"#)], "claim_missing"),
        (&[Name(Certificate::DnsSan, "a")], "name_missing"),
        (&[Token("{")], "credential_unreadable"),
        (&[Head("x-api-key", "a,b")], "credential_ambiguous"),
        (&[Head("x-api-key", "a"), Head("x-api-key", "a")], "credential_ambiguous"),
        (&[Head("x-agent-id", "a"), Head("x-agent-id", "b")], "credential_ambiguous"),
        (&[Head("x-api-key", "")], "no_credential"),
        (&[Bytes("x-agent-id", b"\xff")], "credential_unreadable"),
        (&[Head("x-api-key", "made up")], "key_unknown"),
    ];
    for (given, cause) in rows {
        let known = Known::new(&policy, given);
        let denial = identify(&policy, &known.headers, &known, Some(NOW_NS)).1.unwrap();
        assert_eq!(denial.cause, Some(*cause), "{given:?}");
        assert!(!denial.reason.contains(cause), "{given:?}");
    }
    let keys = self::policy(&json!({"version": "1", "identity": [
        {"api_key": {"header": "authorization", "scheme": "ApiKey"}},
    ], "grants": [{"name": "a", "match": "any"}]}));
    let known = Known::new(&keys, &[Head("authorization", "Bearer a")]);
    let denial = identify(&keys, &known.headers, &known, Some(NOW_NS)).1.unwrap();
    assert_eq!(denial.cause, Some("scheme_differs"));
}

#[test]
fn a_grant_is_in_force_from_one_time_to_another() {
    let second = 1_000_000_000;
    for (term, before, from, until) in [
        (json!({"not_before": "2027-01-15T08:00:01Z"}), Some("no_grant"), None, None),
        (json!({"expires": "2027-01-15T08:00:02Z"}), None, None, Some("grant_expired")),
        (
            json!({"not_before": "2027-01-15T08:00:01Z", "expires": "2027-01-15T10:00:02+02:00"}),
            Some("no_grant"),
            None,
            Some("grant_expired"),
        ),
    ] {
        let mut grant = term.clone();
        grant["name"] = json!("term");
        grant["match"] = json!("any");
        let policy = policy(&json!({"version": "1", "grants": [grant, {"name": "rest", "match": "any"}]}));
        let known = Known::new(&policy, &[]);
        for (time, code) in [
            (Some(NOW_NS), before),
            (Some(NOW_NS + second - 1), before),
            (Some(NOW_NS + second), from),
            (Some(NOW_NS + 2 * second - 1), from),
            (Some(NOW_NS + 2 * second), until),
            (None, if before.is_some() { before } else { until }),
        ] {
            let denial = identify(&policy, &known.headers, &known, time).1;
            assert_eq!(denial.as_ref().map(|denial| denial.code.as_str()), code, "{term} {time:?}");
            if code == Some("no_grant") {
                let denial = denial.unwrap();
                assert!(denial.reason.ends_with("begins at 2027-01-15T08:00:01Z"), "{}", denial.reason);
                assert_eq!(denial.rule, "grants[0].not_before");
            }
        }
    }
}

#[test]
fn without_a_clock_anything_that_can_expire_counts_as_expired() {
    let policy = policy(&document());
    for (subject, code) in [("zone", Some("grant_expired")), ("ci@corp.example", None)] {
        let mut known = Known::new(&policy, &[]);
        known.verified(JWT_AUTHN, "jwt_payload", &json!({ "sub": subject }).to_string());
        let refusal = identify(&policy, &known.headers, &known, None).1;
        assert_eq!(refusal.map(|denial| denial.code.as_str()), code, "{subject}");
    }
}

#[test]
fn a_policy_without_identity_sources_reads_no_credentials() {
    let policy = policy(&json!({"version": "1", "grants": [{"name": "all", "match": "any"}]}));
    let known = Known::new(&policy, &[Token(r#"{"sub":"a"}"#), Name(UriSan, "a")]);
    outcome(&policy, &known);
    assert_eq!(*known.asked.borrow(), [""; 0]);
}

#[test]
fn no_source_is_read_after_the_first_that_has_a_value() {
    let policy = policy(&document());
    let known = Known::new(&policy, &[Name(UriSan, "spiffe://corp/ci/a")]);
    outcome(&policy, &known);
    assert_eq!(*known.asked.borrow(), ["jwt_payload", "UriSan"]);
}
