//! The coverage that `mcp-policy test` measures.

use serde_json::json;

use super::{PASSING, POLICY};
use crate::folder::Folder;

#[test]
fn coverage_lists_what_no_case_has_made_decide() {
    let folder = Folder::holding("coverage", &[("policy.json", POLICY), ("a.test.yaml", PASSING)]);
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
    folder.with("b.test.yaml", other);
    let result = folder.json(&["--coverage"]);
    assert_eq!(result["coverage"].as_array().map(Vec::len), Some(1));
    assert_eq!(result["coverage"][0]["percent"], 100);
}

#[test]
fn each_kind_of_part_is_covered_once_a_case_has_made_it_decide() {
    let policy = r#"{
      "version": "1", "default": "deny", "hide": ["ghost", "shade"],
      "identity": [{"header": {"name": "x-agent"}}],
      "rules": {"plain": {}, "unused": {}},
      "tools": {
        "a": ["plain", {"when": [{"path": "args.n", "op": "gt", "value": 1}, {"path": "args.m", "op": "eq", "value": 1}], "arguments": {"maxProperties": 2}}],
        "d": {"definition": "sha256:1111111111111111111111111111111111111111111111111111111111111111"},
        "b": {"deny_if": [{"path": "args.x", "op": "exists"}], "limits": [{"counter": "c", "window": "day", "max": 1}]}
      },
      "methods": {"x/y": "allow", "x/z": "deny"},
      "grants": [
        {"name": "one", "match": [{"header": "one"}]},
        {"name": "two", "match": [{"header": "two"}], "default": "allow", "tools": {"a": {}}}
      ]
    }"#;
    let one = "as: { principal: one }, ";
    let two = "as: { principal: two }, ";
    let covers = |cases: &[String]| -> Vec<String> {
        let cases: Vec<String> =
            cases.iter().enumerate().map(|(at, case)| format!("  - {{ name: c{at}, {case} }}\n")).collect();
        let text = format!("policy: policy.json\ncases:\n{}", cases.concat());
        let list = r#"{"tools": [{"name": "d"}]}"#;
        let files = [("policy.json", policy), ("d.json", list), ("a.test.yaml", text.as_str())];
        let folder = Folder::holding("coverage-kinds", &files);
        let result = folder.json(&["--coverage"]);
        assert_eq!(result["failed"], 0, "{result:#}");
        let uncovered = result["coverage"][0]["uncovered"].as_array().expect("a list").iter();
        uncovered.map(|part| part["path"].as_str().expect("a path").to_owned()).collect()
    };
    let all = [
        "hide[0]",
        "hide[1]",
        "rules.plain",
        "tools.a[1]",
        "tools.a[1].when[0]",
        "tools.a[1].when[1]",
        "tools.a[1].arguments",
        "tools.d",
        "tools.d.definition",
        "tools.b",
        "tools.b.deny_if[0]",
        "tools.b.limits[0]",
        "methods.x/y",
        "methods.x/z",
        "default",
        "grants[0]",
        "grants[1]",
        "grants[1].tools.a",
        "grants[1].default",
    ];
    for (case, covered) in [
        (
            format!("{one}call: a, expect: allow"),
            &["grants[0]", "rules.plain", "tools.a[1].when[0]", "tools.a[1].when[1]"][..],
        ),
        (
            format!("{one}call: a, arguments: {{ n: 2, m: 1 }}, expect: allow"),
            &["grants[0]", "rules.plain", "tools.a[1]"],
        ),
        (
            format!("{one}call: a, arguments: {{ n: 2, m: 1, o: 1 }}, expect: arguments_invalid"),
            &["grants[0]", "rules.plain", "tools.a[1]", "tools.a[1].arguments"],
        ),
        (
            format!("{one}call: b, arguments: {{ x: 1 }}, expect: condition_failed"),
            &["grants[0]", "tools.b", "tools.b.deny_if[0]"],
        ),
        (format!("{one}call: d, expect: allow"), &["grants[0]", "tools.d"]),
        (
            format!(
                "steps: [{{ {one}list: tools, of: d.json, expect: allow }}, {{ {one}call: d, expect: definition_changed }}]"
            ),
            &["grants[0]", "tools.d", "tools.d.definition"],
        ),
        (format!("{one}call: c, expect: not_listed"), &["grants[0]", "default"]),
        (format!("{one}call: ghost, expect: hidden"), &["grants[0]", "hide[0]"]),
        (format!("{one}list: tools, expect: {{ hides: [shade] }}"), &["grants[0]", "hide[1]"]),
        (format!("{one}method: x/y, expect: allow"), &["grants[0]", "methods.x/y"]),
        (format!("{one}method: x/z, expect: denied"), &["grants[0]", "methods.x/z"]),
        (
            format!("{two}call: a, expect: allow"),
            &["grants[1]", "rules.plain", "tools.a[1].when[0]", "tools.a[1].when[1]", "grants[1].tools.a"],
        ),
        (format!("{two}call: b, expect: allow"), &["grants[1]", "tools.b", "grants[1].default"]),
        ("call: a, expect: unauthenticated".to_owned(), &[]),
    ] {
        let uncovered = covers(std::slice::from_ref(&case));
        let expected: Vec<&str> = all.into_iter().filter(|path| !covered.contains(path)).collect();
        let mut found: Vec<&str> = uncovered.iter().map(String::as_str).collect();
        let mut expected = expected;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{case}");
    }
}
