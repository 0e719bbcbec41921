//! Generates documents that are mostly valid.

use proptest::prelude::*;

use super::wire::changes_in_yaml;

/// Usually the right value, sometimes something else.
fn mostly(right: impl Strategy<Value = serde_json::Value> + 'static) -> BoxedStrategy<serde_json::Value> {
    let wrong = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Into::into),
        (-1000..1000_i32).prop_map(|thousandths| (f64::from(thousandths) / 1000.0).into()),
        any::<String>().prop_map(Into::into),
        proptest::collection::vec(any::<u8>().prop_map(serde_json::Value::from), 0..3).prop_map(Into::into),
        any::<String>().prop_map(|key| serde_json::json!({ key: {} })),
    ];
    prop_oneof![40 => right, 1 => wrong].boxed()
}

fn word(words: &'static [&'static str]) -> BoxedStrategy<serde_json::Value> {
    mostly(proptest::sample::select(words).prop_map(Into::into))
}

/// An object with some of these keys, and rarely another. The first `needed` are rarely left out.
fn object(
    needed: usize,
    keys: Vec<(&'static str, BoxedStrategy<serde_json::Value>)>,
) -> BoxedStrategy<serde_json::Value> {
    let parts: Vec<_> = keys
        .into_iter()
        .enumerate()
        .map(|(index, (key, value))| {
            let there = if index < needed { 0.99 } else { 0.3 };
            proptest::option::weighted(there, value).prop_map(move |value| (key.to_owned(), value))
        })
        .collect();
    let extra = proptest::option::weighted(0.02, any::<(String, u8)>());
    let made = (parts, extra).prop_map(|(parts, extra)| {
        let parts = parts.into_iter().filter_map(|(key, value)| Some((key, value?)));
        parts.chain(extra.map(|(key, value)| (key, value.into()))).collect::<serde_json::Map<_, _>>().into()
    });
    mostly(made)
}

fn list(of: BoxedStrategy<serde_json::Value>, most: usize) -> BoxedStrategy<serde_json::Value> {
    mostly(proptest::collection::vec(of, 0..=most).prop_map(Into::into))
}

fn limit() -> BoxedStrategy<serde_json::Value> {
    let number = || proptest::sample::select(&[1.0, 10.0, 0.25, 0.000_001, 1e9, 60.0][..]);
    let amount = prop_oneof![
        number().prop_map(serde_json::Value::from),
        proptest::sample::select(&["args.amount", "args.a[0].b", "amount"][..]).prop_map(Into::into),
    ];
    let window = prop_oneof![
        proptest::sample::select(&["second", "minute", "hour", "day"][..]).prop_map(serde_json::Value::from),
        Just(60.into()),
    ];
    object(
        3,
        vec![
            ("counter", word(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"])),
            ("window", mostly(window)),
            ("max", mostly(number().prop_map(Into::into))),
            ("scope", word(&["grant", "principal", "session", "global"])),
            ("amount", mostly(amount)),
            ("type", word(&["sliding", "calendar"])),
        ],
    )
}

fn condition() -> BoxedStrategy<serde_json::Value> {
    let operands =
        [("eq", r#""a""#), ("in", "[1,true]"), ("lte", "0.25"), ("glob", r#""a*""#), ("exists", "false")];
    let with_operand = proptest::sample::select(operands.to_vec()).prop_map(|(op, value)| {
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        serde_json::json!({ "path": "args.a[*].b", "op": op, "value": value })
    });
    let paths = word(&["args.a", "args[\"a.b\"]", "claims.team", "principal", "args"]);
    let ops = word(&["eq", "neq", "contains", "regex", "exists"]);
    let parts = vec![("path", paths), ("op", ops), ("value", word(&["a", "^a$"])), ("name", word(&["n"]))];
    prop_oneof![with_operand, object(3, parts)].boxed()
}

fn approvals() -> BoxedStrategy<serde_json::Value> {
    object(
        1,
        vec![
            ("cluster", word(&["approvals", "outbound|80||a.internal"])),
            ("path", word(&["/v1/approvals", "/"])),
            ("wait_seconds", mostly((0..302_u32).prop_map(Into::into))),
        ],
    )
}

fn rule() -> BoxedStrategy<serde_json::Value> {
    object(
        0,
        vec![
            ("action", word(&["allow", "deny", "require_approval"])),
            ("reason", mostly(any::<String>().prop_map(Into::into))),
            ("mode", word(&["enforce", "shadow"])),
            ("require", list(condition(), 1)),
            ("deny_if", list(condition(), 1)),
            ("limits", list(limit(), 1)),
        ],
    )
}

pub fn document() -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![
        8 => proptest::string::string_regex("[a-z_]{1,6}").unwrap(),
        2 => proptest::string::string_regex("[a-z]{1,4}[*][a-z]{0,1}").unwrap(),
        1 => any::<String>(),
    ];
    let entry = (name.clone(), rule());
    let tools = proptest::collection::vec(entry, 0..3)
        .prop_map(|tools| tools.into_iter().collect::<serde_json::Map<_, _>>().into());
    let whole = object(
        1,
        vec![
            ("version", word(&["1"])),
            ("server", mostly(any::<String>().prop_map(|name| format!("s{name}").into()))),
            ("description", mostly(any::<String>().prop_map(Into::into))),
            ("default", word(&["deny", "allow"])),
            ("mode", word(&["enforce", "shadow"])),
            ("hide", list(mostly(name.prop_map(Into::into)), 2)),
            ("all_tools", rule()),
            ("tools", mostly(tools)),
            ("denials", word(&["result", "error", "http"])),
            ("exempt_paths", list(word(&["/healthz", "/", "/a b"]), 2)),
            ("max_body_bytes", mostly((1..67_108_865_u32).prop_map(Into::into))),
            ("request_headers", word(&["hold", "stream"])),
            ("approvals", approvals()),
            ("counters", object(0, vec![("capacity", mostly((1..1_048_577_u32).prop_map(Into::into)))])),
        ],
    );
    whole.prop_filter(
        "an empty Struct is no bytes, and what is a number in a string is for YAML to say",
        |document| {
            document.as_object().is_some_and(|object| !object.is_empty()) && !changes_in_yaml(document)
        },
    )
}
