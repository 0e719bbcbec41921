//! `mcp-policy explain`.

use serde_json::Value;

use crate::decisions::write_test_files;
use crate::folder::Folder;
use crate::program::{Done, run};

/// Writes a policy to a file of its own for a test.
fn policy_file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, POLICY).expect("written");
    path.to_string_lossy().into_owned()
}

#[track_caller]
fn explain(arguments: &[&str], input: &str) -> Done {
    run(&[&["explain"], arguments].concat(), input)
}

/// What refuses a call, in the order in which it is looked at, as paths in the policy: the rules, and the limits.
fn refusing(explanation: &Value, shadow: bool) -> (Vec<String>, Vec<String>) {
    let (mut rules, mut limits) = (Vec::new(), Vec::new());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let subjects: Vec<Value> =
        list(&explanation["layers"]).iter().flat_map(|layer| list(&layer["subjects"])).collect();
    if let Some(hidden) = subjects.iter().find_map(|subject| text(&subject["hidden_by"])) {
        return (vec![hidden], limits);
    }
    for subject in subjects {
        if subject["default"][1] == "deny" {
            rules.extend(text(&subject["default"][0]));
        }
        if subject["entry"]["effect"] == "deny" {
            rules.extend(text(&subject["entry"]["path"]));
        }
        if subject["obstacle"].is_string() {
            let own = list(&subject["rules"])
                .iter()
                .find(|rule| rule["of"].is_null())
                .map(|rule| rule["path"].clone());
            rules.extend(text(&own.unwrap_or(subject["default"][0].clone())));
        }
        for rule in list(&subject["rules"]).iter().filter(|rule| rule["shadow"] == shadow || !shadow) {
            if rule["shadow"] == true && !shadow {
                continue;
            }
            if rule["applies"] == true && rule["action"] == "deny" {
                rules.extend(text(&rule["path"]));
            }
            for check in list(&rule["checks"]).iter().filter(|check| check["refuses"] == true) {
                let limit = check["kind"] == "limits" && check["outcome"] == "fails";
                if limit { &mut limits } else { &mut rules }.extend(text(&check["path"]));
            }
        }
    }
    (rules, limits)
}

/// Returns what does not fit together in an explanation.
fn inconsistency(explanation: &Value, found: &Value) -> Option<String> {
    let (verdict, caller) = (&explanation["verdict"], &explanation["caller"]);
    if verdict != found {
        return Some(format!("the verdict is {verdict}, not {found}"));
    }
    for grant in caller["grants"].as_array().into_iter().flatten() {
        if grant["fits"].is_boolean() && grant["fits"] != grant["applies"] {
            return Some(format!("a grant fits and does not apply, or the other way round: {grant}"));
        }
    }
    let named = caller["sources"].as_array().into_iter().flatten().find(|source| source["names"] == true);
    if named.map(|source| &source["name"]) != Some(&caller["source"]).filter(|source| source.is_string()) {
        return Some(format!("another source names the caller: {caller}"));
    }
    if explanation["layers"].as_array().is_none_or(Vec::is_empty) {
        return None;
    }
    let (rules, limits) = refusing(explanation, false);
    let rule = verdict["rule"].as_str().unwrap_or_default();
    match (verdict["decision"].as_str()?, verdict["code"].as_str().unwrap_or_default()) {
        ("allow", _) if rules.is_empty() && limits.is_empty() => None,
        ("would_deny", _) => {
            let (shadow, shadow_limits) = refusing(explanation, true);
            let any = rules.iter().chain(&limits).chain(&shadow).chain(&shadow_limits);
            let by_approval = verdict["code"] == "approval_required";
            (!by_approval && !is_elsewhere(verdict) && !any.into_iter().any(|path| path == rule))
                .then(|| format!("nothing of {rules:?} {shadow:?} is {rule}"))
        }
        // Approvals are looked at when nothing else refuses.
        (_, "approval_required" | "approval_denied" | "approval_unavailable") if rules.is_empty() => None,
        (_, "rate_limited") if rules.is_empty() && limits.iter().any(|path| path == rule) => None,
        _ if is_elsewhere(verdict) || rules.first().is_some_and(|path| path == rule) => None,
        _ => Some(format!("{rules:?} and {limits:?} refuse the call, and the verdict is {verdict}")),
    }
}

/// Tells whether something else than a rule refused a call: headers that disagree with it, or the bounds of a request.
fn is_elsewhere(verdict: &Value) -> bool {
    let text = verdict["text"].as_str().unwrap_or_default();
    let bounds = text.contains("more work") || text.contains("approval of a person, ");
    let of_caller = ["unauthenticated", "no_grant", "grant_expired", "origin_denied"];
    let code = verdict["code"].as_str().unwrap_or_default();
    // In shadow mode the rules are looked at even if the caller would be refused.
    let caller = verdict["decision"] == "would_deny" && of_caller.contains(&code);
    caller || matches!(code, "headers_disagree" | "limiter_unavailable") || bounds
}

