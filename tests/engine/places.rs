//! The places of faults in a document: the bytes that a person would point at.

use mcp_policy_engine::document::{Fault, Found, Position, Wrong};
use mcp_policy_engine::policy::Policy;

use super::documents::{refused, structured};

/// Removes the marks from `before«place»behind`. Returns the document and the range between the marks.
fn marked(text: &str) -> (String, std::ops::Range<usize>) {
    let (before, rest) = text.split_once('«').unwrap();
    let (place, behind) = rest.split_once('»').unwrap();
    (format!("{before}{place}{behind}"), before.len()..before.len() + place.len())
}

#[track_caller]
fn points_at(path: &str, text: &str) {
    let (document, place) = marked(text);
    let faults = Policy::from_bytes(document.as_bytes()).unwrap_err();
    let fault = faults.iter().find(|fault| fault.path.to_string() == path);
    let found = fault.unwrap_or_else(|| panic!("{path} in {text}: {faults}")).place.clone().unwrap();
    assert_eq!(found, place, "{path} in {text}: {:?}", document.get(found.clone()));
}

#[test]
fn a_fault_of_syntax_points_at_where_reading_stopped() {
    for text in
        ["«»", "{\"version\":\"1\"«»", "{\"version\":\"1\",«»}", "«»version: \"1\"", "{\"a\":\"«»\n\"}"]
    {
        points_at("document", text);
    }
    points_at("document", "«[]»");
    points_at("document", "\n «\"deny\"» ");
}

