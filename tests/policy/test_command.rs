//! `mcp-policy test`: its format, its options and its results.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Value, json};

use crate::program::{Done, run};

/// A folder of files for one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("written");
        }
        Self(folder)
    }

    fn test(&self, arguments: &[&str]) -> Done {
        let folder = self.0.to_string_lossy();
        run(&[&["test", &folder], arguments].concat(), "")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let done = self.test(&[&["--format", "json"], arguments].concat());
        serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"))
    }
}

/// A policy with one limit, and two rules that refuse.
const POLICY: &str = r#"{
  "version": "1", "default": "deny", "hide": ["ghost"],
  "tools": {
    "run": {"limits": [{"counter": "runs", "window": "minute", "max": 2}]},
    "pay": {"require": [{"path": "args.amount", "op": "lte", "value": 10}]},
    "wipe": {"action": "deny", "reason": "ask the owner"}
  }
}"#;

const PASSING: &str = "
policy: policy.json
cases:
  - name: two runs a minute
    steps:
      - { call: run, times: 2, expect: allow }
      - { call: run, expect: rate_limited, rule: 'tools.run.limits[0]', retry_after: '<= 63' }
      - { after: 63s, call: run, expect: allow }
  - { name: a small payment, call: pay, arguments: { amount: 10 }, expect: allow }
  - { name: a large payment, call: pay, arguments: { amount: 11 }, expect: condition_failed }
  - { name: wiping, call: wipe, expect: denied, reason: owner }
  - { name: what a model sees, list: tools, expect: { shows: [run, pay], hides: [wipe, ghost, other] } }
";

