//! Digests in the texts of policies: what is added, and that nothing else changes.

use super::*;

const RUN: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Pins `run` with `RUN`, and `other` with `OTHER`. In the result the digests are `RUN` and `OTHER`, too.
#[track_caller]
fn pinned(file: &str, text: &str) -> Result<(String, Vec<(String, Pinned)>), String> {
    let whole = text.replace("RUN", RUN).replace("OTHER", OTHER);
    let file = Rc::new(File { name: file.to_owned(), text: whole });
    let found = input::policies_of(&file).unwrap().pop().unwrap();
    let digests = [("run", RUN), ("other", OTHER)];
    let digests =
        digests.map(|(tool, digest)| (tool.to_owned(), Ok(DefinitionDigest::parse(digest).unwrap())));
    let policy = found.policy().unwrap();
    let (text, pinned) = pin(&found, &policy, &digests.into()).map_err(|failure| failure.to_string())?;
    Ok((text.replace(RUN, "RUN").replace(OTHER, "OTHER"), pinned.into_iter().collect()))
}

#[track_caller]
fn check(file: &str, before: &str, after: &str) {
    assert_eq!(pinned(file, before).map(|(text, _)| text).as_deref(), Ok(after), "{before}");
    // Then there is nothing more to do.
    assert_eq!(pinned(file, after).map(|(text, _)| text).as_deref(), Ok(after), "{before}");
}

