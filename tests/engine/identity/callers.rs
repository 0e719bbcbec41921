//! A table of callers: what the proxy knows about each, and the grant and principal that follow.

use mcp_policy_engine::policy::Certificate::{DnsSan, Subject, UriSan};

use super::known::Given::{self, Bytes, Head, Name, Token, TokenAt};
use super::known::JWT_AUTHN;
use super::{BOT, check, document, keyed};

const KEYED: &str = "that key";

#[test]
fn the_first_source_that_yields_a_value_names_the_caller() {
    let rows: &[(&[Given], &str)] = &[
        (&[], "unauthenticated"),
        // Tokens.
        (&[Token(r#"{"sub":"ci@corp.example"}"#)], "sre: jwt ci@corp.example"),
        (&[Token(r#"{"sub":"CI@corp.example"}"#)], "no_grant"),
        (&[Token(r#"{"sub":"ci@corp.example "}"#)], "no_grant"),
        (&[Token(r#"{"sub":"ci@corp\u002eexample"}"#)], "sre: jwt ci@corp.example"),
        (&[Token(r#"{"sub":""}"#)], "unauthenticated"),
        (&[Token(r#"{"sub":null}"#)], "unauthenticated"),
        (&[Token(r#"{"sub":7}"#)], "unauthenticated"),
        (&[Token(r#"{"sub":["ci@corp.example"]}"#)], "unauthenticated"),
        (&[Token(r#"{"team":"sre"}"#)], "unauthenticated"),
        (&[Token("")], "unauthenticated"),
        (&[Token("ci@corp.example")], "unauthenticated"),
        (&[TokenAt(JWT_AUTHN, "other_payload", r#"{"sub":"ci@corp.example"}"#)], "unauthenticated"),
        (&[TokenAt("envoy.other", "jwt_payload", r#"{"sub":"ci@corp.example"}"#)], "unauthenticated"),
        // Claims: exact types, patterns for strings, any element of a list.
        (&[Token(r#"{"sub":"a","team":"sre"}"#)], "sre: jwt a"),
        (&[Token(r#"{"sub":"a","team":["dev","sre"]}"#)], "sre: jwt a"),
        (&[Token(r#"{"sub":"a","team":"dev"}"#)], "sre again: jwt a"),
        (&[Token(r#"{"sub":"a","team":["sre "]}"#)], "sre again: jwt a"),
        (&[Token(r#"{"sub":"a","team":"SRE"}"#)], "sre again: jwt a"),
        (&[Token(r#"{"sub":"a","team":[["sre"]]}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","team":{"sre":"sre"}}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","team":[]}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","Team":"sre"}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","level":3,"admin":true}"#)], "rank: jwt a"),
        (&[Token(r#"{"sub":"a","level":3.0,"admin":true}"#)], "rank: jwt a"),
        (&[Token(r#"{"sub":"a","level":30e-1,"admin":[false,true]}"#)], "rank: jwt a"),
        (&[Token(r#"{"sub":"a","level":"3","admin":true}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","level":3,"admin":"true"}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","level":3,"admin":1}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","level":3,"admin":false}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","level":3}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","level":3.1,"admin":true}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","share":5e-1}"#)], "share: jwt a"),
        (&[Token(r#"{"sub":"a","share":0.50000000000000001}"#)], "no_grant"),
        (&[Token(r#"{"sub":"a","https://corp.example/team":"db-ops"}"#)], "url: jwt a"),
        (&[Token(r#"{"sub":"both","team":"db"}"#)], "both: jwt both"),
        (&[Token(r#"{"sub":"both","team":"sre"}"#)], "sre: jwt both"),
        (&[Token(r#"{"sub":"both"}"#)], "no_grant"),
        // Time. The first matching grant decides, even if it has expired.
        (&[Token(r#"{"sub":"old-1","team":"sre"}"#)], "grant_expired"),
        (&[Token(r#"{"sub":"now"}"#)], "grant_expired"),
        (&[Token(r#"{"sub":"zone"}"#)], "zone: jwt zone"),
        // Certificates.
        (&[Name(UriSan, "spiffe://corp/ci/a")], "sre: mtls spiffe://corp/ci/a"),
        (&[Name(UriSan, "spiffe://corp/ci")], "no_grant"),
        (&[Name(UriSan, "SPIFFE://corp/ci/a")], "no_grant"),
        (&[Name(UriSan, "x spiffe://corp/ci/a")], "no_grant"),
        (&[Name(UriSan, "ci@corp.example")], "no_grant"),
        (&[Name(UriSan, "")], "unauthenticated"),
        (&[Name(DnsSan, "spiffe://corp/ci/a"), Name(Subject, "CN=ci")], "unauthenticated"),
        // Keys.
        (&[Head("authorization", "Bearer key_of_bot")], KEYED),
        (&[Head("authorization", "bearer key_of_bot")], KEYED),
        (&[Head("authorization", "BEARER key_of_bot")], KEYED),
        (&[Head("authorization", "key_of_bot")], "unauthenticated"),
        (&[Head("authorization", "Bearer")], "unauthenticated"),
        (&[Head("authorization", "Bearer ")], "unauthenticated"),
        (&[Head("authorization", "")], "unauthenticated"),
        (&[Head("authorization", "Bearerkey_of_bot")], "unauthenticated"),
        (&[Head("authorization", "Bearer\tkey_of_bot")], "unauthenticated"),
        (&[Head("authorization", "Basic key_of_bot")], "unauthenticated"),
        (&[Head("authorization", "Bearer  key_of_bot")], "no_grant"),
        (&[Head("authorization", "Bearer key_of_bot ")], "no_grant"),
        (&[Head("authorization", "Bearer KEY_OF_BOT")], "no_grant"),
        (&[Head("authorization", "Bearer Bearer key_of_bot")], "no_grant"),
        (&[Head("authorization", "Bearer key_of_bot,Bearer key_of_bot")], "unauthenticated"),
        (&[Head("authorization", "Bearer key_of_bot"), Head("authorization", "Bearer x")], "unauthenticated"),
        (&[Head("x-api-key", "key_of_bot")], KEYED),
        (&[Head("x-api-key", "Bearer key_of_bot")], "no_grant"),
        (&[Head("x-api-key", "Key_of_bot")], "no_grant"),
        (&[Head("x-api-key", " key_of_bot")], "no_grant"),
        (&[Head("x-api-key", "\u{a0}key_of_bot")], "no_grant"),
        (&[Head("x-api-key", "key_of_bot\0")], "no_grant"),
        (&[Head("x-api-key", BOT)], "no_grant"),
        (&[Head("x-api-key", "*")], "no_grant"),
        (&[Head("x-api-key", "")], "unauthenticated"),
        (&[Head("x-api-key", "key_of_bot"), Head("x-api-key", "key_of_bot")], "unauthenticated"),
        (&[Bytes("x-api-key", b"\xff\xfe")], "no_grant"),
        // Headers of a trusted hop.
        (&[Head("x-agent-id", "agent-7")], "agent: header agent-7"),
        (&[Head("x-agent-id", "agent-*")], "agent: header agent-*"),
        (&[Head("x-agent-id", "*")], "no_grant"),
        (&[Head("x-agent-id", "*-star")], "star: header *-star"),
        (&[Head("x-agent-id", "Agent-7")], "no_grant"),
        (&[Head("x-agent-id", "ci@corp.example")], "no_grant"),
        (&[Head("x-agent-id", "spiffe://corp/ci/a")], "no_grant"),
        (&[Head("x-agent-id", "x")], "no_grant"),
        (&[Head("x-agent-id", "")], "unauthenticated"),
        (&[Head("x-agent-id", "agent-7,other")], "unauthenticated"),
        (&[Head("x-agent-id", "agent-7"), Head("x-agent-id", "other")], "unauthenticated"),
        (&[Bytes("x-agent-id", b"agent-\xff")], "unauthenticated"),
        // Several at once: the first in the document decides, not the one that allows more.
        (&[Token(r#"{"sub":"a"}"#), Head("x-agent-id", "agent-7")], "no_grant"),
        (&[Token(r#"{"sub":"a"}"#), Head("x-api-key", "key_of_bot")], "no_grant"),
        (&[Token(r#"{"sub":"a"}"#), Name(UriSan, "spiffe://corp/ci/a")], "no_grant"),
        (&[Token(r#"{"sub":"old-1"}"#), Head("x-api-key", "key_of_bot")], "grant_expired"),
        (&[Name(UriSan, "spiffe://corp/x"), Head("x-agent-id", "agent-7")], "no_grant"),
        (&[Name(UriSan, "spiffe://corp/x"), Token(r#"{"team":"sre"}"#)], "no_grant"),
        (&[Head("authorization", "Bearer wrong"), Head("x-api-key", "key_of_bot")], "no_grant"),
        (&[Head("authorization", "Basic wrong"), Head("x-api-key", "key_of_bot")], KEYED),
        (&[Head("x-api-key", "wrong"), Head("x-agent-id", "agent-7")], "no_grant"),
        (&[Token(r#"{"sub":""}"#), Head("x-agent-id", "agent-7")], "agent: header agent-7"),
    ];
    assert!(rows.len() >= 60);
    let keyed = keyed("bot");
    let rows: Vec<(&[Given], &str)> = rows
        .iter()
        .map(|(given, expected)| (*given, if *expected == KEYED { &keyed } else { *expected }))
        .collect();
    check(&document(), &rows);
}
