use super::*;

fn name(found: Resolved<'_>) -> &str {
    match found {
        Resolved::Value(value) => value.raw(),
        Resolved::Missing => "missing",
        Resolved::Blocked => "blocked",
        Resolved::Respelled => "respelled",
    }
}

#[test]
fn a_path_leads_to_its_values() {
    let text = br#"{"amount":5, "none":null, "items":[{"sku":"a"}, {"sku":null}, {}, null, 7], "empty":[],
                    "deep":[{"to":[1,2]}, {"to":[]}, {"to":3}], "a b":{"":1}, "a.b":{"c[0]*\"\\":[9]},
                    "text":"{\"sku\":\"a\"}", "list":"[1]", "to":{"host":1,"Host":2}, "Port":3,
                    "\u017fo":4, "a\u0000":5}"#;
    let document = json::read(text).unwrap();
    for (path, expected) in [
        ("args.amount", &["5"][..]),
        ("args[\"amount\"]", &["5"]),
        ("args[\"\\u0061mount\"]", &["5"]),
        ("args.none", &["missing"]),
        ("args.none.x", &["missing"]),
        ("args.none[*]", &["missing"]),
        ("args.other", &["missing"]),
        ("args.other[*].x[0]", &["missing"]),
        ("args.items[0].sku", &["\"a\""]),
        ("args.items[3].sku", &["missing"]),
        ("args.items[9].sku", &["missing"]),
        ("args.items[*].sku", &["\"a\"", "missing", "missing", "missing", "blocked"]),
        ("args.empty[*]", &["missing"]),
        ("args.empty[0]", &["missing"]),
        ("args.deep[*].to[*]", &["1", "2", "missing", "blocked"]),
        ("args.amount.x", &["blocked"]),
        ("args.amount[0]", &["blocked"]),
        ("args.amount[*]", &["blocked"]),
        ("args.items.sku", &["blocked"]),
        ("args.text.sku", &["blocked"]),
        ("args.list[*]", &["blocked"]),
        ("args.list[0]", &["blocked"]),
        ("args.to.host", &["respelled"]),
        ("args.to.Host.x[*]", &["respelled"]),
        ("args.port", &["respelled"]),
        ("args.Port", &["3"]),
        ("args.so", &["respelled"]),
        ("args.a", &["respelled"]),
        ("args.a b[\"\"]", &["1"]),
        (r#"args["a.b"]["c[0]*\"\\"][0]"#, &["9"]),
    ] {
        let path = ValuePath::parse(path).unwrap();
        let found: Vec<_> =
            path.find(Some(document.root()), &Work::default()).into_iter().map(name).collect();
        assert_eq!(found, expected, "{path}");
        assert!(
            path.find(None, &Work::default()).into_iter().all(|found| name(found) == "missing"),
            "{path}"
        );
    }
}

#[test]
fn an_invalid_path_is_refused() {
    for (path, why) in [
        ("", "begins with another word"),
        ("amount", "begins with another word"),
        ("Args.a", "begins with another word"),
        ("argsx", "begins with another word"),
        (" args.a", "begins with another word"),
        ("args", "names no single one"),
        ("claims", "names no single one"),
        ("grant.name", "goes on behind a name"),
        ("principal[0]", "goes on behind a name"),
        ("args[*]", "begins with an index in place of a key"),
        ("args[0]", "begins with an index in place of a key"),
        ("args.", "has an empty key"),
        ("args..a", "has an empty key"),
        ("args.a.[0]", "has an empty key"),
        ("args.a.*", "has `.*` in place of `[*]`"),
        ("args.a ", SPACE_AROUND),
        ("args. a", SPACE_AROUND),
        ("args.a .b", SPACE_AROUND),
        ("args.a\u{a0}[0]", SPACE_AROUND),
        ("args.\ta", SPACE_AROUND),
        ("args. ", SPACE_AROUND),
        ("claims.x.team ", SPACE_AROUND),
        ("args.a*", "has a key that must be written in `[\"…\"]`"),
        ("args.a]", "has a key that must be written in `[\"…\"]`"),
        ("args.a[", "has a `[` that is not closed"),
        ("args.a[0", "has a `[` that is not closed"),
        ("args[\"a\"", "has a `[` that is not closed"),
        ("args[\"a", "has a quote that is not closed"),
        ("args[\"a\\\"]", "has a quote that is not closed"),
        ("args[\"\\x\"]", "has a quoted key that is no JSON string"),
        ("args[\"\\ud800\"]", "has a quoted key that holds half of a surrogate pair"),
        ("args.a[x]", "has an index that is neither a number, `*` nor a quoted key"),
        ("args.a[]", "has an index that is neither a number, `*` nor a quoted key"),
        ("args.a[+1]", "has an index that is neither a number, `*` nor a quoted key"),
        ("args.a[-1]", "has an index that is neither a number, `*` nor a quoted key"),
        ("args.a[0]b", "has something behind a `]` that is neither `.` nor `[`"),
    ] {
        assert_eq!(ValuePath::parse(path).unwrap_err(), why, "{path}");
    }
}

#[test]
fn an_amount_is_one_argument() {
    for (path, one) in [
        ("args.a[0].b", true),
        ("args.a[*]", false),
        ("claims.a", false),
        ("grant", false),
        ("principal", false),
    ] {
        assert_eq!(ValuePath::parse(path).unwrap().is_one_argument(), one, "{path}");
    }
}
