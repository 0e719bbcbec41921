//! The tables of list filtering.

use super::*;

/// Filters with everything kept that starts with `get` or `file:`.
fn filtered(answer: &str) -> Result<Filtered, Unreadable> {
    filter(answer.as_bytes(), &mut |Element { name, .. }| {
        name.is_some_and(|name| name.starts_with("get") || name.starts_with("file:"))
    })
}

#[track_caller]
fn check(answer: &str, expected: &str, removed: usize) {
    let Filtered { bytes, removed: found, unreadable } = filtered(answer).unwrap();
    let bytes = bytes.map(|bytes| String::from_utf8(bytes).unwrap());
    let expected = (answer != expected).then(|| expected.to_owned());
    assert_eq!((bytes, found, unreadable), (expected, removed, None), "{answer}");
}

#[test]
fn every_kind_of_list_is_filtered_by_its_own_key() {
    for (kind, answer, expected) in [
        (
            ListKind::Tools,
            r#"{"result":{"tools":[{"name":"set"},{"name":"get"}]}}"#,
            r#"{"result":{"tools":[{"name":"get"}]}}"#,
        ),
        (
            ListKind::Prompts,
            r#"{"result":{"prompts":[{"name":"get","title":"set"},{"title":"get","name":"set"}]}}"#,
            r#"{"result":{"prompts":[{"name":"get","title":"set"}]}}"#,
        ),
        (
            ListKind::Resources,
            r#"{"result":{"resources":[{"name":"a","uri":"http:x"},{"name":"b","uri":"file:x"}]}}"#,
            r#"{"result":{"resources":[{"name":"b","uri":"file:x"}]}}"#,
        ),
        (
            ListKind::ResourceTemplates,
            r#"{"result":{"resourceTemplates":[{"uriTemplate":"file:{x}"},{"uriTemplate":"http:{x}","uri":"file:x"}]}}"#,
            r#"{"result":{"resourceTemplates":[{"uriTemplate":"file:{x}"}]}}"#,
        ),
    ] {
        check(answer, expected, 1);
        let mut kinds = Vec::new();
        let _ = filter(answer.as_bytes(), &mut |Element { kind, .. }| {
            kinds.push(kind);
            false
        });
        assert!(kinds.iter().all(|found| *found == kind) && !kinds.is_empty(), "{answer}");
    }
}

