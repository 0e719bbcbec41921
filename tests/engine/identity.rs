//! Who calls, and under which grant: a table of what a proxy knows about callers, the first grant that matches, and
//! proof that grants never widen a policy.

mod first;
mod known;
mod narrowing;

use std::sync::Arc;

use known::Given::{self, Bytes, Head, Name, Token, TokenAt};
use known::{JWT_AUTHN, Known};
use mcp_policy_engine::denial::Denial;
use mcp_policy_engine::guard::{self, Admission, Conclusion, Request, Verdict};
use mcp_policy_engine::identity::{Caller, Principal, identify};
use mcp_policy_engine::policy::Certificate::{DnsSan, Subject, UriSan};
use mcp_policy_engine::policy::Policy;
use serde_json::{Value, json};

/// 2027-01-15T08:00:00Z
const NOW_NS: u64 = 1_800_000_000_000_000_000;
/// SHA-256 of `key_of_bot`, as `sha256sum` prints it
const BOT: &str = "1a3a3c4cafede54b86620275d52f02821e150a8bf747607e65fb6d5fa401107b";

fn policy(document: &Value) -> Arc<Policy> {
    Policy::from_bytes(document.to_string().as_bytes())
        .map(Arc::new)
        .map_err(|faults| panic!("{document}\n{faults}"))
        .unwrap()
}

/// All sources in the order of the README, and a grant for each.
fn document() -> Value {
    json!({
        "version": "1",
        "identity": [
            {"jwt": {"payload": "jwt_payload"}},
            {"mtls": "uri_san"},
            {"api_key": {"header": "Authorization", "scheme": "Bearer"}},
            {"api_key": {"header": "x-api-key"}},
            {"header": {"name": "X-Agent-Id"}},
        ],
        "grants": [
            {"name": "old", "match": [{"jwt": "old-*"}], "expires": "2027-01-15T07:59:59Z"},
            {"name": "now", "match": [{"jwt": "now"}], "expires": "2027-01-15T08:00:00Z"},
            {"name": "zone", "match": [{"jwt": "zone"}], "expires": "2027-01-15T10:00:00.001+02:00"},
            {"name": "both", "match": [{"jwt": "both", "claim": {"team": "db"}}]},
            {"name": "sre", "match": [
                {"jwt": "ci@corp.example"}, {"claim": {"team": "sre"}}, {"mtls": "spiffe://corp/ci/*"},
            ]},
            {"name": "sre again", "match": [{"claim": {"team": "*"}}]},
            {"name": "rank", "match": [{"claim": {"level": 3, "admin": true}}]},
            {"name": "share", "match": [{"claim": {"share": 0.5}}]},
            {"name": "url", "match": [{"claim": {"https://corp.example/team": "*-ops"}}]},
            {"name": "bot", "match": [{"api_key_sha256": BOT.to_uppercase()}]},
            {"name": "agent", "match": [{"header": "agent-*"}]},
            {"name": "star", "match": [{"header": "*-star"}]},
            {"name": "no one", "match": [{"jwt": "x", "header": "x"}]},
        ],
    })
}

/// Describes the outcome for a caller: the grant and the principal with its kind, or the code.
fn outcome(policy: &Policy, known: &Known) -> String {
    let (caller, refusal) = identify(policy, &known.headers, known, Some(NOW_NS));
    match refusal {
        Some(denial) => denial.code.as_str().to_owned(),
        None => format!("{}: {}", caller.grant_name(policy), kind(&caller)),
    }
}

fn kind(caller: &Caller) -> String {
    match &caller.principal {
        None => "nobody".to_owned(),
        Some(Principal::Jwt(name)) => format!("jwt {name}"),
        Some(Principal::Mtls(name)) => format!("mtls {name}"),
        Some(key @ Principal::ApiKey(_)) => format!("key {}", key.name()),
        Some(Principal::Header(name)) => format!("header {name}"),
    }
}

/// The outcome for the key of `bot` under a grant.
fn keyed(grant: &str) -> String {
    format!("{grant}: key sha256:{}", BOT.get(..16).unwrap())
}

