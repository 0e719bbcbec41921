//! `mcp-policy scan --pin`, and what the other commands say of pinned definitions.

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::program::{Done, run};

fn scan(tools: &Value, options: &[&str]) -> Done {
    run(&[&["scan", "-"], options].concat(), &json!({ "tools": tools }).to_string())
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// Returns the digest that scan tells of a definition.
fn digest(tool: &Value) -> String {
    let report: Value = serde_json::from_str(&scan(&json!([tool]), &["--format", "json"]).stdout).unwrap();
    report["tools"][0]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_policy_pins_what_it_allows() {
    let tools = json!([
        {"name": "get_a", "inputSchema": {"type": "object", "properties": {"x": {"type": "string"}}}},
        {"name": "get_b"},
        {"name": "delete_c"},
        {"name": "get_d"},
        {"name": "get_d", "title": "D"},
    ]);
    let done = scan(&tools, &["--pin"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let policy: Value = serde_json::from_str(&done.stdout).unwrap();
    let schema = json!({"type": "object", "properties": {"x": {"type": "string"}}});
    let own = json!({"definition": digest(&tools[0]), "arguments": schema});
    assert_eq!(policy["tools"]["get_a"], json!(["read", own]));
    assert_eq!(policy["tools"]["get_b"], json!(["read", {"definition": digest(&tools[1])}]));
    // What is denied needs no digest, and what is listed twice has none.
    assert_eq!(policy["tools"]["delete_c"], json!("destructive"));
    assert_eq!(policy["tools"]["get_d"], json!("read"));
    assert!(done.stderr.contains("its definition is not pinned"), "{}", done.stderr);
}

#[test]
fn a_policy_in_a_file_is_pinned_and_then_tells_what_changes() {
    let folder = Folder::new("pins");
    let file = folder.file("policy.yaml");
    let text = "# ours\nversion: \"1\"\ntools:\n  get_a: {}   # read\n  get_b:\n    reason: x\n  get_*: {}\n";
    std::fs::write(&file, text).unwrap();
    let before = json!([{"name": "get_a", "description": "Reads"}, {"name": "get_b"}, {"name": "get_c"}]);
    let done = scan(&before, &["--policy", &file, "--pin"]);
    let [a, b] = [digest(&before[0]), digest(&before[1])];
    let expected = text
        .replace("{}   #", &format!("{{ \"definition\": \"{a}\" }}   #"))
        .replace("reason", &format!("definition: \"{b}\"\n    reason"));
    assert_eq!(read(&file), expected);
    assert!(
        done.stderr.contains("unpinned tool get_c: the policy has no entry with its name"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("definitions pinned: 2 new, 0 changed, 0 as before"), "{}", done.stderr);
    // What the policy does not name is drift as before.
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (3, "new      tool get_c: the policy does not name it; its pattern `get_*` decides\n")
    );

    let after = json!([{"name": "get_a", "description": "Reads, and forwards"}, {"name": "get_b"}]);
    let drift = scan(&after, &["--policy", &file]);
    let told = "changed  tool get_a: its definition is not the one that the policy pins\n";
    assert_eq!((drift.code, drift.stdout.as_str()), (3, told), "{}", drift.stderr);
    assert_eq!(read(&file), expected, "nothing is written without `--pin`");
    let again = scan(&after, &["--policy", &file, "--pin"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{}", again.stderr);
    assert!(again.stderr.contains("pinned   tool get_a: its definition was another"), "{}", again.stderr);
    assert_eq!(read(&file), expected.replace(&a, &digest(&after[0])));
}

#[test]
fn a_policy_that_is_not_a_file_of_its_own_is_not_pinned() {
    let folder = Folder::new("pins-within");
    let file = folder.file("envoy.yaml");
    let rendered = run(&["render", "policies/run_agent.json", "--for", "envoy"], "").stdout;
    std::fs::write(&file, &rendered).unwrap();
    let tools = json!([{"name": "run_agent"}]);
    let done = scan(&tools, &["--policy", &file, "--pin"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("`--pin` needs the policy in a file of its own"), "{}", done.stderr);
    assert_eq!(read(&file), rendered);
    let done = run(&["scan", "policies/run_agent.json", "--policy", "-", "--pin"], "");
    assert_eq!(done.code, 1);
}

#[test]
fn a_test_sees_that_a_list_closes_a_pinned_tool() {
    let folder = Folder::new("pins-test");
    let [good, evil] = [json!({"name": "run", "title": "Run"}), json!({"name": "run", "title": "Run!"})];
    let policy = json!({ "version": "1", "tools": { "run": { "definition": digest(&good) }, "other": {} } });
    let tools = |tool: &Value| json!({ "tools": [tool, { "name": "other" }] }).to_string();
    let cases = "policy: policy.json
cases:
  - name: a changed definition closes the tool, and the pinned one opens it
    steps:
      - { call: run, expect: allow }
      - { list: tools, of: good.json, expect: { shows: [run, other] } }
      - { call: run, expect: allow }
      - { list: tools, of: evil.json, expect: { shows: [other], hides: [run] } }
      - { call: run, expect: definition_changed, rule: tools.run.definition, reason: another definition }
      - { call: other, expect: allow }
      - { list: tools, expect: { shows: [run] } }
      - { call: run, expect: definition_changed }
      - { list: tools, of: good.json, expect: { shows: [run] } }
      - { call: run, expect: allow }
  - name: each case begins without lists
    call: run
    expect: allow
";
    for (name, text) in [
        ("policy.json", policy.to_string()),
        ("good.json", tools(&good)),
        ("evil.json", tools(&evil)),
        ("a.test.yaml", cases.to_owned()),
        ("b.test.yaml", "policy: policy.json\ncases:\n  - name: a\n    steps:\n      - { list: tools, of: evil.json, expect: allow }\n      - { call: run, expect: allow }\n".to_owned()),
    ] {
        std::fs::write(folder.file(name), text).unwrap();
    }
    let done = run(&["test", "--coverage", &folder.file("a.test.yaml")], "");
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("2 passed in 1 file"), "{}", done.stdout);

    let failed = run(&["test", "--explain", &folder.file("b.test.yaml")], "");
    let line = "✗ definition  the tool's definition: sha256:";
    assert!(failed.code == 3 && failed.stdout.contains(line), "{}", failed.stdout);
    assert!(failed.stdout.contains("the last list has shown another one  ← decides"), "{}", failed.stdout);
    let explained = run(&["explain", &folder.file("policy.json"), "--call", "run"], "");
    assert!(explained.stdout.contains("no list has shown another one"), "{}", explained.stdout);
}

#[test]
fn a_definition_that_doubles_change_is_not_pinned_and_scan_says_why() {
    let folder = Folder::new("pins-numbers");
    let tool = |name: &str, number: &str| {
        format!(
            r#"{{"name":"{name}","inputSchema":{{"type":"object","properties":{{"x":{{"type":"integer","maximum":{number}}}}}}}}}"#
        )
    };
    // Some of these numbers are the same once a program has read them as doubles.
    let tools = format!(
        r#"{{"tools":[{},{},{},{}]}}"#,
        tool("get_a", "9007199254740992"),
        tool("get_b", "9007199254740993"),
        tool("get_c", "18446744073709551617"),
        tool("get_d", "0.10000000000000001"),
    );
    let why = "its definition has no digest, because it has a number that no double holds exactly, such as an integer \
               beyond 2^53";
    let done = run(&["scan", "-", "--pin"], &tools);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let policy: Value = serde_json::from_str(&done.stdout).unwrap();
    let file = folder.file("policy.json");
    std::fs::write(&file, r#"{"version":"1","tools":{"get_a":{},"get_b":{},"get_c":{},"get_d":{}}}"#)
        .unwrap();
    let pinned = run(&["scan", "-", "--policy", &file, "--pin"], &tools);
    assert_eq!(pinned.code, 0, "{}", pinned.stderr);
    assert!(pinned.stderr.contains("definitions pinned: 1 new, 0 changed, 0 as before"), "{}", pinned.stderr);
    let written: Value = serde_json::from_str(&read(&file)).unwrap();
    assert_eq!(written["tools"]["get_a"]["definition"], policy["tools"]["get_a"][1]["definition"]);
    assert_eq!(read(&file).matches("definition").count(), 1, "{}", read(&file));
    for name in ["get_b", "get_c", "get_d"] {
        let rule = policy["tools"][name].to_string();
        assert!(!rule.contains("sha256:"), "{name}: {rule}");
        let note = format!("tool {name}, policy: its definition is not pinned: {why}");
        assert!(done.stderr.contains(&note), "{name}: {}", done.stderr);
        assert!(pinned.stderr.contains(&format!("unpinned tool {name}: {why}")), "{}", pinned.stderr);
    }

    // A tool that the policy pins already is drift, and a file of definitions cannot have it.
    let before = tools.replace("9007199254740993", "9007199254740992");
    run(&["scan", "-", "--policy", &file, "--pin"], &before);
    let drift = run(&["scan", "-", "--policy", &file], &tools);
    assert_eq!((drift.code, drift.stdout), (3, format!("changed  tool get_b: {why}\n")), "{}", drift.stderr);
    let definitions = folder.file("definitions.json");
    let done = run(&["scan", "-", "--write-definitions", &definitions], &tools);
    assert!(done.code == 1 && done.stderr.contains(&format!("tool get_b: {why}")), "{}", done.stderr);
}
