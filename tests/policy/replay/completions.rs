//! `replay` of `completion/complete`, which is about a prompt or a resource.

use serde_json::{Value, json};

use crate::program::run;
use crate::recorded::{Temporary, message, records};

#[test]
fn a_completion_is_judged_if_its_rule_tells_what_it_is_about() {
    let old = json!({
        "version": "1", "server": "shop", "rules": { "read": { "limits": [{ "counter": "c", "window": 60, "max": 9 }] } },
        "prompts": { "greet": {}, "draft mail": {}, "named": "read" }, "resources": { "file:///a": {} },
        "grants": [{ "name": "all", "match": "any", "default": "allow", "prompts": { "draft mail": { "action": "deny" } } }]
    });
    let new = json!({ "version": "1", "server": "shop", "prompts": { "draft mail": {} }, "default": "deny" });
    let prompt = |name: &str| json!({ "type": "ref/prompt", "name": name });
    let references = [
        prompt("greet"),
        json!({ "type": "ref/resource", "uri": "file:///a" }),
        prompt("draft mail"),
        prompt("named"),
        prompt("other"),
    ];
    let requests: Vec<_> = references
        .iter()
        .map(|reference| message(0, "completion/complete", &json!({ "ref": reference })))
        .collect();
    let log = Temporary::file("completions.log", records(&old, &requests).join("\n"));
    let policy = Temporary::file("completions.json", new.to_string());
    let done = run(&["replay", log.path(), "--policy", policy.path(), "--format", "json"], "");
    assert_eq!(done.code, 3, "{done:?}");
    let result: Value = serde_json::from_str(&done.stdout).unwrap();
    let mut changes: Vec<_> = result["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| format!("{} {} → {}", change["target"], change["from"], change["to"]))
        .collect();
    changes.sort_unstable();
    let expected = [
        r#""draft mail" "denied" → "allow""#,
        r#""file:///a" "allow" → "not_listed""#,
        r#""greet" "allow" → "not_listed""#,
    ];
    assert_eq!(changes, expected, "{result}");
    assert_eq!((&result["changed"], &result["undecided"]), (&json!(3), &json!(2)), "{result}");
}
