//! Policy documents: the faults of each bad one, the meaning of each good one, and that JSON and a Struct are
//! read the same way. The documents are in `cases/documents.json`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first failure")]

use std::fmt::Write as _;
use std::sync::LazyLock;

use mcp_policy_engine::json::{self, quote};
use mcp_policy_engine::limit::Kind;
use mcp_policy_engine::mcp::answer::Form;
use mcp_policy_engine::policy::{
    Action, Adds, Approvals, Condition, Effect, Faults, Mode, Policy, RequestHeaders, Rule, Scope,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use prost::Message as _;
use prost_types::value::Kind as Wire;
use prost_types::{ListValue, Struct};

/// The table with its abbreviations expanded: the list of keys in each message about an unknown key.
static CASES: LazyLock<String> = LazyLock::new(|| {
    let text = include_str!("../cases/documents.json");
    let table: serde_json::Value = serde_json::from_str(text).unwrap();
    let known = table.get("known").and_then(serde_json::Value::as_object).unwrap();
    known.iter().fold(text.to_owned(), |text, (short, keys)| text.replace(short, keys.as_str().unwrap()))
});

/// Keys of the contract that this version does not read yet.
const LATER: &str = "later: ";

/// One entry of the table.
pub(super) struct Case {
    group: String,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    entry: serde_json::Value,
}

impl Case {
    fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.entry.get(key).and_then(serde_json::Value::as_array);
        list.into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
    }
}

/// Reads an entry. The `document` is taken as text, because `serde_json` would lose its order. `text` and
/// `hex` hold documents that cannot be written there.
fn case(group: &str, value: json::Value<'_>) -> Case {
    let entry: serde_json::Value = serde_json::from_str(value.raw()).unwrap();
    let hex = |digits: &str| -> Vec<u8> {
        let bytes = (0..digits.len()).step_by(2).map(|at| digits.get(at..at.saturating_add(2)).unwrap());
        bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    };
    let written = |key: &str| value.get(key).and_then(json::Value::string);
    let bytes = match (value.get("document"), written("text"), written("hex")) {
        (Some(document), None, None) => document.raw().as_bytes().to_vec(),
        (None, Some(text), None) => text.as_bytes().to_vec(),
        (None, None, Some(digits)) => hex(&digits),
        _ => panic!("{group}: one of document, text and hex: {}", value.raw()),
    };
    Case { group: group.to_owned(), name: written("name").unwrap().into_owned(), bytes, entry }
}

pub(super) fn refused() -> Vec<Case> {
    let table = json::read(CASES.as_bytes()).unwrap();
    let groups = table.root().get("refused").unwrap();
    groups
        .entries()
        .flat_map(|(group, cases)| cases.elements().map(move |entry| case(&group, entry)))
        .collect()
}

fn accepted() -> Vec<Case> {
    let table = json::read(CASES.as_bytes()).unwrap();
    table.root().get("accepted").unwrap().elements().map(|entry| case("accepted", entry)).collect()
}

/// Returns the text of each fault.
fn messages(faults: &Faults) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// Describes what is missing (`-`) and what is there instead (`+`).
fn difference(expected: &[&str], found: &[&str]) -> String {
    let mut out = String::new();
    for line in expected.iter().filter(|line| !found.contains(line)) {
        writeln!(out, "    - {line}").unwrap();
    }
    for line in found.iter().filter(|line| !expected.contains(line)) {
        writeln!(out, "    + {line}").unwrap();
    }
    if out.is_empty() {
        writeln!(out, "    the same lines in another order: {found:#?}").unwrap();
    }
    out
}

