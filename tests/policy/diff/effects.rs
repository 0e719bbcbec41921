//! A change is told by what it does: whether it allows more, to whom, and what was before.

use serde_json::{Value, json};

use super::changes;

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// A name, the old and the new members of a policy, and the changes.
type Case = (&'static str, Value, Value, &'static [&'static str]);

fn deny() -> Value {
    json!({ "action": "deny" })
}

fn limit(max: u32, window: &str) -> Value {
    json!({ "limits": [{ "counter": "c", "window": window, "max": max }] })
}

fn require(op: &str, value: Value) -> Value {
    json!({ "require": [{ "path": "args.x", "op": op, "value": value }] })
}

/// Changes of which entries there are, and of what they do.
fn of_entries() -> Vec<Case> {
    vec![
        (
            "a tool is added",
            json!({}),
            json!({"tools": {"a": {}}}),
            &["widens |  | tool `a` | not listed | allowed"],
        ),
        (
            "a tool is denied",
            json!({"tools": {"a": {}}}),
            json!({"tools": {"a": deny()}}),
            &["narrows |  | tool `a` | allowed | denied"],
        ),
        (
            "a tool is hidden",
            json!({"tools": {"a": {}}}),
            json!({"tools": {"a": {}}, "hide": ["a"]}),
            &["narrows |  | tool `a` | allowed | hidden"],
        ),
        (
            "denied, then hidden",
            json!({"tools": {"a": deny()}}),
            json!({"tools": {"a": deny()}, "hide": ["a"]}),
            &["otherwise |  | tool `a` | denied | hidden"],
        ),
        (
            "approval instead of denial",
            json!({"tools": {"a": deny()}}),
            json!({"tools": {"a": {"action": "require_approval"}}}),
            &["widens |  | tool `a` | denied | allowed, with approval"],
        ),
        (
            "a rule in shadow mode",
            json!({"tools": {"a": deny()}}),
            json!({"tools": {"a": {"action": "deny", "mode": "shadow"}}}),
            &["widens |  | tool `a` | denied | allowed"],
        ),
        (
            "a pattern",
            json!({"tools": {"get_*": {}}}),
            json!({"tools": {"get_*": {}, "get_key*": deny()}}),
            &["narrows |  | tools `get_key*` | allowed | denied"],
        ),
        (
            "an exception to a pattern goes",
            json!({"tools": {"get_*": {}, "get_key": deny()}}),
            json!({"tools": {"get_*": {}}}),
            &["widens |  | tool `get_key` | denied | allowed"],
        ),
    ]
}

/// Changes of the definitions that are pinned.
fn of_definitions() -> Vec<Case> {
    vec![
        (
            "a definition is pinned",
            json!({"tools": {"a": {}}}),
            json!({"tools": {"a": {"definition": ONE}}}),
            &[
                "narrows |  | tool `a` | absent | the definition of digest sha256:1111111111111111111111111111111111111111111111111111111111111111",
            ],
        ),
        (
            "a definition is pinned no more",
            json!({"tools": {"a": [{"definition": ONE}, {}]}}),
            json!({"tools": {"a": {"definition": ONE, "mode": "shadow"}}}),
            &[
                "widens |  | tool `a` | the definition of digest sha256:1111111111111111111111111111111111111111111111111111111111111111 | removed",
            ],
        ),
        (
            "another definition is pinned",
            json!({"tools": {"a": {"definition": ONE}}}),
            json!({"tools": {"a": {"definition": TWO}}}),
            &[
                "may_widen |  | tool `a` | the definition of digest sha256:1111111111111111111111111111111111111111111111111111111111111111 | the definition of digest sha256:2222222222222222222222222222222222222222222222222222222222222222",
            ],
        ),
        (
            "the digits of a digest are written otherwise",
            json!({"tools": {"a": {"definition": ONE.replace('1', "A")}}}),
            json!({"tools": {"a": {"definition": ONE.replace('1', "a")}}}),
            &[],
        ),
    ]
}

/// Changes of limits and conditions.
fn of_limits_and_conditions() -> Vec<Case> {
    vec![
        (
            "a higher limit",
            json!({"tools": {"a": limit(5, "minute")}}),
            json!({"tools": {"a": limit(6, "minute")}}),
            &[
                "widens |  | tool `a` | limit `c`: 5 per minute, for each grant | limit `c`: 6 per minute, for each grant",
            ],
        ),
        (
            "a longer window",
            json!({"tools": {"a": limit(5, "minute")}}),
            json!({"tools": {"a": limit(5, "hour")}}),
            &[
                "narrows |  | tool `a` | limit `c`: 5 per minute, for each grant | limit `c`: 5 per hour, for each grant",
            ],
        ),
        (
            "a limit of another counter",
            json!({"tools": {"a": limit(5, "minute"), "b": limit(5, "minute")}}),
            json!({"tools": {"a": limit(5, "minute"), "b": {}}}),
            &["widens |  | tool `b` | limit `c`: 5 per minute, for each grant | removed"],
        ),
        (
            "a tighter bound",
            json!({"tools": {"a": require("lte", json!(10))}}),
            json!({"tools": {"a": require("lte", json!(5))}}),
            &["narrows |  | tool `a` | requires args.x lte 10 | requires args.x lte 5"],
        ),
        (
            "another condition",
            json!({"tools": {"a": require("regex", json!("^a$"))}}),
            json!({"tools": {"a": require("regex", json!("^b$"))}}),
            &[r#"may_widen |  | tool `a` | requires args.x regex "^a$" | requires args.x regex "^b$""#],
        ),
    ]
}

/// Changes of the other keys of the document, and none.
fn of_the_document() -> Vec<Case> {
    vec![
        ("nothing", json!({}), json!({}), &[]),
        (
            "words",
            json!({"tools": {"a": {"action": "deny", "reason": "x"}}}),
            json!({"tools": {"a": deny()}, "description": "y"}),
            &[],
        ),
        (
            "shadow",
            json!({"tools": {"a": deny()}}),
            json!({"tools": {"a": deny()}, "mode": "shadow"}),
            &["widens |  | mode | enforce | shadow: no call is refused"],
        ),
        (
            "a larger body",
            json!({}),
            json!({"max_body_bytes": 2_000_000}),
            &["widens |  | max_body_bytes | 1048576 | 2000000"],
        ),
        (
            "an exempt path",
            json!({}),
            json!({"exempt_paths": ["/x"]}),
            &["widens |  | path `/x` | judged | exempt: every request passes"],
        ),
        ("answers", json!({}), json!({"denials": "error"}), &["otherwise |  | denials | absent | \"error\""]),
        (
            "an origin",
            json!({"origins": ["https://*.corp.example"]}),
            json!({"origins": ["https://a.corp.example"]}),
            &[r#"narrows |  | origins | ["https://*.corp.example"] | ["https://a.corp.example"]"#],
        ),
        (
            "a method",
            json!({"methods": {"x/y": "deny"}}),
            json!({"methods": {"x/y": "allow"}}),
            &["widens |  | method `x/y` | denied | allowed"],
        ),
        (
            "the default",
            json!({"tools": {"a": {}}}),
            json!({"tools": {"a": {}}, "default": "allow"}),
            &[
                "widens |  | any other tool | not listed | allowed",
                "widens |  | any other resource | not listed | allowed",
                "widens |  | any other prompt | not listed | allowed",
                "widens |  | any other method | not listed | allowed",
            ],
        ),
    ]
}

#[test]
fn a_change_is_told_by_what_it_does() {
    for (name, old, new, expected) in
        [of_entries(), of_definitions(), of_limits_and_conditions(), of_the_document()].concat()
    {
        assert_eq!(changes(name, old, new), expected, "{name}");
    }
}
