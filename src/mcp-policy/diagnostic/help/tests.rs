use mcp_policy_engine::policy::Policy;

use super::*;

/// Returns the help of the only fault of a document whose members these are.
#[track_caller]
fn help(members: &str) -> Option<String> {
    let document = format!(r#"{{"version": "1", {members}}}"#);
    let faults = Policy::from_bytes(document.as_bytes()).unwrap_err();
    let [fault] = faults.iter().collect::<Vec<_>>()[..] else { panic!("{faults}") };
    of(&fault.path.to_string(), &fault.wrong, ("", ""))
}

#[test]
fn help_names_what_was_meant() {
    for (members, expected) in [
        (r#""defalt": "deny""#, "unknown key `defalt`; did you mean `default`?"),
        (r#""default": "Deny""#, "unknown word `Deny`; did you mean `deny`?"),
        (r#""max_body_bytes": "10""#, "write it without quotes: `10`"),
        (r#""server": 7"#, "write it in quotes: `\"7\"`"),
        (r#""hide": "x""#, "write a list: `[\"x\"]`"),
        (r#""default": "denied""#, "unknown word `denied`; did you mean `deny`?"),
        (
            r#""tools": {"x": {"require": [{"path": "args.a", "op": "<=", "value": 1}]}}"#,
            "unknown word `<=`; did you mean `lte`?",
        ),
        (
            r#""tools": {"x": {"limits": [{"counter": "c", "window": 60, "max": 1, "amount": "amount"}]}}"#,
            "an argument is written with `args.`: `args.amount`",
        ),
        (r#""tools": {"x": "allow"}, "rules": {"read": {}}"#, "write `{}` to allow without a rule"),
        (r#""tools": {"x": "deny"}"#, "write `{\"action\": \"deny\"}` to deny"),
        (r#""limits": []"#, "`limits` is a key of a rule"),
        (
            r#""scope": "grant""#,
            "`scope` is a key of a limit in `limits`, of a description in the `match` of a grant, and of `unauthenticated`",
        ),
        (r#""tools": {"x": {"actoin": "deny"}}"#, "unknown key `actoin`; did you mean `action`?"),
        (
            r#""tools": {"x": "raed"}, "rules": {"read": {}}"#,
            "no rule has the name `raed`; did you mean `read`?",
        ),
        (
            r#""tools": {"x": {"arguments": {"maxLenght": 5}}}"#,
            "unknown keyword `maxLenght`; did you mean `maxLength`?",
        ),
        (
            r#""tools": {"x": {"action": "require_approval"}}"#,
            "add `\"approvals\": {\"cluster\": \"…\"}` to the document",
        ),
        (
            r#""tools": {"x": {"limits": [{"counter": "c", "window": "day", "max": 1, "type": "calendar", "shared": true}]}}"#,
            "add `\"shared_limits\": {\"cluster\": \"…\"}` to the document",
        ),
        (
            r#""tools": {"x": {"limits": [{"counter": "c", "window": "minutes", "max": 1}]}}"#,
            "unknown window `minutes`; did you mean `minute`?",
        ),
        (
            r#""tools": {"x": {"limits": [{"counter": "c", "window": "minute"}]}}"#,
            "add the key `max` to this object",
        ),
        (
            r#""tools": {"x": {"require": [{"path": "arg.a", "op": "eq", "value": 1}]}}"#,
            "unknown path `arg.a`; did you mean `args.a`?",
        ),
        (
            r#""tools": {"x": {"require": [{"path": "amount", "op": "eq", "value": 1}]}}"#,
            "an argument is written with `args.`: `args.amount`",
        ),
        (
            r#""tools": {"x": {"require": [{"path": "args.a", "op": "exists", "value": "true"}]}}"#,
            "write it without quotes: `true`",
        ),
    ] {
        assert_eq!(help(members).as_deref(), Some(expected), "{members}");
    }
    for members in [r#""colour": 1"#, r#""default": "maybe""#, r#""max_body_bytes": 0"#] {
        assert_eq!(help(members), None, "{members}");
    }
}

#[test]
fn what_json_does_not_allow_is_told_with_what_it_does() {
    for (text, expected) in [
        (r#"{"version":"1", }"#, Some("remove the comma before it")),
        (r#"{"hide":["a",]}"#, Some("remove the comma before it")),
        ("{ // x\n}", Some("JSON has no comments; a policy in YAML can have them")),
        ("{'version': 1}", Some("JSON has strings in double quotes")),
        ("{\"server\": \"a\nb\"}", Some("a string ends in its line; a line break in it is written `\\n`")),
        ("{]", None),
        ("{", None),
    ] {
        let faults = Policy::from_bytes(text.as_bytes()).unwrap_err();
        let fault = faults.iter().next().unwrap();
        let parts = text.split_at(fault.place.clone().unwrap().start);
        assert_eq!(of("document", &fault.wrong, parts).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_missing_version_is_told_with_its_only_value() {
    let faults = Policy::from_bytes(b"{}").unwrap_err();
    let fault = faults.iter().next().unwrap();
    let help = of(&fault.path.to_string(), &fault.wrong, ("", ""));
    assert_eq!(help.as_deref(), Some("add `\"version\": \"1\"`"));
}
