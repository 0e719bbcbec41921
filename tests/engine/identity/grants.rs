//! Grants for any caller, and policies without grants or without sources.

use mcp_policy_engine::policy::Certificate::{DnsSan, UriSan};
use serde_json::{Value, json};

use super::known::Given::{Head, Name, Token};
use super::{BOT, check, keyed};

#[test]
fn match_any_needs_an_identity_unless_there_are_no_sources() {
    let with = |identity: Value| {
        json!({"version": "1", "identity": identity, "grants": [
            {"name": "bot", "match": [{"api_key_sha256": BOT}]},
            {"name": "rest", "match": "any"},
        ]})
    };
    check(
        &with(json!([
            {"api_key": {"header": "x-api-key"}}, {"header": {"name": "x-agent-id"}}, {"mtls": "dns_san"},
        ])),
        &[
            (&[], "unauthenticated"),
            (&[Head("x-agent-id", "a")], "rest: header a"),
            (&[Name(DnsSan, "a.example")], "rest: mtls a.example"),
            (&[Name(UriSan, "spiffe://a")], "unauthenticated"),
            // A key that no grant lists is not verified.
            (&[Head("x-api-key", "made up")], "no_grant"),
            (&[Head("x-api-key", "made up"), Head("x-agent-id", "a")], "no_grant"),
        ],
    );
    check(&with(json!([])), &[(&[], "rest: nobody"), (&[Head("x-agent-id", "a")], "rest: nobody")]);
    let mut listed_behind = with(json!([{"api_key": {"header": "x-api-key"}}]));
    listed_behind["grants"].as_array_mut().unwrap().reverse();
    let expected = keyed("rest");
    check(&listed_behind, &[(&[Head("x-api-key", "key_of_bot")], &expected)]);
}

#[test]
fn with_grants_but_no_identity_sources_every_caller_is_unauthenticated() {
    let document =
        json!({"version": "1", "grants": [{"name": "ci", "match": [{"jwt": "ci"}, {"header": "*"}]}]});
    check(&document, &[(&[Head("x-agent-id", "ci"), Token(r#"{"sub":"ci"}"#)], "unauthenticated")]);
}

#[test]
fn without_grants_all_callers_share_one_grant_and_keep_their_principals() {
    let document = json!({"version": "1", "identity": [
        {"jwt": {"payload": "jwt_payload", "claim": "email"}}, {"api_key": {"header": "x-api-key"}},
    ]});
    let keyed = keyed("default");
    check(
        &document,
        &[
            (&[], "default: nobody"),
            (&[Token(r#"{"email":"a@b","sub":"x"}"#)], "default: jwt a@b"),
            (&[Head("x-api-key", "key_of_bot")], &keyed),
        ],
    );
}
