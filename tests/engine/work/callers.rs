//! The budget of work before the body: a caller or an origin that takes too much work to judge is refused.

use std::sync::Arc;

use mcp_policy_engine::denial::Code;
use mcp_policy_engine::guard::Arrival;
use mcp_policy_engine::identity::Credentials;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::{Certificate, Source};
use mcp_policy_engine::work::CAUSE;
use serde_json::{Value, json};

use super::policy;

/// What a proxy knows of a caller with a token.
struct Token(Option<String>);

impl Credentials for Token {
    fn verified_token(&self, _metadata: &str, _payload: &str) -> Option<String> {
        self.0.clone()
    }

    fn certificate(&self, _name: Certificate) -> Option<String> {
        None
    }
}

/// Returns the code and the rule of the refusal, if a request with this header or token is refused for its work, and
/// otherwise the name of the caller's grant.
fn outcome(document: &Value, header: (&str, &str), claims: Option<&Value>) -> String {
    let policy = Arc::new(policy(document));
    let wanted: Vec<String> = policy.identity.iter().filter_map(Source::header).map(str::to_owned).collect();
    let pairs = [(header.0.to_owned(), header.1.as_bytes().to_vec())];
    let arrival = Arrival::new(Arc::clone(&policy), Headers::from_pairs(pairs, &wanted), "1".to_owned());
    match arrival.identify(&Token(claims.map(Value::to_string)), None) {
        Ok(request) => request.caller.grant_name(&policy).to_owned(),
        Err(conclusion) => {
            let denial = conclusion.verdict.denial().unwrap();
            assert_eq!(denial.cause, Some(CAUSE), "{denial:?}");
            let causes = matches!(denial.code, Code::Unauthenticated | Code::NoGrant);
            assert_eq!(conclusion.record.contains(r#""cause":"work""#), causes, "{}", conclusion.record);
            format!("{} {}", denial.code.as_str(), denial.rule)
        }
    }
}

/// Returns many grants that are described so, before one for everybody.
fn grants(described: impl Fn(usize) -> Value) -> Value {
    let grant = |number| json!({ "name": format!("g{number}"), "match": [described(number)] });
    let everybody = json!({ "name": "everybody", "match": "any" });
    (0..1_000).map(grant).chain([everybody]).collect()
}

#[test]
fn a_caller_that_takes_too_much_work_to_judge_is_refused() {
    let by_name = |kind: &str, source: Value| {
        let grants = grants(|number| json!({ kind: format!("*{number}*a*") }));
        json!({ "version": "1", "default": "allow", "identity": [source], "grants": grants })
    };
    let by_claim = |key: &str, value: Value| {
        let grants = grants(|number| match key {
            "scope" => json!({ "scope": [format!("s{number}")] }),
            _ => json!({ "claim": { key: value } }),
        });
        let identity = json!([{ "jwt": { "payload": "p" } }]);
        json!({ "version": "1", "default": "allow", "identity": identity, "grants": grants })
    };
    let headers = by_name("header", json!({ "header": { "name": "x-agent-id" } }));
    let keys = json!({
        "version": "1", "identity": [{ "api_key": { "header": "x-key" } }],
        "grants": [{ "name": "g", "match": [{ "api_key_sha256": "0".repeat(64) }] }],
    });
    let (none, everybody) = (("x-none", ""), "everybody".to_owned());
    let (unknown, ungranted) = ("unauthenticated identity".to_owned(), "no_grant grants".to_owned());
    for (size, refused) in [(100, false), (50_000, true)] {
        let name = "a".repeat(size);
        let expected = if refused { &ungranted } else { &everybody };
        assert_eq!(outcome(&headers, ("x-agent-id", &name), None), *expected, "{size}");
        let tokens = by_name("jwt", json!({ "jwt": { "payload": "p" } }));
        assert_eq!(outcome(&tokens, none, Some(&json!({ "sub": name }))), *expected, "{size}");
        for (key, value, claims) in [
            ("k", json!("*b*c*"), json!({ "sub": "x", "k": name })),
            ("k", json!(7), json!({ "sub": "x", "k": vec![1; size] })),
            ("k.b", json!(7), json!({ "sub": "x", "k": { "a": "x".repeat(size) }, "l": vec![1; size] })),
            ("l[*].k", json!(7), json!({ "sub": "x", "l": vec![json!({ "k": 1 }); size / 10] })),
            ("scope", json!(null), json!({ "sub": "x", "scope": "w ".repeat(size / 2) })),
        ] {
            // Without a claim to look through, only the reading of the token counts.
            let expected = if refused && key != "k.b" { &ungranted } else { &everybody };
            let found = outcome(&by_claim(key, value), none, Some(&claims));
            assert_eq!(found, *expected, "{key} {size}");
        }
    }
    let large = json!({ "sub": "x", "text": "x".repeat(400_000) });
    assert_eq!(outcome(&by_claim("k", json!(7)), none, Some(&large)), unknown);
    assert_eq!(outcome(&keys, ("x-key", &"k".repeat(1_100_000)), None), unknown);
    let without = json!({ "version": "1", "default": "allow", "identity": [{ "jwt": { "payload": "p" } }] });
    assert_eq!(outcome(&without, none, Some(&large)), unknown);
}

#[test]
fn an_origin_that_takes_too_much_work_to_judge_is_refused() {
    let mut origins: Vec<String> =
        (0..1_000).map(|number| format!("https://*{}b{number}.example", "a*".repeat(9))).collect();
    origins.push("https://*.example".to_owned());
    let document = json!({ "version": "1", "default": "allow", "origins": origins });
    let origin = |size: usize| format!("https://{}.example", "a".repeat(size));
    assert_eq!(outcome(&document, ("origin", &origin(50)), None), "default");
    assert_eq!(outcome(&document, ("origin", &origin(50_000)), None), "origin_denied origins");
}
