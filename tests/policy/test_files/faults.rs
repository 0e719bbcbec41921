//! Test files with faults.

use regex::Regex;
use serde_json::json;

use super::{PASSING, POLICY};
use crate::folder::Folder;

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
        ("policy: policy.json\ncases:\n  - { name: a, call: run, every: 1s, expect: allow }\n", "cases[0].every: `every` needs `times`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, times: 2, every: 1, expect: allow }\n", "cases[0].every: must be a length of time such as `65s`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, at: today, expect: allow }\n", "cases[0].at: must be a time as in RFC 3339"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, retry_after: soon, expect: allow }\n", "cases[0].retry_after: must be seconds"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, approve: maybe, expect: allow }\n", "cases[0].approve: unknown answer `maybe`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, as: { principal: x }, expect: allow }\n", "no such caller: the policy has no `identity`, so no caller has a name"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, as: {}, expect: allow }\n", "cases[0].as: must have `principal`, `claims` or `grant`"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tool, expect: { shows: [run] } }\n", "cases[0].list: unknown list `tool`; did you mean `tools`?"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tools, of: none.json, expect: { shows: [run] } }\n", "cases[0].of: cannot read"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tools, of: list.json, expect: { shows: [run, jump] } }\n", "`jump` is not in"),
        ("policy: policy.json\ncases:\n  - { name: a, list: tools, expect: { shows: [] } }\n", "must name something in `shows` or `hides`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: { shows: [run] } }\n", "cases[0].expect: must be `allow` or a code such as `denied`, found an object"),
        ("policy: policy.json\ncases:\n  - { name: a, steps: [] }\n", "cases[0].steps: must have at least one step"),
        ("policy: policy.json\ncases:\n  - { name: a, steps: [{ call: run, expect: allow }], expect: allow }\n", "3:63: cases[0].expect: `expect` is not allowed beside `steps`, write it in a step"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, steps: [{ call: run, expect: allow }] }\n", "3:22: cases[0].call: `call` is not allowed beside `steps`"),
        ("policy: policy.json\ncases:\n  - { name: a, steps: run }\n", "cases[0].steps: must be a list, found \"run\""),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: denied, reason: 3 }\n", "cases[0].reason: must be a string or a list of strings, found `3`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: would_deny }\n", "cases[0].expect: `would_deny` needs a code behind it, such as `would_deny denied`"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: nothing }\n", "unknown code `nothing`, expected `allow`, `exempt`, `would_deny CODE`, `"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: allow, record: { decison: allow } }\n", "3:61: cases[0].record.decison: unknown member `decison` of a record; did you mean `decision`?"),
        ("policy: policy.json\ncases:\n  - { name: a, call: run, expect: allow, api_key_sha256: my-key }\n", "cases[0].api_key_sha256: must be the SHA-256 of the key, as 64 hex digits"),
        ("policy: policy.json\ncases: []\n", "2:8: cases: must have at least one case"),
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
        let folder = Folder::holding(&format!("fault-{number}"), &files);
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
        let is_follow_up = text.contains("list: tool,") && done.stderr.contains("cases[0].expect");
        assert!(!is_follow_up, "{}", done.stderr);
        assert_eq!(done.stdout, "", "{text}");
    }
}

#[test]
fn nothing_is_run_while_any_file_has_a_fault() {
    let fault = "policy: policy.json\ncases:\n  - { name: a, call: run }\n";
    let files = [("policy.json", POLICY), ("a.test.yaml", PASSING), ("b.test.yaml", fault)];
    let folder = Folder::holding("one-fault", &files);
    let result = folder.json(&[]);
    assert_eq!((&result["passed"], &result["files"]), (&json!(0), &json!([])));
    assert_eq!(result["diagnostics"][0]["path"], "cases[0]");
    assert_eq!(folder.test(&["--format", "json"]).code, 1);
}