#[test]
fn what_an_explanation_says_leads_to_the_verdict_in_every_case_of_the_table() {
    let (folder, count) = write_test_files("explained");
    let done = run(&["test", &folder.to_string_lossy(), "--format", "json", "--explain"], "");
    let result: Value = serde_json::from_str(&done.stdout).expect("JSON");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in result["files"].as_array().expect("files") {
        for case in file["cases"].as_array().expect("cases") {
            seen += 1;
            if let Some(why) = inconsistency(&case["explanation"], &case["found"]) {
                wrong.push(format!("{}: {}: {why}", file["file"], case["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(seen, count);
}

/// A policy with most of what an explanation shows.
const POLICY: &str = r#"{
  "version": "1", "default": "deny", "hide": ["ghost"],
  "identity": [{"jwt": {"payload": "corp"}}, {"api_key": {"header": "x-key"}}, {"header": {"name": "x-agent"}}],
  "approvals": {"cluster": "a", "authority": "a.example"},
  "tools": {
    "pay": {
      "when": [{"path": "args.to", "op": "neq", "value": "self"}],
      "require": [
        {"any": [{"path": "args.amount", "op": "lte", "value": 10}, {"path": "claims.team", "op": "eq", "value": "sre"}]},
        {"path": "principal", "op": "neq", "value": {"path": "args.to"}}
      ],
      "limits": [{"counter": "spent", "window": "day", "max": 50, "amount": "args.amount"}]
    },
    "p*": {}, "wipe": {"action": "require_approval"}
  },
  "grants": [
    {"name": "ci", "match": [{"jwt": "ci@*"}, {"claim": {"team": "ci"}}], "tools": {"pay": {}}},
    {"name": "nightly", "match": [{"api_key_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]},
    {"name": "rest", "match": "any"}
  ]
}"#;

#[test]
fn an_explanation_shows_each_step_to_the_verdict() {
    let arguments = [
        "-",
        "--call",
        "pay",
        "--arguments",
        r#"{"to":"bob","amount":51}"#,
        "--principal",
        "eve",
        "--claim",
        "team=sre",
        "--at",
        "2027-01-15T08:00:00Z",
    ];
    let done = explain(&arguments, POLICY);
    let expected = r#"request   tools/call `pay`, id 1
          arguments {"to":"bob","amount":51}
          POST /mcp, 2027-01-15T08:00:00Z
caller    `eve`, named by `jwt`
          ✓ jwt      names `eve`
          · api_key  not asked: an earlier source has named the caller
          · header   not asked: an earlier source has named the caller
grant     `rest`
          · ci       `ci@*` does not fit the name `eve`; `claims.team` is not `ci`
          · nightly  it is for callers whom an API key names
          ✓ rest     it is for everybody

document
  tools.pay decides
    not tools.p*: the exact name decides
  ✗ rule tools.pay
    ✓ when[0]     args.to neq "self"                       holds: "bob"
    ✓ require[0]  any of these                             holds
        · any[0]  args.amount lte 10    fails: 51
        · any[1]  claims.team eq "sre"  holds: "sre"
    ✓ require[1]  principal neq args.to                    holds: "eve"; args.to is "bob"
    ✗ limits[0]   spent: 50 of args.amount per day, grant  adds 51, and 0 of 50 are used  ← decides

grant `rest`
  ✓ no entry of the grant names it, and the grant refuses only what it names

verdict   denied: rate_limited by tools.pay.limits[0]
          the model sees: this call alone is more than the limit `spent` allows: 50 of 50 are left; ask for less, at most 50: waiting does not help
"#;
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (2, expected, ""));
}

#[test]
fn the_verdict_and_its_reasons_depend_on_the_call_and_its_caller() {
    let key = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let other_key = key.replace('2', "3");
    for (arguments, code, parts) in [
        (
            &["--call", "pay", "--grant", "rest"][..],
            0,
            &["args.to neq \"self\"  does not hold: no value", "does not apply"][..],
        ),
        (
            &["--call", "pay", "--principal", "ci@x", "--arguments", r#"{"to":"a","amount":1}"#],
            0,
            &["adds 1: 1 of 50 used", "grants[0].tools.pay decides", "verdict   allowed by tools.pay"],
        ),
        (
            &["--call", "pay", "--principal", "ci@x", "--arguments", r#"{"to":7,"amount":1}"#],
            2,
            &["? when[0]", "cannot be judged: 7, which has another type  ← decides"],
        ),
        (
            &[
                "--call",
                "pay",
                "--principal",
                "x",
                "--source",
                "header",
                "--arguments",
                r#"{"to":"a","amount":11}"#,
            ],
            2,
            &["✗ require[0]", "· any[1]  claims.team eq \"sre\"  fails: no value"],
        ),
        (
            &["--call", "play", "--grant", "ci"],
            2,
            &["✗ no entry names it, so grants[0].default decides: deny  ← decides"],
        ),
        (&["--call", "\u{1b}[2J\u{202e}", "--grant", "ci"], 2, &["tools/call `\\u{1b}[2J\\u{202e}`"]),
        (
            &["--call", "ghost", "--grant", "rest"],
            2,
            &["✗ hidden by hide[0], so nothing else is checked  ← decides", "unknown tool: `ghost`"],
        ),
        (
            &["--call", "wipe", "--grant", "rest"],
            2,
            &["? rule tools.wipe: require_approval  ← decides", "approval  pending", "approval_required"],
        ),
        (
            &["--call", "wipe", "--grant", "rest", "--approve", "yes"],
            0,
            &["approval  approved", "verdict   allowed"],
        ),
        (
            &["--call", "pq", "--api-key-sha256", key],
            0,
            &["✓ nightly  it lists this key", "`sha256:2bb80d537b1da3e3`, named by `api_key`"],
        ),
        (
            &["--call", "pq", "--api-key", "secret"],
            0,
            &["✓ nightly  it lists this key", "`sha256:2bb80d537b1da3e3`, named by `api_key`"],
        ),
        (
            &["--call", "pq", "--api-key-sha256", &other_key],
            2,
            &["it lists another key", "no grant lists this key", "no_grant"],
        ),
        (
            &["--call", "pq"],
            2,
            &["· jwt      the request has no token", "rules     not checked", "unauthenticated"],
        ),
        (
            &["--call", "pq", "--header", "X-Agent=a,b"],
            2,
            &["· header   its header occurs twice or has a comma"],
        ),
        (
            &["--call", "pq", "--header", "x-agent=a", "--session", "s", "--path", "/x"],
            0,
            &["POST /x", "`a`, named by `header`"],
        ),
        (
            &["--call", "pq", "--principal", "eve", "--claim", "sub=eve", "--claim", "n=7"],
            0,
            &["`eve`, named by `jwt`"],
        ),
    ] {
        let done = explain(&[&["-"], arguments].concat(), POLICY);
        assert_eq!(done.code, code, "{arguments:?}: {done:?}");
        for part in parts {
            assert!(done.stdout.contains(part), "{arguments:?}: {part}\n{}", done.stdout);
        }
    }
}

#[test]
fn a_header_has_one_meaning_in_both_notations() {
    let both = ["x-agent: bob", "x-agent=bob", "X-Agent:bob"].map(|header| {
        explain(&["-", "--at", "2027-01-15T08:00:00Z", "--call", "pq", "--header", header], POLICY)
    });
    assert!(both[0].code == 0 && both[0].stdout.contains("`bob`, named by `header`"), "{:?}", both[0]);
    assert_eq!(both[1].stdout, both[0].stdout);
    assert_eq!(both[2].stdout, both[0].stdout);
}

#[test]
fn a_test_can_name_a_key_by_its_digest() {
    let folder = Folder::new("key-digest");
    folder.with("policy.json", POLICY);
    let digest = "2BB80D537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let case = |key: &str| {
        let text = format!(
            "policy: policy.json\ncases:\n- {{ name: a, call: pq, {key}, expect: allow, record: {{ grant: nightly }} }}\n"
        );
        run(&["test", &folder.with("a.test.yaml", &text)], "")
    };
    for key in ["api_key: secret".to_owned(), format!("api_key_sha256: {digest}")] {
        let done = case(&key);
        assert_eq!(done.code, 0, "{key}: {done:?}");
    }
    assert_eq!(case(&format!("api_key_sha256: {}", "f".repeat(64))).code, 3);
    let both = case(&format!("api_key_sha256: {digest}, as: {{ principal: x }}"));
    assert!(both.stderr.contains("one credential is enough: `api_key` or `api_key_sha256`, or "), "{both:?}");
}

#[test]
fn what_cannot_be_explained_is_an_error() {
    for (arguments, expected) in [
        (&["none.json", "--call", "a"][..], "cannot read `none.json`"),
        (&["-"], "<--call <TOOL>|--request <FILE>>"),
        (&["-", "--call", "a", "--header", "secret"], "`--header` must be `NAME: VALUE` or `NAME=VALUE`"),
        (
            &["-", "--call", "a", "--source", "jwt"],
            "`--source` says who names the caller, and needs `--principal`",
        ),
        (&["-", "--call", "a", "--api-key", "secret", "--principal", "x"], "cannot be used with"),
        (
            &["-", "--call", "a", "--claim", "a=b", "--source", "api_key"],
            "`--claim` needs a source of the kind `jwt`",
        ),
        (&["-", "--call", "a", "--request", "b"], "cannot be used with"),
        (&["-", "--call", "a", "--arguments", "[]"], "`--arguments` must be a JSON object, found an array"),
        (&["-", "--call", "a", "--arguments", "{"], "`--arguments` must be a JSON object, "),
        (&["-", "--call", "a", "--at", "now"], "`--at` must be a time as in RFC 3339"),
        (&["-", "--call", "a", "--claim", "x"], "`--claim` must be a name, `=` and a value, found `x`"),
        (
            &["-", "--call", "a", "--grant", "x"],
            "the policy has no grant `x`, it has `ci`, `nightly`, `rest`",
        ),
        (&["-", "--call", "a", "--principal", "x", "--source", "y"], "the policy has no source `y`"),
        (
            &["-", "--call", "a", "--principal", "x", "--source", "api_key"],
            "callers send API keys, which have no names: write `--api-key-sha256` or `--api-key` in place of `--principal`",
        ),
        (&["-", "--call", "a", "--principal", "x", "--claim", "sub=y"], "which `claims` gives another value"),
        (
            &["-", "--call", "a", "--api-key-sha256", "secret"],
            "must be the SHA-256 of the key, as 64 hex digits",
        ),
        (&["-", "--request", "none.json"], "cannot read `none.json`"),
    ] {
        let done = explain(arguments, POLICY);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{arguments:?}: {done:?}");
        assert!(done.stderr.contains(expected), "{arguments:?}: {expected}\n{}", done.stderr);
        assert!(!done.stderr.contains("secret"), "{}", done.stderr);
    }
    let latin = std::env::temp_dir().join(format!("mcp-policy-latin-{}.yaml", std::process::id()));
    std::fs::write(&latin, b"version: '1'\nserver: caf\xe9\n").expect("a file");
    let done = run(&["explain", &latin.to_string_lossy(), "--call", "a"], "");
    std::fs::remove_file(&latin).expect("a file");
    assert!(done.code == 1 && done.stderr.ends_with(".yaml:2:12: must be UTF-8\n"), "{done:?}");
    let faulty = explain(&["-", "--call", "a"], r#"{"version":"1","defalt":"deny"}"#);
    assert!(faulty.code == 1 && faulty.stderr.contains("stdin:1:16"), "{faulty:?}");
}

#[test]
fn a_request_can_come_from_a_file_and_the_result_can_be_json() {
    let policy = policy_file("explained.json");
    let message = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"other"}}"#;
    let done = run(&["explain", &policy, "--request", "-", "--grant", "ci", "--format", "json"], message);
    let explanation: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((done.code, &explanation["version"]), (2, &Value::from(1)));
    assert_eq!(explanation["message"]["id"], "\"a\"");
    assert_eq!(explanation["layers"][1]["grant"], "ci");
    assert_eq!(explanation["verdict"]["decision"], "deny");
    let done = run(&["explain", &policy, "--request", "-", "--grant", "ci"], "no JSON");
    assert_eq!(done.code, 2);
    assert!(done.stdout.contains("the body is not one JSON text"), "{}", done.stdout);
}

#[test]
fn an_explanation_says_what_a_clause_a_source_and_a_limit_mean() {
    let policy = r#"{
      "version": "1", "identity": [{"api_key": {"header": "x-key"}}], "grants": [{"name": "all", "match": "any"}],
      "all_tools": {"limits": [{"counter": "all calls", "window": "hour", "max": 9, "scope": "global"}]},
      "tools": {"send": [{"deny_if": [{"path": "args.to", "op": "contains", "value": ".."}]}, {"mode": "shadow", "action": "deny"}]}
    }"#;
    for (arguments, code, parts, absent) in [
        (
            &["--call", "send", "--grant", "all", "--arguments", r#"{"to": "a"}"#][..],
            0,
            &["not triggered: \"a\"", "all calls: 9 per hour, global", "rule all_tools\n"][..],
            "← decides",
        ),
        (&["--call", "send", "--grant", "all"], 0, &["not triggered: no value"], "fails"),
        (
            &["--call", "send", "--grant", "all", "--arguments", r#"{"to": "a/.."}"#],
            2,
            &["triggered: \"a/..\"  ← decides"],
            "not triggered",
        ),
        (&["--call", "send"], 2, &["the request has no header `x-key`"], "holds"),
    ] {
        let done = run(&[&["explain", "-"], arguments].concat(), policy);
        assert_eq!(done.code, code, "{}{}", done.stdout, done.stderr);
        for part in parts {
            assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
        }
        assert!(!done.stdout.contains(absent), "{absent}\n{}", done.stdout);
    }
}