#[test]
fn a_fault_of_a_value_points_at_the_value() {
    for (path, members) in [
        ("server", r#""server":«""»"#),
        ("default", r#""default" : «"Deny"» "#),
        ("hide", r#""hide":«"delete_*"»"#),
        ("hide[1]", r#""hide":["a",«{"b":[]}»]"#),
        ("description", r#""description":«"\ud800"»"#),
        ("max_body_bytes", r#""max_body_bytes":«1e400»"#),
        ("counters", r#""counters":«[1]»"#),
        ("counters.capacity", r#""counters":{"capacity":«0»}"#),
        ("tools.x", r#""tools":{"x":«"deny"»}"#),
        ("tools.x.action", r#""tools":{"x":{"action":«"block"»}}"#),
        ("tools.x.action", r#""tools":{"x":{"action":«"require_approval"»}}"#),
        ("tools.x.limits[0].window", r#""tools":{"x":{"limits":[{"window":«"fortnight"»}]}}"#),
        ("tools.x.limits[0].window", r#""tools":{"x":{"limits":[{"window":«"60"»}]}}"#),
        ("tools.x.limits[0].max", r#""tools":{"x":{"limits":[{"max":«-3»}]}}"#),
        ("tools.x.limits[0].amount", r#""tools":{"x":{"limits":[{"amount":«"amount"»}]}}"#),
        (
            "tools.x.limits[1]",
            r#""tools":{"x":{"limits":[{"counter":"c","window":1,"max":1},«{"counter":"c","window":2,"max":1}»]}}"#,
        ),
        ("tools.x.require[0].path", r#""tools":{"x":{"require":[{"path":«"amount"»}]}}"#),
        ("tools.x.require[0].value", r#""tools":{"x":{"require":[{"op":"regex","value":«"("»}]}}"#),
        ("tools.x.require[0].value", r#""tools":{"x":{"require":[{"path":"grant","op":"eq","value":«1»}]}}"#),
        ("tools.x.require[0].value[1]", r#""tools":{"x":{"require":[{"op":"in","value":[1,«null»]}]}}"#),
        ("tools.x.arguments.type", r#""tools":{"x":{"arguments":{"type":«"text"»}}}"#),
        ("tools.x.arguments.properties.a", r#""tools":{"x":{"arguments":{"properties":{"a":«7»}}}}"#),
        ("tools.x.arguments.$ref", r##""tools":{"x":{"arguments":{"$ref":«"#/none"»}}}"##),
        (
            "tools.x.arguments.$defs.a",
            r##""tools":{"x":{"arguments":{"$defs":{"a":«{"$ref":"#/$defs/a"}»}}}}"##,
        ),
        ("methods.ping", r#""methods":{"ping":«true»}"#),
        ("identity[0]", r#""identity":[«{"mtls":"uri_san","header":{"name":"x"}}»]"#),
        ("identity[0].mtls", r#""identity":[{"mtls":«"email"»}]"#),
        ("grants[1].name", r#""grants":[{"name":"a","match":"any"},{"name":«"a"»,"match":"any"}]"#),
        ("grants[0].match[0]", r#""grants":[{"name":"a","match":[«{}»]}]"#),
        ("grants[0].match[0].api_key_sha256", r#""grants":[{"match":[{"api_key_sha256":«"k"»}]}]"#),
        ("grants[0].match[0].claim.team", r#""grants":[{"match":[{"claim":{"team":«[]»}}]}]"#),
        ("grants[0].expires", r#""grants":[{"expires":«"2027"»}]"#),
        ("approvals.path", r#""approvals":{"cluster":"c","path":«"v1"»}"#),
    ] {
        points_at(path, &format!("{{\"version\":\"1\",\n  {members}}}"));
    }
}

#[test]
fn a_fault_of_a_key_points_at_the_key_or_at_the_object_that_lacks_it() {
    for (path, members) in [
        ("colour", r#"«"colour"»:{"a":1}"#),
        ("a b", r#"«"a b"»:1"#),
        ("tools.x.é", r#""tools":{"x":{ «"é"» : 1 }}"#),
        ("tools.x.\\\"", r#""tools":{"x":{«"\"\\"»:1}}"#),
        ("mode", r#""mode":"shadow",«"mode"»:"enforce""#),
        ("tools.x.reason", r#""tools":{"x":{"reason":"","\u0061ction":"allow",«"r\u0065ason"»:""}}"#),
        ("tools[\"\"]", r#""tools":{«""»:{}}"#),
        ("tools.*_get", r#""tools":{"get_*":{},«"*_get"»:{}}"#),
        ("methods.tools/call", r#""methods":{«"tools/call"»:"deny"}"#),
        ("resources.r.arguments", r#""resources":{"r":{«"arguments"»:{}}}"#),
        ("tools.x.arguments.not_a_word", r#""tools":{"x":{"arguments":{«"not_a_word"»:{}}}}"#),
        ("tools.x.limits[0].max", r#""tools":{"x":{"limits":[«{"counter":"c","window":1}»]}}"#),
        ("tools.x.require[0].op", r#""tools":{"x":{"require":[«{"path":"args.a"}»]}}"#),
        ("tools.x.require[0].value", r#""tools":{"x":{"require":[«{"path":"args.a","op":"eq"}»]}}"#),
        ("identity[0].jwt.payload", r#""identity":[{"jwt":«{}»}]"#),
        ("grants[0].match", r#""grants":[«{"name":"a"}»]"#),
        ("approvals.cluster", r#""approvals":«{ }»"#),
    ] {
        // Some paths quote their last key.
        let path = match path {
            "a b" => "[\"a b\"]",
            "tools.x.\\\"" => "tools.x[\"\\\"\\\\\"]",
            path => path,
        };
        points_at(path, &format!("{{\"version\":\"1\",\n  {members}}}"));
    }
    points_at("version", "  «{\"tools\":{}}» ");
}

#[test]
fn a_fault_of_depth_points_at_the_value_that_is_too_deep() {
    let (open, close) = ("[".repeat(98), "]".repeat(98));
    points_at("document", &format!("{{\"version\":\"1\",\"hide\":[{open}«[]»{close}]}}"));
}

#[test]
fn every_place_contains_what_its_fault_is_about() {
    let mut met = 0_u32;
    for case in refused() {
        let Ok(text) = std::str::from_utf8(&case.bytes) else { continue };
        if text.starts_with('\n') {
            continue;
        }
        for fault in Policy::from_bytes(&case.bytes).unwrap_err().iter() {
            let Fault { path, place: Some(place), of_key: _, wrong } = fault else {
                panic!("{}: {fault}", case.name)
            };
            let held = text.get(place.clone()).unwrap();
            let key = || serde_json::from_str::<String>(held).unwrap();
            match wrong {
                Wrong::Unfit { found: Found::Scalar(value), .. } => {
                    assert!(held.starts_with(value.as_str()), "{fault}: {held}");
                }
                Wrong::Missing { .. } => assert!(held.starts_with('{') && held.ends_with('}'), "{fault}"),
                Wrong::UnknownKey { key: unknown, .. } => assert_eq!(&key(), unknown, "{fault}"),
                Wrong::DuplicateKey => {
                    let (path, key) = (path.to_string(), key());
                    assert!(path.ends_with(&key) || path.ends_with(&format!("[{key:?}]")), "{fault}: {key}");
                }
                _ => {}
            }
            met += 1;
        }
    }
    assert!(met > 300, "{met}");
}

#[test]
fn faults_of_a_struct_have_no_places() {
    for case in refused() {
        let Ok(document) = serde_json::from_slice::<serde_json::Value>(&case.bytes) else { continue };
        if document.as_object().is_none_or(serde_json::Map::is_empty) {
            continue;
        }
        for fault in Policy::from_bytes(&structured(&document)).err().unwrap_or_default().iter() {
            assert_eq!(fault.place, None, "{}: {fault}", case.name);
        }
    }
}

#[test]
fn a_place_can_be_shown_as_line_and_column() {
    let text = "{\n  \"version\": \"1\",\n  \"server\": \"é\", \"defualt\": \"deny\"\n}\n";
    let faults = Policy::from_bytes(text.as_bytes()).unwrap_err();
    let [fault] = faults.iter().collect::<Vec<_>>()[..] else { panic!("{faults}") };
    let at = Position::of(text.as_bytes(), fault.place.clone().unwrap().start);
    assert_eq!((at.line, at.column, text.lines().nth(2).unwrap().chars().nth(17)), (3, 18, Some('"')));
    // A "did you mean" message needs the key and the keys that are possible.
    let Wrong::UnknownKey { key, object } = &fault.wrong else { panic!("{fault}") };
    assert!(key == "defualt" && object.keys.iter().any(|key| key.name == "default"));
}