#[test]
fn everything_but_the_removed_elements_stays_byte_for_byte() {
    for (answer, expected, removed) in [
        // Order, white space, unknown fields, odd numbers, lone surrogates, names within names.
        (
            "{ \"x\":1e999,\"result\" : {\"nextCursor\":\"\\u0041\", \"tools\" : [\n {\"name\":\"set\"} ,\n {\"a\":\"\\ud800\",\"name\":\"get\",\"inputSchema\":{\"name\":\"set\"}}\n] ,\"_meta\":{} },\"id\": 1.0 }\n",
            "{ \"x\":1e999,\"result\" : {\"nextCursor\":\"\\u0041\", \"tools\" : [\n {\"a\":\"\\ud800\",\"name\":\"get\",\"inputSchema\":{\"name\":\"set\"}}\n] ,\"_meta\":{} },\"id\": 1.0 }\n",
            1,
        ),
        // Keys and names are compared unescaped.
        (
            r#"{"r\u0065sult":{"t\u006fols":[{"n\u0061me":"s\u0065t"},{"name":"g\u0065t"}]}}"#,
            r#"{"r\u0065sult":{"t\u006fols":[{"name":"g\u0065t"}]}}"#,
            1,
        ),
        // What has no name to be judged by.
        (
            r#"{"result":{"tools":["get",{"name":["get"]},{"title":"get"},null,{"name":"get"},[{"name":"get"}],{"name":null}]}}"#,
            r#"{"result":{"tools":[{"name":"get"}]}}"#,
            6,
        ),
        (r#"{"result":{"tools":[]}}"#, r#"{"result":{"tools":[]}}"#, 0),
        (r#"{"result":{"tools":[{"name":"get"}]}}"#, r#"{"result":{"tools":[{"name":"get"}]}}"#, 0),
        // A batch, and lists that no client looks for.
        (
            r#"[{"result":{"tools":[{"name":"set"}]}},7,{"method":"m"},{"result":{"tools":[{"name":"get"}]}}]"#,
            r#"[{"result":{"tools":[]}},7,{"method":"m"},{"result":{"tools":[{"name":"get"}]}}]"#,
            1,
        ),
        (r#"{"params":{"tools":[{"name":"set"}]}}"#, r#"{"params":{"tools":[{"name":"set"}]}}"#, 0),
        (
            r#"{"result":{"a":{"tools":[{"name":"set"}]}}}"#,
            r#"{"result":{"a":{"tools":[{"name":"set"}]}}}"#,
            0,
        ),
    ] {
        check(answer, expected, removed);
    }
}

#[test]
fn an_answer_without_a_list_stays() {
    for answer in [
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#,
        r#"{"id":1,"result":{"resultType":"input_required","requestState":"x","cacheScope":"public"}}"#,
        r#"{"id":1,"result":{}}"#,
        r#"{"error":"invalid_token"}"#,
        r#"{"method":"notifications/message","params":{"data":{"a":1,"a":2}}}"#,
        r#"{"id":1,"result":{"content":[],"structuredContent":{"a":1,"a":2}}}"#,
        "[]",
        "null",
        "\"set\"",
    ] {
        check(answer, answer, 0);
    }
}

#[test]
fn a_filtered_list_is_private_to_its_caller() {
    for (before, after) in [
        (r#""cacheScope":"public""#, r#""cacheScope":"private""#),
        (r#""ttlMs":5,"cacheScope" : null "#, r#""ttlMs":5,"cacheScope" : "private" "#),
        (r#""cacheScope":"priv\u0061te""#, r#""cacheScope":"priv\u0061te""#),
        (r#""ttlMs": 5 ,"x":1"#, r#""ttlMs": 5,"cacheScope":"private" ,"x":1"#),
        (r#""_meta":{"cacheScope":"public"}"#, r#""_meta":{"cacheScope":"public"}"#),
    ] {
        for (tools, kept) in [("", ""), (r#"{"name":"set"}"#, "")] {
            let answer = format!(r#"{{"result":{{{before},"tools":[{tools}]}}}}"#);
            let expected = format!(r#"{{"result":{{{after},"tools":[{kept}]}}}}"#);
            check(&answer, &expected, usize::from(!tools.is_empty()));
            let answer = format!(r#"{{"result":{{"tools":[{tools}],{before}}}}}"#);
            let expected = format!(r#"{{"result":{{"tools":[{kept}],{after}}}}}"#);
            check(&answer, &expected, usize::from(!tools.is_empty()));
        }
    }
}

#[test]
fn what_two_parsers_read_in_two_ways_is_not_shown() {
    let set = r#"[{"name":"set"}]"#;
    for (answer, expected) in [
        (
            format!(r#"{{"result":{{"tools":{set}}},"result":{{}}}}"#),
            "`result` stands twice, or in another spelling",
        ),
        (format!(r#"{{"Result":{{"tools":{set}}}}}"#), "`result` stands twice, or in another spelling"),
        (format!(r#"{{"result":{{"Tools":{set}}}}}"#), "`tools` stands twice, or in another spelling"),
        (format!(r#"{{"result":{{"tool\u017f":{set}}}}}"#), "`tools` stands twice, or in another spelling"),
        (format!(r#"{{"result":{{"tools\u0000":{set}}}}}"#), "`tools` stands twice, or in another spelling"),
        (
            format!(r#"{{"result":{{"tools":[],"t\u006fols":{set}}}}}"#),
            "`tools` stands twice, or in another spelling",
        ),
        (
            r#"{"result":{"tools":[],"CacheScope":"public"}}"#.into(),
            "`cacheScope` stands twice, or in another spelling",
        ),
        (r#"{"id":1,"id":2,"result":{"tools":[]}}"#.into(), "an object has the same key twice, at byte 8"),
        (format!(r#"{{"result":{set}}}"#), "`result` has the wrong type"),
        (r#"{"result":{"tools":{"set":{}}}}"#.into(), "`tools` has the wrong type"),
        (r#"{"result":{"tools":null}}"#.into(), "`tools` has the wrong type"),
        (
            format!(r#"[{{"result":{{"tools":[]}}}},{{"result":{{"Tools":{set}}}}}]"#),
            "`tools` stands twice, or in another spelling",
        ),
        (format!(r#"{{"result":{{"tools":{set}}}"#), "the text ends too early at byte 36"),
        (format!("\u{feff}{{\"result\":{{\"tools\":{set}}}}}"), "there is a byte order mark at byte 0"),
        (format!(r#"{{"result":{{"tools":{set}}}}} {{}}"#), "something follows the value at byte 38"),
        (r#"{"result":{"tools":[NaN]}}"#.into(), "a value is missing at byte 20"),
        (
            format!(r#"{{"result":{{"tools":[],"__proto__":{{"tools":{set}}}}}}}"#),
            "it has the key `__proto__`",
        ),
        (format!(r#"{{"result":{{"\u005f_proto__":{{"tools":{set}}}}}}}"#), "it has the key `__proto__`"),
        (format!(r#"{{"__proto__":{{"result":{{"tools":{set}}}}}}}"#), "it has the key `__proto__`"),
        (String::new(), "the text ends too early at byte 0"),
    ] {
        assert_eq!(filtered(&answer).map_err(|error| error.to_string()), Err(expected.into()), "{answer}");
    }
}

#[test]
fn an_element_that_reads_in_two_ways_is_removed_alone_and_the_cause_is_told() {
    for (element, cause) in [
        (r#"{"name":"get","name":"set"}"#, "duplicate_key"),
        (r#"{"name":"get","n\u0061me":"get"}"#, "duplicate_key"),
        (r#"{"name":"get","inputSchema":{"type":"object","type":"string"}}"#, "duplicate_key"),
        (r#"{"name":"get","NAME":"set"}"#, "key_spelling"),
        (r#"{"name":"get","name\u0000":"set"}"#, "key_spelling"),
        (r#"{"name":"get","__proto__":{"inputSchema":{}}}"#, "prototype_key"),
    ] {
        for (before, after) in [("", r#",{"name":"get_b"}"#), (r#"{"name":"get_a"},"#, "")] {
            let answer = format!(r#"{{"result":{{"tools":[{before}{element}{after}]}},"id":1}}"#);
            let Filtered { bytes, removed, unreadable } = filtered(&answer).unwrap();
            let left = [before, after].concat().replace(',', "");
            let expected = format!(r#"{{"result":{{"tools":[{left}]}},"id":1}}"#);
            assert_eq!(String::from_utf8(bytes.unwrap()).unwrap(), expected, "{answer}");
            assert_eq!((removed, unreadable.map(|one| one.cause())), (1, Some(cause)), "{answer}");
        }
    }
    // A key that stands twice outside of the elements concerns the whole list.
    let answer = r#"{"id":1,"id":2,"result":{"tools":[{"name":"get","name":"set"}]}}"#;
    assert_eq!(filtered(answer).map_err(|unreadable| unreadable.cause()), Err("duplicate_key"));
}

#[test]
fn a_skill_loses_the_files_that_the_caller_cannot_read() {
    check(
        r#"{"result":{"skills":[{"uri":"file:a/SKILL.md","frontmatter":{"name":"a"},"resources":[{"uri":"file:a/SKILL.md","size":1},{"uri":"http:b"}]},{"uri":"http:c/SKILL.md","resources":[{"uri":"file:c"}]},{"uri":"file:d/SKILL.md","resources":"dynamic"}],"nextCursor":"x"}}"#,
        r#"{"result":{"skills":[{"uri":"file:a/SKILL.md","frontmatter":{"name":"a"},"resources":[{"uri":"file:a/SKILL.md","size":1}]},{"uri":"file:d/SKILL.md","resources":"dynamic"}],"nextCursor":"x"}}"#,
        2,
    );
}

proptest::proptest! {
    /// The oracle is serde_json: parse, retain, compare as values.
    #[test]
    fn a_filtered_list_is_the_list_less_what_is_not_kept(
        names in proptest::collection::vec("(get|set)[a-z\"\\\\\u{e9}]{0,3}", 0..9),
        pretty: bool,
    ) {
        let tools: Vec<_> = names.iter().map(|name| serde_json::json!({"name": name, "a": [1, {"name": "set"}]})).collect();
        let mut value = serde_json::json!({"id": 1, "result": {"tools": tools, "cacheScope": "public", "z": []}});
        let answer = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let Filtered { bytes, removed, .. } = filtered(&answer).unwrap();
        value["result"]["cacheScope"] = "private".into();
        let kept = value["result"]["tools"].as_array_mut().unwrap();
        kept.retain(|tool| tool["name"].as_str().unwrap().starts_with("get"));
        proptest::prop_assert_eq!(names.len().checked_sub(removed), Some(kept.len()));
        proptest::prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes.unwrap()).unwrap(), value);
    }
}