#[test]
fn a_digest_is_added_to_each_form_of_an_entry_in_json() {
    let old = "sha256:3333333333333333333333333333333333333333333333333333333333333333";
    for (entry, expected) in [
        ("{}", r#"{ "definition": "RUN" }"#),
        ("{ }", r#"{ "definition": "RUN" }"#),
        (r#"{"reason": "x"}"#, r#"{"definition": "RUN", "reason": "x"}"#),
        ("{\n   \"reason\": \"x\" }", "{\n   \"definition\": \"RUN\",\n   \"reason\": \"x\" }"),
        (r#""r""#, r#"["r", { "definition": "RUN" }]"#),
        (r#"[{}]"#, r#"[{}, { "definition": "RUN" }]"#),
        (r#"["r" , {"reason": "x"} ]"#, r#"["r" , {"reason": "x"}, { "definition": "RUN" } ]"#),
        ("[\n  \"r\",\n  {}\n]", "[\n  \"r\",\n  {},\n  { \"definition\": \"RUN\" }\n]"),
        (
            r#"{"when": [{"path": "args.a", "op": "eq", "value": 1}], "action": "deny"}"#,
            r#"[{"when": [{"path": "args.a", "op": "eq", "value": 1}], "action": "deny"}, { "definition": "RUN" }]"#,
        ),
        (
            r#"{"mode": "shadow", "limits": []}"#,
            r#"[{"mode": "shadow", "limits": []}, { "definition": "RUN" }]"#,
        ),
        (r#"{"mode": "enforce"}"#, r#"{"definition": "RUN", "mode": "enforce"}"#),
        (&format!(r#"{{"definition" : "{old}"}}"#), r#"{"definition" : "RUN"}"#),
        (
            &format!(r#"["r", {{"reason": "x", "definition":"{old}"}}]"#),
            r#"["r", {"reason": "x", "definition":"RUN"}]"#,
        ),
        (
            &format!(r#"{{"action": "deny", "definition": "{old}"}}"#),
            r#"{"action": "deny", "definition": "RUN"}"#,
        ),
    ] {
        let document = |entry: &str| {
            format!(
                "{{ \"version\":\"1\",\t\"rules\": {{\"r\": {{}}}},\n\"tools\" : {{ \"a\": \"r\", \"run\": {entry} , \"*\": {{}} }}}}\n"
            )
        };
        check("a.json", &document(entry), &document(expected));
        // JSON is YAML, too.
        let document = |entry: &str| document(entry).replace('\t', " ");
        check("a.yaml", &document(entry), &document(expected));
    }
}

#[test]
fn a_digest_is_added_to_each_form_of_an_entry_in_yaml_and_comments_stay() {
    for (before, after) in [
        (
            "  run:  # runs\n    reason: x  # why\n    limits: []\n",
            "  run:  # runs\n    definition: \"RUN\"\n    reason: x  # why\n    limits: []\n",
        ),
        ("  run: { reason: x }\n", "  run: { \"definition\": \"RUN\", reason: x }\n"),
        ("  run: r  # named\n", "  run: [\"r\", { \"definition\": \"RUN\" }]  # named\n"),
        (
            "  run:\n    - r\n    - reason: |\n        x\n        y\n  # next\n",
            "  run:\n    - r\n    - reason: |\n        x\n        y\n    - { \"definition\": \"RUN\" }\n  # next\n",
        ),
        (
            "  run: { reason: it's a# 'b', limits: [ ], # }\n    mode: 'shadow' }\n",
            "  run: [{ reason: it's a# 'b', limits: [ ], # }\n    mode: 'shadow' }, { \"definition\": \"RUN\" }]\n",
        ),
        (
            "  run: [ { reason: 'it''s }' }, # ]\n    { reason: \"\\\"}]\", mode: shadow } ]\n",
            "  run: [ { reason: 'it''s }' }, # ]\n    { reason: \"\\\"}]\", mode: shadow },\n    { \"definition\": \"RUN\" } ]\n",
        ),
        ("  run:\n  - r  # named", "  run:\n  - r  # named\n  - { \"definition\": \"RUN\" }"),
        (
            "  run:\n    - reason: x\n      definition: 'RUN'\n  other:\n    mode: shadow\n    definition: RUN\n",
            "  run:\n    - reason: x\n      definition: 'RUN'\n  other:\n    mode: shadow\n    definition: \"OTHER\"\n",
        ),
    ] {
        let document = |tools: &str| {
            format!("# A policy\nversion: \"1\"\nrules: {{ r: {{}} }}\ntools:\n  a: {{}}\n{tools}")
        };
        check("a.yaml", &document(before), &document(after));
    }
}

#[test]
fn what_became_of_each_tool_is_told() {
    let old = OTHER;
    for (tools, expected) in [
        (r#"{"run": {}, "other": {}}"#.to_owned(), [Pinned::New, Pinned::New]),
        (r#"{"run": {"definition": "RUN"}, "other": {}}"#.to_owned(), [Pinned::New, Pinned::Same]),
        (format!(r#"{{"run": {{"definition": "{old}"}}, "other": {{}}}}"#), [Pinned::New, Pinned::Other]),
        (
            r#"{"ru*": {}, "other": {"action": "deny"}}"#.to_owned(),
            ["the policy denies it", "the policy has no entry with its name"]
                .map(|why| Pinned::No(why.to_owned())),
        ),
    ] {
        let (_, told) = pinned("a.json", &format!(r#"{{"version": "1", "tools": {tools}}}"#)).unwrap();
        let expected = ["other", "run"].map(str::to_owned).into_iter().zip(expected);
        assert_eq!(told, expected.collect::<Vec<_>>(), "{tools}");
    }
}

#[test]
fn the_digests_of_grants_are_renewed_and_none_are_added() {
    let document = |first: &str, second: &str| {
        let grant = |name, tools| format!(r#"{{"name": "{name}", "match": "any", "tools": {{{tools}}}}}"#);
        let grants = [
            grant("a", format!(r#""run": {first}, "other": {{}}"#)),
            grant("b", format!(r#""run": [{{}}, {second}]"#)),
        ];
        format!(r#"{{"version": "1", "default": "allow", "grants": [{}]}}"#, grants.join(", "))
    };
    let old = r#"{"definition": "OTHER"}"#;
    let (text, told) = pinned("a.json", &document(old, old)).unwrap();
    let new = r#"{"definition": "RUN"}"#;
    assert_eq!(text, document(new, new));
    let none = Pinned::No("the policy has no entry with its name".to_owned());
    assert_eq!(told, [("other".to_owned(), none), ("run".to_owned(), Pinned::Other)]);
}

#[test]
fn what_cannot_be_edited_is_an_error_that_says_why() {
    let yaml = |tools: &str| format!("version: \"1\"\ntools:\n{tools}");
    for (file, text, expected) in [
        (
            "a.yaml",
            yaml("  run: &r { reason: x }\n  other: *r\n"),
            "a.yaml: two tools share one rule by an alias: write the rule for each of them; nothing was written",
        ),
        (
            "a.yaml",
            yaml("  run: &r { reason: x }\n  third: *r\n"),
            "a.yaml: the digests cannot be written into this file: ",
        ),
        (
            "a.yaml",
            yaml("  run:\n    when: [{ path: args.a, op: eq, value: 1 }]\n    action: deny\n"),
            "a.yaml: tool run: its digest cannot be written, because its rule has `when` or is in shadow mode: make a list",
        ),
        (
            "a.yaml",
            yaml("  run:\n    reason: x\n    mode: shadow\n"),
            "a.yaml: tool run: its digest cannot be written, because its rule has `when` or is in shadow mode: make a list",
        ),
    ] {
        let why = pinned(file, &text).unwrap_err();
        assert!(why.starts_with(expected), "{text}: {why}");
    }
}