#[track_caller]
fn check(document: &Value, rows: &[(&[Given], &str)]) {
    let policy = policy(document);
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(given, expected)| {
            let found = outcome(&policy, &Known::new(&policy, given));
            (found != *expected).then(|| format!("{given:?}\n    is `{found}`, expected `{expected}`"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

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
fn ambiguous_or_unreadable_credentials_give_no_identity() {
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

// Through the guard.

fn identified(
    policy: &Arc<Policy>,
    pairs: &[(&'static str, &'static str)],
) -> (Admission, Caller, Option<Denial>) {
    let given: Vec<Given> = pairs.iter().map(|(name, value)| Head(name, value)).collect();
    let known = Known::new(policy, &given);
    let mut request = Request::new(Arc::clone(policy), known.headers.clone(), "1".to_owned());
    let refusal = request.identify(&known, Some(NOW_NS)).err();
    (guard::admit(policy, &known.headers), request.caller, refusal)
}

#[test]
fn every_method_but_options_needs_an_identity_except_on_exempt_paths() {
    let mut document = document();
    document["exempt_paths"] = json!(["/healthz"]);
    let policy = policy(&document);
    for (method, needs) in [
        ("POST", true),
        ("GET", true),
        ("DELETE", true),
        ("PUT", true),
        ("options", true),
        ("OPTIONS", false),
    ] {
        let (admission, _, refusal) = identified(&policy, &[(":method", method), (":path", "/mcp")]);
        assert_ne!(admission, Admission::Pass, "{method}");
        assert_eq!(refusal.is_some(), needs, "{method}");
        let (_, _, refusal) = identified(&policy, &[(":method", method), ("x-agent-id", "agent-1")]);
        assert_eq!(refusal, None, "{method}");
    }
    for (path, passes) in
        [("/healthz", true), ("/healthz?x", true), ("/healthz/", false), ("//healthz", false)]
    {
        let (admission, _, _) = identified(&policy, &[(":method", "GET"), (":path", path)]);
        assert_eq!(admission == Admission::Pass, passes, "{path}");
    }
}

#[test]
fn a_grant_with_any_section_denies_what_it_does_not_name() {
    for (grant, tool, prompt) in [
        (json!({}), true, true),
        (json!({"hide": ["b"]}), true, true),
        (json!({"all_tools": {"require": [{"path": "args.a", "op": "exists"}]}}), false, true),
        (json!({"default": "deny"}), false, false),
        (json!({"tools": {}}), false, false),
        (json!({"tools": {"b": {}}}), false, false),
        (json!({"tools": {"a": {}}}), true, false),
        (json!({"prompts": {"a": {}}}), false, true),
        (json!({"resources": {"a": {}}}), false, false),
        (json!({"methods": {"ping": "deny"}}), false, false),
        (json!({"tools": {"b": {}}, "default": "allow"}), true, true),
        (json!({"tools": {"a": {"action": "deny"}}, "default": "allow"}), false, true),
    ] {
        let mut grant = grant;
        grant["name"] = json!("all");
        grant["match"] = json!("any");
        let policy = policy(&json!({"version": "1", "default": "allow", "grants": [&grant]}));
        assert_eq!(
            [narrowing::allows_alone(&policy, 0), narrowing::allows_alone(&policy, 3)],
            [tool, prompt],
            "{grant}"
        );
    }
}

fn record(judgement: &Conclusion) -> Value {
    serde_json::from_str(&judgement.record).unwrap()
}

#[test]
fn a_record_names_the_refused_caller_and_a_grant_only_if_one_applied() {
    let policy = policy(&document());
    let rows: [(&[Given], Value, Value, &str); 4] = [
        (&[], Value::Null, Value::Null, "identity"),
        (&[Head("x-agent-id", "stranger")], json!("stranger"), Value::Null, "grants"),
        (&[Token(r#"{"sub":"old-1"}"#)], json!("old-1"), json!("old"), "grants[0].expires"),
        (&[Head("x-api-key", "very secret")], json!("sha256:VERY"), Value::Null, "grants"),
    ];
    for (given, principal, grant, rule) in rows {
        let known = Known::new(&policy, given);
        let mut request = Request::new(Arc::clone(&policy), known.headers.clone(), "1".to_owned());
        let refusal = request.identify(&known, Some(NOW_NS)).unwrap_err();
        let judgement = request.refuse(refusal);
        let record = record(&judgement);
        let principal = match principal.as_str() {
            Some("sha256:VERY") => json!("sha256:546bb0a05a36cf11"),
            _ => principal,
        };
        assert_eq!((&record["principal"], &record["grant"]), (&principal, &grant), "{given:?}");
        assert_eq!(record["rule"], rule);
        assert!(!judgement.record.contains("very secret"));
        let Verdict::Deny { reply, .. } = judgement.verdict else { panic!("{given:?} is forwarded") };
        assert!(!reply.body.contains("stranger") && !reply.body.contains("secret"), "{}", reply.body);
        let asked = reply
            .headers
            .iter()
            .any(|(name, value)| (*name, value.as_str()) == ("www-authenticate", "Bearer"));
        assert_eq!((reply.status, asked), if rule == "identity" { (401, true) } else { (403, false) });
    }
}