#[test]
fn cases_that_pass_end_with_a_summary() {
    let folder = Folder::new("passing", &[("policy.json", POLICY), ("a.test.yaml", PASSING)]);
    let done = folder.test(&[]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{}", done.stdout);
    assert!(done.stdout.ends_with("5 passed in 1 file\n"), "{}", done.stdout);
    let done = folder.test(&["--fail-only"]);
    assert_eq!(done.stdout, "5 passed in 1 file\n");
}

#[test]
fn the_tests_of_the_example_policies_pass() {
    let done = run(&["test", "policies"], "");
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn what_differs_is_told_with_its_place_and_what_the_model_sees() {
    let failing = PASSING.replace("expect: denied", "expect: allow").replace("63s", "10s");
    let folder = Folder::new("failing", &[("policy.json", POLICY), ("a.test.yaml", &failing)]);
    let done = folder.test(&[]);
    assert_eq!(done.code, 3);
    for part in [
        "failed  ",
        "2 of 5 cases",
        "two runs a minute",
        "a.test.yaml:8:42  step 3: call run",
        "expect  expected  allow",
        "found     rate_limited",
        "decided by tools.wipe",
        "the model sees: the tool `wipe` is denied by policy: ask the owner",
        "3 passed, 2 failed in 1 file",
    ] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
    let explained = folder.test(&["--explain", "--run", "wiping"]);
    assert!(explained.stdout.contains("✗ rule tools.wipe: deny  ← decides"), "{}", explained.stdout);
    assert!(explained.stdout.ends_with("0 passed, 1 failed in 1 file\n"), "{}", explained.stdout);
}

#[test]
fn the_json_result_has_the_verdict_of_each_case() {
    let failing = PASSING.replace("expect: denied", "expect: allow");
    let folder = Folder::new("json", &[("policy.json", POLICY), ("a.test.yaml", &failing)]);
    let result = folder.json(&["--run", ": (wiping|a small payment)$"]);
    assert_eq!((&result["version"], &result["passed"], &result["failed"]), (&json!(1), &json!(1), &json!(1)));
    let cases = &result["files"][0]["cases"];
    assert_eq!(cases[0]["passed"], true);
    assert_eq!(cases[1]["found"]["code"], "denied");
    assert_eq!(cases[1]["found"]["rule"], "tools.wipe");
    assert_eq!(cases[1]["failure"]["line"], 11);
    let differs = json!([{"what": "expect", "expected": "allow", "found": "denied"}]);
    assert_eq!(cases[1]["failure"]["differences"], differs);
}

#[test]
fn the_junit_result_has_a_suite_for_each_file() {
    let failing =
        PASSING.replace("expect: denied", "expect: allow").replace("a small", "a <small> & \"plain\"");
    let folder = Folder::new("junit", &[("policy.json", POLICY), ("a.test.yaml", &failing)]);
    let done = folder.test(&["--format", "junit"]);
    assert_eq!(done.code, 3);
    for part in [
        r#"<?xml version="1.0" encoding="UTF-8"?>"#,
        r#"<testsuites name="mcp-policy test" tests="5" skipped="0" failures="1" errors="0""#,
        r#"tests="5" skipped="0" errors="0" failures="1">"#,
        r#"<testcase name="a &lt;small&gt; &amp; &quot;plain&quot; payment" classname="#,
        r#"<failure message="expect: expected allow, found denied" type="verdict">"#,
    ] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
}

/// Cases of a policy, one in a line, that must all pass.
#[track_caller]
fn pass(name: &str, policy: &str, cases: &str) {
    let text = format!("policy: policy.json\ncases:\n{cases}");
    let folder = Folder::new(name, &[("policy.json", policy), ("a.test.yaml", &text)]);
    let done = folder.test(&[]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_caller_is_known_by_whatever_source_the_policy_has() {
    let policy = r#"{
      "version": "1", "default": "allow",
      "identity": [
        {"name": "corp", "jwt": {"payload": "corp", "claim": "email"}},
        {"mtls": "uri_san"}, {"api_key": {"header": "authorization", "scheme": "Bearer"}},
        {"attribute": ["filter_state", "agent"]}, {"header": {"name": "x-agent"}}
      ],
      "grants": [
        {"name": "sre", "match": [{"source": "corp", "claim": {"team": "sre"}}]},
        {"name": "corp", "match": [{"source": "corp", "jwt": "*@corp.example"}]},
        {"name": "cert", "match": [{"mtls": "spiffe://*"}]},
        {"name": "key", "match": [{"api_key_sha256": "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]},
        {"name": "agent", "match": [{"attribute": "a1"}]},
        {"name": "hop", "match": [{"header": "h1"}]}
      ]
    }"#;
    let cases = "
  - { name: c1, as: { principal: ci@corp.example }, call: a, expect: allow, record: { grant: corp, principal: ci@corp.example, source: corp } }
  - { name: c2, as: { principal: ci@corp.example, claims: { team: sre } }, call: a, expect: allow, record: { grant: sre } }
  - { name: c3, as: { claims: { team: sre, email: x } }, call: a, expect: allow, record: { grant: sre, principal: x } }
  - { name: c4, as: { claims: { team: sre } }, call: a, expect: unauthenticated, record: { cause: claim_missing } }
  - { name: c5, mtls: 'spiffe://corp/a', call: a, expect: allow, record: { grant: cert, source: mtls } }
  - { name: c6, mtls: { dns_san: a.example }, call: a, expect: unauthenticated, record: { cause: name_missing } }
  - { name: c7, as: { principal: 'spiffe://corp/a', source: mtls }, call: a, expect: allow, record: { grant: cert } }
  - { name: c8, api_key: secret, call: a, expect: allow, record: { grant: key, source: api_key } }
  - { name: c9, api_key: other, call: a, expect: no_grant }
  - { name: c10, as: { principal: a1, source: attribute }, call: a, expect: allow, record: { grant: agent } }
  - { name: c11, attributes: { filter_state.agent: a1 }, call: a, expect: allow, record: { grant: agent } }
  - { name: c12, as: { principal: h1, source: header }, call: a, expect: allow, record: { grant: hop } }
  - { name: c13, headers: { X-Agent: h1 }, call: a, expect: allow, record: { grant: hop } }
  - { name: c14, headers: { x-agent: [h1, h1] }, call: a, expect: unauthenticated, record: { cause: credential_ambiguous } }
  - { name: c15, tokens: { corp: { email: x@corp.example } }, call: a, expect: allow, record: { grant: corp } }
  - { name: c16, as: { grant: hop }, call: a, expect: allow, record: { grant: hop, principal: null } }
  - { name: c17, call: a, expect: unauthenticated, status: 401 }
  - name: c18
    as: { principal: h1, source: header }
    session: s1
    steps:
      - { call: a, expect: allow, record: { grant: hop } }
      - { call: a, as: { principal: h2, source: header }, expect: no_grant }
";
    pass("callers", policy, cases);
}

#[test]
fn time_and_counters_go_on_within_a_case_and_begin_anew_with_the_next() {
    let policy = r#"{
      "version": "1", "default": "deny", "time_zone": "UTC0",
      "tools": {
        "day": {"limits": [{"counter": "d", "window": "day", "max": 1, "type": "calendar"}]},
        "spend": {"limits": [{"counter": "s", "window": "hour", "max": 10, "amount": "args.n", "scope": "session"}]},
        "work": {"require": [{"path": "time.weekday", "op": "in", "value": ["mon", "tue", "wed", "thu", "fri"]}]}
      }
    }"#;
    let cases = "
  - name: a day
    steps:
      - { call: day, expect: allow }
      - { after: 15h, call: day, expect: rate_limited, retry_after: 3600 }
      - { after: 1h, call: day, expect: allow }
  - { name: the day again, call: day, expect: allow }
  - name: sessions
    steps:
      - { call: spend, arguments: { n: 8 }, session: a, expect: allow }
      - { call: spend, arguments: { n: 8 }, session: b, expect: allow }
      - { call: spend, arguments: { n: 8 }, session: a, expect: rate_limited, retry_after: some, reason: [2 of 10 are left, 'with at most 2'] }
      - { call: spend, arguments: { n: 11 }, session: a, expect: rate_limited, retry_after: none }
  - { name: friday, call: work, expect: allow }
  - { name: saturday, at: '2027-01-16T08:00:00Z', call: work, expect: condition_failed }
  - { name: saturday elsewhere, at: '2027-01-16T00:30:00+02:00', call: work, expect: allow }
";
    pass("time", policy, cases);
}

#[test]
fn requests_of_every_form_can_be_sent() {
    let policy = r#"{
      "version": "1", "default": "deny", "exempt_paths": ["/health"],
      "tools": {"a": {}}, "resources": {"file:///docs/*": {}}, "prompts": {"p": {}}, "methods": {"x/y": "allow"}
    }"#;
    let cases = r#"
  - { name: c1, call: a, expect: allow }
  - { name: c2, call: a, arguments: '{"x":1,"x":2}', expect: invalid_request, rpc_code: -32600 }
  - { name: c3, read: 'file:///docs/a', expect: allow, rule: 'resources.file:///docs/*' }
  - { name: c4, read: 'file:///docs/../etc', expect: denied }
  - { name: c5, prompt: p, arguments: { x: '1' }, expect: allow }
  - { name: c6, method: x/y, params: { n: 1 }, expect: allow }
  - { name: c7, method: x/z, expect: not_listed }
  - { name: c8, notify: notifications/initialized, expect: allow }
  - { name: c9, request: { jsonrpc: '2.0', id: 7, method: tools/call, params: { name: a } }, expect: allow, record: { request: 7 } }
  - { name: c10, request: 'no JSON', expect: invalid_request, rpc_code: -32700 }
  - { name: c11, http_method: GET, expect: allow }
  - { name: c12, http_method: PUT, expect: method_not_allowed }
  - { name: c13, call: a, path: /health, expect: exempt }
  - { name: c14, call: a, headers: { content-type: text/plain }, expect: unsupported_media_type }
  - { name: c15, call: a, headers: { content-type: null }, expect: unsupported_media_type }
  - { name: c16, call: b, id: null, expect: not_listed, status: 403 }
  - { name: c17, list: resources, expect: { shows: ['file:///docs/a'], hides: ['file:///etc/passwd'] } }
  - { name: c18, list: prompts, expect: { shows: [p], hides: [q] } }
"#;
    pass("requests", policy, cases);
}

#[test]
fn a_person_decides_as_the_step_says() {
    let policy = r#"{
      "version": "1", "default": "deny", "approvals": {"cluster": "a", "authority": "a.example"},
      "tools": {"wipe": {"action": "require_approval", "limits": [{"counter": "w", "window": "day", "max": 1}]}}
    }"#;
    let cases = "
  - name: every answer
    steps:
      - { call: wipe, expect: approval_required, rule: tools.wipe }
      - { call: wipe, approve: pending, expect: approval_required }
      - { call: wipe, approve: no, expect: approval_denied }
      - { call: wipe, approve: false, expect: approval_denied }
      - { call: wipe, approve: unavailable, expect: approval_unavailable }
      - { call: wipe, approve: yes, expect: allow }
      - { call: wipe, approve: yes, expect: rate_limited }
";
    pass("approvals", policy, cases);
}

#[test]
fn a_file_with_a_fault_is_an_error_that_names_its_place() {
    let position = Regex::new("^(?:([a-z]+[.]json):)?([0-9]+:[0-9]+): ").expect("an expression");
    for (number, (text, expected)) in [
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expct: allow }\n", "3:27: cases[0].expct: unknown key `expct`; did you mean `expect`?"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run }\n", "3:5: cases[0]: `expect` is missing"),
        ("policy: policy.json\ncases:\n  - { name: a, expect: allow }\n", "3:5: cases[0]: must have `call`"),
        ("policy: policy.json\ncases:\n  - { call: run, expect: allow }\n", "3:5: cases[0]: `name` is missing"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: alow }\n", "3:35: cases[0].expect: unknown code `alow`; did you mean `allow`?"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: true }\n", "3:35: cases[0].expect: must be `allow` or a code"),
        ("policy: policy.json\ncases:\n  - { name: a, call: [run], expect: allow }\n", "3:22: cases[0].call: must be a string, found a list"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, read: x, expect: allow }\n", "`read` is not allowed beside `call`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, arguments: 3, expect: allow }\n", "cases[0].arguments: must be an object, or a string of raw text, found `3`"),
        ("policy: policy.json\ncases:\n  - { name: a, method: x, arguments: {}, expect: allow }\n", "`arguments` needs `call` or `prompt`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, times: 0, expect: allow }\n", "cases[0].times: must be a whole number from 1 on, found `0`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, times: 1.5, expect: allow }\n", "cases[0].times: must be a whole number"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, after: 65, expect: allow }\n", "cases[0].after: must be a length of time such as `65s`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, at: today, expect: allow }\n", "cases[0].at: must be a time as in RFC 3339"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, retry_after: soon, expect: allow }\n", "cases[0].retry_after: must be seconds"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, approve: maybe, expect: allow }\n", "cases[0].approve: unknown answer `maybe`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, as: { principal: x }, expect: allow }\n", "the policy has no `identity`, so it knows nobody by name"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, as: {}, expect: allow }\n", "cases[0].as: must have `principal`, `claims` or `grant`"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tool, expect: { shows: [run] } }\n", "cases[0].list: unknown list `tool`; did you mean `tools`?"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tools, of: none.json, expect: { shows: [run] } }\n", "cases[0].of: cannot read"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tools, of: list.json, expect: { shows: [run, jump] } }\n", "`jump` is not in"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tools, expect: { shows: [] } }\n", "must name something in `shows` or `hides`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: { shows: [run] } }\n", "cases[0].expect: must be `allow` or a code such as `denied`, found an object"),
        ("policy: policy.json\ncases:\n  - { name: a, steps: [] }\n", "cases[0].steps: must have at least one step"),
        ("policy: policy.json\ncases:\n  - { name: a, steps: [{ call: run, expect: allow }], expect: allow }\n", "cases[0].expect: unknown key `expect`"),
        ("policy: policy.json\ncases: {}\n", "2:8: cases: must be a list, found an object"),
        ("policy: none.json\ncases: []\n", "1:9: policy: cannot read"),
        ("policy: faulty.json\ncases: []\n", "faulty.json:1:16: defalt: unknown key"),
        ("cases: []\n", "`policy` is missing"),
        ("- a\n", "must be an object with `policy` and `cases`"),
        ("policy: [\n", "a.test.yaml:"),
        ("", "the file is empty"),
        ("policy: policy.json\npolicy: policy.json\ncases: []\n", "duplicate key `policy`"),
    ]
    .into_iter()
    .enumerate()
    {
        let files = [
            ("policy.json", POLICY),
            ("faulty.json", r#"{"version":"1","defalt":"deny"}"#),
            ("list.json", r#"{"tools":[{"name":"run"}]}"#),
            ("a.test.yaml", text),
        ];
        let folder = Folder::new(&format!("fault-{number}"), &files);
        let done = folder.test(&[]);
        assert_eq!(done.code, 1, "{text}{done:?}");
        let message = position.replace(expected, "");
        assert!(done.stderr.contains(&*message), "{text}expected {message}\n{}", done.stderr);
        if let Some(found) = position.captures(expected) {
            let file = found.get(1).map_or("a.test.yaml", |file| file.as_str());
            let place = format!("{file}:{}\n", &found[2]);
            assert!(done.stderr.contains(&place), "{text}expected {place}\n{}", done.stderr);
        }
        assert!(done.stderr.contains("error: no case was run"), "{}", done.stderr);
        assert_eq!(done.stdout, "", "{text}");
    }
}

#[test]
fn nothing_is_run_while_any_file_has_a_fault() {
    let fault = "policy: policy.json\ncases:\n  - { name: a, call: run }\n";
    let files = [("policy.json", POLICY), ("a.test.yaml", PASSING), ("b.test.yaml", fault)];
    let folder = Folder::new("one-fault", &files);
    let result = folder.json(&[]);
    assert_eq!((&result["passed"], &result["files"]), (&json!(0), &json!([])));
    assert_eq!(result["diagnostics"][0]["path"], "cases[0]");
    assert_eq!(folder.test(&["--format", "json"]).code, 1);
}

#[test]
fn coverage_lists_what_no_case_has_made_decide() {
    let folder = Folder::new("coverage", &[("policy.json", POLICY), ("a.test.yaml", PASSING)]);
    let result = folder.json(&["--coverage"]);
    let coverage = &result["coverage"][0];
    assert_eq!((&coverage["covered"], &coverage["all"]), (&json!(6), &json!(7)), "{coverage}");
    assert_eq!((&coverage["percent"], &coverage["uncovered"][0]["path"]), (&json!(85), &json!("default")));
    for (least, code) in [("85", 0), ("86", 3)] {
        let done = folder.test(&["--min-coverage", least]);
        assert_eq!(done.code, code, "{}", done.stdout);
        assert!(done.stdout.contains("85 % (6 of 7)"), "{}", done.stdout);
    }
    // Another file about the same policy adds to it.
    let other = "policy: ./policy.json\ncases:\n  - { name: a, call: other, expect: not_listed }\n";
    std::fs::write(folder.0.join("b.test.yaml"), other).expect("written");
    let result = folder.json(&["--coverage"]);
    assert_eq!(result["coverage"].as_array().map(Vec::len), Some(1));
    assert_eq!(result["coverage"][0]["percent"], 100);
}

#[test]
fn files_and_cases_that_do_not_exist_are_errors() {
    let folder = Folder::new("selection", &[("policy.json", POLICY), ("a.test.yaml", PASSING)]);
    for (arguments, expected) in [
        (vec!["test", "/none"], "cannot read `/none`"),
        (vec!["test", "src/mcp-policy"], "has no test file"),
        (vec!["test"], "required arguments were not provided"),
        (vec!["test", "-", "--run", "("], "invalid value '('"),
        (vec!["test", "-", "--min-coverage", "101"], "101"),
    ] {
        let done = run(&arguments, "");
        assert_eq!(done.code, 1, "{done:?}");
        assert!(done.stderr.contains(expected), "{expected}\n{}", done.stderr);
    }
    let done = folder.test(&["--run", "nothing is called so"]);
    assert_eq!((done.code, done.stderr.as_str()), (1, "error: no case was run: none is selected\n"));
    let stdin = run(
        &["test", "-"],
        "policy: policies/run_agent.json\ncases:\n- {name: a, call: x, expect: not_listed}\n",
    );
    assert_eq!((stdin.code, stdin.stdout.lines().last()), (0, Some("1 passed in 1 file")), "{stdin:?}");
}
