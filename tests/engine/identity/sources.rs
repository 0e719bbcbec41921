//! Which credentials each source reads, and when.

use mcp_policy_engine::identity::identify;
use mcp_policy_engine::policy::Certificate::UriSan;
use serde_json::json;

use super::known::Given::{self, Name, Token, TokenAt};
use super::known::{JWT_AUTHN, Known};
use super::{check, document, outcome, policy};

#[test]
fn each_source_reads_its_own_token() {
    let document = json!({"version": "1", "identity": [
        {"jwt": {"payload": "staff", "claim": "sub"}},
        {"jwt": {"payload": "partner", "claim": "email"}},
    ], "grants": [
        {"name": "admin", "match": [{"jwt": "admin"}]},
        {"name": "ops", "match": [{"claim": {"team": "ops"}}]},
        {"name": "rest", "match": "any"},
    ]});
    check(
        &document,
        &[
            (&[TokenAt(JWT_AUTHN, "staff", r#"{"sub":"admin"}"#)], "admin: jwt admin"),
            // A partner's issuer may put anything into `sub`.
            (&[TokenAt(JWT_AUTHN, "partner", r#"{"sub":"admin","email":"a@b"}"#)], "rest: jwt a@b"),
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
fn claims_come_from_the_token_that_names_the_caller_or_else_from_the_first() {
    let document = json!({"version": "1", "identity": [
        {"mtls": "uri_san"}, {"jwt": {"payload": "staff"}}, {"jwt": {"payload": "partner"}},
    ]});
    let policy = policy(&document);
    let (staff, partner) = (r#"{"team":"ops"}"#, r#"{"sub":"a"}"#);
    let tokens = [TokenAt(JWT_AUTHN, "staff", staff), TokenAt(JWT_AUTHN, "partner", partner)];
    let claims = |given: &[Given]| {
        let known = Known::new(&policy, given);
        identify(&policy, &known.headers, &known, None).0.claims
    };
    assert_eq!(claims(&tokens).as_deref(), Some(partner));
    assert_eq!(claims(&[tokens[0], tokens[1], Name(UriSan, "a")]).as_deref(), Some(staff));
    assert_eq!(claims(&[Name(UriSan, "a")]), None);
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
    assert_eq!(*known.asked.borrow(), ["jwt_payload", "UriSan", "jwt_payload"]);
}