#[test]
fn a_bad_document_is_refused_and_all_its_faults_are_reported() {
    let mut wrong = String::new();
    for case in refused() {
        let faults = Policy::from_bytes(&case.bytes).err().unwrap_or_default();
        let (expected, found) = (case.texts("faults"), messages(&faults));
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        if expected.is_empty() || expected != found {
            let difference = difference(&expected, &found);
            write!(wrong, "\n{}: {}\n{difference}", case.group, case.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_cases_cover_every_key_of_the_contract() {
    let cases = refused();
    let now = cases.iter().filter(|case| !case.group.starts_with(LATER)).count();
    assert!(now >= 80, "{now}");
    let messages: Vec<&str> = cases.iter().flat_map(|case| case.texts("faults")).collect();
    for place in [
        "document: ",
        "version: ",
        "server: ",
        "description: ",
        "default: ",
        "mode: ",
        "hide: ",
        "hide[1]: ",
        "all_tools: ",
        "all_tools.action: ",
        "tools: ",
        "tools[\"\"]: ",
        "tools.run_agent: ",
        "tools.x.action: ",
        "tools.x.reason: ",
        "tools.x.mode: ",
        "tools.x.require: ",
        "tools.x.require[0].path: ",
        "tools.x.require[0].op: ",
        "tools.x.require[0].value: ",
        "tools.x.require[0].value[1]: ",
        "tools.x.require[0].reason: ",
        "tools.x.require[0].name: ",
        "tools.x.deny_if: ",
        "tools.x.deny_if[0]: ",
        "tools.x.limits: ",
        "tools.x.limits[0]: ",
        "tools.x.limits[0].counter: ",
        "tools.x.limits[0].window: ",
        "tools.x.limits[0].max: ",
        "tools.x.limits[0].scope: ",
        "tools.x.limits[0].amount: ",
        "tools.x.limits[0].type: ",
        "tools.x.rate_limit: ",
        "tools.x.rate_limit.max: ",
        "tools.x.rate_limit.window: ",
        "denials: ",
        "exempt_paths: ",
        "exempt_paths[0]: ",
        "max_body_bytes: ",
        "request_headers: ",
        "counters: ",
        "counters.capacity: ",
    ] {
        assert!(messages.iter().any(|message| message.starts_with(place)), "{place}");
    }
}

#[test]
fn each_message_is_one_line_with_a_path_and_a_problem() {
    for case in refused() {
        let faults = Policy::from_bytes(&case.bytes).unwrap_err();
        for fault in messages(&faults) {
            let at = format!("{}: {}: {fault}", case.group, case.name);
            // A key may contain `: `, but only in quotes.
            let (_, what) = fault.rsplit_once("]: ").or_else(|| fault.split_once(": ")).expect(&at);
            assert!(what.starts_with(|first: char| first.is_ascii_lowercase()), "{at}");
            assert!(!fault.ends_with('.') && fault.matches('`').count() % 2 == 0, "{at}");
            let acts = |char: char| char.is_control() || matches!(char, '\u{2028}'..='\u{202e}');
            assert!(!fault.contains(acts), "{at:?}");
        }
        assert_eq!(faults.to_string().lines().count(), faults.iter().count(), "{}", case.name);
    }
}

#[test]
fn a_good_document_yields_the_expected_policy() {
    let mut wrong = String::new();
    for case in accepted() {
        let policy = match Policy::from_bytes(&case.bytes) {
            Ok(policy) => policy,
            Err(faults) => {
                writeln!(wrong, "\n{}: refused:\n{faults}", case.name).unwrap();
                continue;
            }
        };
        let (expected, found) = (case.texts("holds"), meaning(&policy));
        for line in expected.iter().filter(|line| !found.iter().any(|found| found == *line)) {
            writeln!(wrong, "\n{}:\n    - {line}\n    in {found:#?}", case.name).unwrap();
        }
        for (tool, rule) in
            case.entry.get("decides").and_then(|names| names.as_object()).into_iter().flatten()
        {
            let found = policy.rules.tools.get(tool).map(|rule| &*rule.path);
            if found != rule.as_str() {
                writeln!(wrong, "\n{}: {tool:?}\n    - {rule}\n    + {found:?}", case.name).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Describes a policy, with one line for each setting.
fn meaning(policy: &Policy) -> Vec<String> {
    let hide: Vec<String> = policy.rules.hide.iter().map(|(pattern, _)| pattern.to_string()).collect();
    let mut lines = vec![
        format!("server: {}", policy.server),
        format!("default: {}", if policy.rules.default.0 == Effect::Allow { "allow" } else { "deny" }),
        format!("mode: {}", mode(policy.mode)),
        format!("hide: {}", hide.join(" ")),
        format!(
            "denials: {}",
            match policy.denials {
                Form::Result => "result",
                Form::Error => "error",
                Form::Http => "http",
            }
        ),
        format!("exempt_paths: {}", policy.exempt_paths.join(" ")),
        format!("max_body_bytes: {}", policy.max_body_bytes),
        format!(
            "request_headers: {}",
            match policy.request_headers {
                RequestHeaders::Hold => "hold",
                RequestHeaders::Stream => "stream",
            }
        ),
        format!("counters.capacity: {}", policy.counter_capacity),
    ];
    if let Some(Approvals { cluster, authority, path, timeout_ms, wait_seconds, expires_seconds }) =
        &policy.approvals
    {
        lines.push(format!(
            "approvals: {cluster} {authority} {path}, {timeout_ms} ms, waits {wait_seconds} s, stands {expires_seconds} s"
        ));
    }
    policy.all_rules().for_each(|rule| rule_meaning(rule, &mut lines));
    lines
}

fn rule_meaning(rule: &Rule, lines: &mut Vec<String>) {
    let action = match rule.action {
        Action::Allow => "allow",
        Action::Deny => "deny",
        Action::RequireApproval => "require_approval",
    };
    let reason = rule.reason.as_ref().map(|reason| format!(", because {reason:?}")).unwrap_or_default();
    lines.push(format!("{}: {action}, {}{reason}", rule.path, mode(rule.mode)));
    for condition in rule.require.iter().chain(&rule.deny_if) {
        let Condition { path, attribute, test, .. } = condition;
        let name = condition.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let reason =
            condition.reason.as_ref().map(|reason| format!(", because {reason:?}")).unwrap_or_default();
        lines.push(format!("{path}{name}: {attribute} {test:?}{reason}"));
    }
    for limit in &rule.limits {
        let kind = match limit.window.kind() {
            Kind::Sliding => "sliding",
            Kind::Calendar => "calendar",
        };
        let scope = match limit.scope {
            Scope::Grant => "grant",
            Scope::Principal => "principal",
            Scope::Session => "session",
            Scope::Global => "global",
        };
        let adds = match &limit.amount {
            Adds::Fixed(amount) => amount.to_string(),
            Adds::Argument(path) => path.to_string(),
        };
        let (path, counter, max) = (&limit.path, &limit.counter, limit.max);
        let seconds = limit.window.seconds();
        lines.push(format!("{path}: {counter}, {max} in {seconds} s, {kind}, {scope}, each adds {adds}"));
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
    }
}

/// Writes a document as JSON, with numbers and strings as a Struct has them.
fn text(value: &serde_json::Value) -> String {
    use serde_json::Value;
    let string = |text: &str| {
        let mut out = String::new();
        quote(&mut out, text);
        out
    };
    match value {
        Value::Number(number) => number.as_f64().unwrap().to_string(),
        Value::String(inner) => string(inner),
        Value::Array(list) => format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}:{}", string(key), text(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// Converts a JSON value to a `google.protobuf.Value`, as Envoy does with YAML.
fn wire(value: &serde_json::Value) -> prost_types::Value {
    use serde_json::Value;
    let kind = match value {
        Value::Null => Wire::NullValue(0),
        Value::Bool(bool) => Wire::BoolValue(*bool),
        Value::Number(number) => Wire::NumberValue(number.as_f64().unwrap()),
        Value::String(text) => Wire::StringValue(text.clone()),
        Value::Array(list) => Wire::ListValue(ListValue { values: list.iter().map(wire).collect() }),
        Value::Object(map) => Wire::StructValue(Struct {
            fields: map.iter().map(|(key, value)| (key.clone(), wire(value))).collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}

/// Encodes an object as the bytes that Envoy hands over for a Struct.
pub(super) fn structured(document: &serde_json::Value) -> Vec<u8> {
    match wire(document).kind {
        Some(Wire::StructValue(object)) => object.encode_to_vec(),
        _ => panic!("{document} is not an object"),
    }
}

/// Converts numbers as Envoy does when it reads YAML: only 32-bit integers remain numbers.
fn as_from_yaml(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) => {
            let integer = number.as_f64().filter(|number| number.fract() == 0.0);
            let small = integer.filter(|number| (-2_147_483_648.0..=2_147_483_647.0).contains(number));
            small.map_or_else(|| text(value).into(), |_| value.clone())
        }
        Value::Array(list) => list.iter().map(as_from_yaml).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), as_from_yaml(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// Tells whether a document has a string that could have been a number in YAML.
fn has_number_in_string(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => text.parse::<f64>().is_ok(),
        Value::Array(list) => list.iter().any(has_number_in_string),
        Value::Object(map) => map.iter().any(|(key, value)| key != "version" && has_number_in_string(value)),
        _ => false,
    }
}

/// Encodes a Struct with `number` as the `max` of a limit.
fn with_max(number: f64) -> Vec<u8> {
    let document = r#"{"version":"1","tools":{"x":{"limits":[{"counter":"c","window":"day","max":77}]}}}"#;
    let mut bytes = structured(&serde_json::from_str(document).unwrap());
    let max = 77_f64.to_le_bytes();
    let at = bytes.windows(8).position(|window| window == max).unwrap();
    bytes.splice(at..at.saturating_add(8), number.to_le_bytes());
    bytes
}

/// Reads a document and returns the policy, or the faults, as text.
fn outcome(bytes: &[u8]) -> Result<String, Vec<String>> {
    let read = Policy::from_bytes(bytes);
    read.map(|policy| format!("{policy:#?}")).map_err(|faults| messages(&faults))
}

fn without_digest(policy: &str) -> Vec<&str> {
    policy.lines().filter(|line| !line.trim_start().starts_with("digest: ")).collect()
}

#[test]
fn every_document_reads_the_same_as_json_and_as_a_struct() {
    let mut compared = 0_u32;
    for case in refused().iter().chain(&accepted()) {
        let beyond = ["1e400", "beyond 64 bits", "beyond doubles", "far too large", "max too large"];
        if case.entry.get("document").is_none() || beyond.iter().any(|name| case.name.contains(name)) {
            continue;
        }
        let document: serde_json::Value = serde_json::from_slice(&case.bytes).unwrap();
        let empty = document.as_object().is_none_or(serde_json::Map::is_empty);
        if empty || has_number_in_string(&document) {
            continue;
        }
        let json = outcome(text(&document).as_bytes());
        assert_eq!(outcome(&structured(&document)), json, "{}: {}", case.group, case.name);
        compared = compared.saturating_add(1);
    }
    assert!(compared >= 120, "{compared}");
}

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

fn document() -> impl Strategy<Value = serde_json::Value> {
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
            document.as_object().is_some_and(|object| !object.is_empty()) && !has_number_in_string(document)
        },
    )
}

#[test]
fn a_generated_document_reads_the_same_as_json_and_as_a_struct() {
    let met = std::cell::Cell::new([0_u32; 2]);
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let result = runner.run(&document(), |document| {
        let json = outcome(text(&document).as_bytes());
        let [good, bad] = met.get();
        met.set(if json.is_ok() { [good.saturating_add(1), bad] } else { [good, bad.saturating_add(1)] });
        prop_assert_eq!(&outcome(&structured(&document)), &json);
        // A document can be invalid as JSON and valid as YAML: there, a large number can be a name.
        let yaml = outcome(&structured(&as_from_yaml(&document)));
        // A condition does not guess whether it is one.
        let guess = |faults: &Vec<String>| faults.iter().all(|fault| fault.contains(" became a string "));
        if let Ok(policy) = &json
            && !yaml.as_ref().is_err_and(guess)
        {
            prop_assert_eq!(yaml.as_deref().map(without_digest), Ok(without_digest(policy)));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let [good, bad] = met.get();
    assert!(good >= 300 && bad >= 300, "{good} good, {bad} bad");
}

#[test]
fn numbers_that_a_struct_may_have_changed_are_refused() {
    let inexact = "tools.x.limits[0].max: an integer beyond 2^53 may have been changed on its way as a Struct, \
        write the policy as JSON";
    let infinite = "tools.x.limits[0].max: must be a finite number";
    for (number, expected) in [
        (10.0, None),
        (0.1, None),
        (9_007_199_254_740_992.0, Some(inexact)),
        (-9_007_199_254_740_992.0, Some(inexact)),
        (1e300, Some(inexact)),
        (f64::MAX, Some(inexact)),
        (f64::NAN, Some(infinite)),
        (f64::INFINITY, Some(infinite)),
        (f64::NEG_INFINITY, Some(infinite)),
    ] {
        let faults = outcome(&with_max(number)).err().unwrap_or_default();
        assert_eq!(faults, expected.into_iter().collect::<Vec<_>>(), "{number}");
    }
    let policy = Policy::from_bytes(&with_max(0.1)).unwrap();
    assert!(meaning(&policy).iter().any(|line| line.contains("c, 0.1 in 86400 s")));
}

#[test]
fn numbers_in_strings_are_accepted_only_in_a_struct() {
    let document = serde_json::json!({
        "version": "1",
        "max_body_bytes": "2e6",
        "tools": { "pay": { "limits": [
            { "counter": "a", "window": "86400", "max": "18446744073709.551615", "amount": "0.000001" },
            { "counter": "b", "window": "60.0", "max": "4294967296", "amount": "args.amount" },
        ] } },
    });
    let policy = Policy::from_bytes(&structured(&document)).unwrap();
    let found = meaning(&policy);
    for line in [
        "max_body_bytes: 2000000",
        "tools.pay.limits[0]: a, 18446744073709.551615 in 86400 s, sliding, grant, each adds 0.000001",
        "tools.pay.limits[1]: b, 4294967296 in 60 s, sliding, grant, each adds args.amount",
    ] {
        assert!(found.iter().any(|found| found == line), "{line}\n{found:#?}");
    }
    assert_eq!(outcome(text(&document).as_bytes()).unwrap_err().len(), 6);
    for (max, told) in [
        ("-1", "a positive number"),
        ("", "a positive number"),
        ("0x10", "a positive number"),
        (" 1", "a positive number"),
        (".5", "a positive number"),
        ("1.2345678", "a positive number with up to 6 decimals, below 1.8e13"),
        ("1e400", "a positive number with up to 6 decimals, below 1.8e13"),
    ] {
        let document = serde_json::json!({ "version": "1", "tools": { "x": { "rate_limit": { "max": max, "window": 1 } } } });
        let expected = format!("tools.x.rate_limit.max: must be {told}, found `\"{max}\"`");
        assert_eq!(outcome(&structured(&document)).unwrap_err(), [expected]);
    }
}

#[test]
fn a_condition_refuses_a_string_in_a_struct_that_may_have_been_a_number() {
    let what = "may be a number that became a string on its way as a Struct, write the policy as JSON";
    for (op, operand, refused) in [
        ("eq", r#""0.5""#, Some("")),
        ("neq", r#""4294967296""#, Some("")),
        ("in", r#"["a","1.5"]"#, Some("[1]")),
        ("contains", r#""-2147483649""#, Some("")),
        ("eq", r#""42""#, None),
        ("eq", r#""1.5.0""#, None),
        ("lte", r#""0.5""#, None),
        ("starts_with", r#""0.5""#, None),
    ] {
        let value: serde_json::Value = serde_json::from_str(operand).unwrap();
        let condition = serde_json::json!({ "path": "args.a", "op": op, "value": value });
        let document = serde_json::json!({ "version": "1", "all_tools": { "require": [condition] } });
        let faults = refused.map(|at| vec![format!("all_tools.require[0].value{at}: {what}")]);
        assert_eq!(outcome(&structured(&document)).err(), faults, "{op} {operand}");
        let strings = op != "lte";
        assert_eq!(outcome(text(&document).as_bytes()).is_ok(), strings, "{op} {operand}");
    }
}

#[test]
fn a_struct_and_its_json_have_the_same_digest() {
    let document = serde_json::json!({ "version": "1", "tools": { "x": {} } });
    let (json, wire) = (text(&document), structured(&document));
    let read = |bytes: &[u8]| Policy::from_bytes(bytes).unwrap().digest;
    assert_eq!(read(json.as_bytes()), read(&wire));
    assert_ne!(read(json.as_bytes()), read(format!("{json} ").as_bytes()));
}

#[test]
fn json_that_begins_with_a_newline_is_not_taken_for_a_struct() {
    let document = "\n{\n \"version\": \"1\",\n  \"tools\": { \"run_agent\": { \"limits\": [\n \
        { \"counter\": \"run_agent_rate\", \"window\": \"minute\", \"max\": 10 } ] } } }\n";
    assert!(Policy::from_bytes(document.as_bytes()).is_ok());
    // A part of it is broken JSON, and the fault says so.
    for end in 1..document.trim_end().len() {
        let faults = outcome(document.get(..end).unwrap().as_bytes()).unwrap_err();
        assert!(
            matches!(&faults[..], [only] if only.starts_with("document: must be JSON, but ")),
            "{faults:?}"
        );
    }
}

#[test]
fn endless_nesting_is_refused() {
    for open in ["[", "{\"version\":", "{\"version\":\"1\",\"hide\":[[{\"a\":"] {
        let cut = open.repeat(200_000);
        assert_eq!(outcome(cut.as_bytes()).unwrap_err().len(), 1, "{open}");
    }
    let deep = format!("{{\"version\":\"1\",\"hide\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let faults = outcome(deep.as_bytes()).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.contains("nest deeper than 100 levels at line 1, column ")),
        "{faults:?}"
    );
    let mut value = serde_json::json!("x");
    for _ in 0..60 {
        value = serde_json::json!({ "a": value });
    }
    let told = ["document: nests too deep for a Struct, write the policy as JSON"];
    assert_eq!(outcome(&structured(&value)).unwrap_err(), told);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_bytes_make_the_loader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Policy::from_bytes(&bytes).is_err());
        bytes.insert(0, b'\n');
        prop_assert!(Policy::from_bytes(&bytes).is_err());
    }

    #[test]
    fn no_damage_to_a_document_makes_the_loader_panic(
        document in document(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for mut bytes in [text(&document).into_bytes(), structured(&document)] {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes.splice(at..=at, [*byte]);
            }
            if let Err(faults) = Policy::from_bytes(&bytes) {
                prop_assert!(!faults.is_empty());
                prop_assert_eq!(faults.to_string().lines().count(), faults.iter().count());
            }
        }
    }
}
