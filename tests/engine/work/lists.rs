//! The budget of work for lists: all elements share it, and what exceeds it is not shown.

use mcp_policy_engine::decide::{Definition, Lists};
use mcp_policy_engine::identity::{Caller, Principal};
use mcp_policy_engine::json;
use mcp_policy_engine::limit::MemoryStore;
use mcp_policy_engine::mcp::definition::DefinitionDigest;
use mcp_policy_engine::mcp::list::{Element, ListKind};
use mcp_policy_engine::policy::Policy;
use mcp_policy_engine::work::{LISTED, Work};
use serde_json::{Value, json};

use super::policy;

fn caller(claims: &Value) -> Caller {
    let principal = Some(Principal::Jwt("bob".to_owned()));
    Caller { grant: None, source: Some(0), principal, claims: Some(claims.to_string()) }
}

/// Returns what a list shows within a budget, and whether that was exhausted.
fn shown(
    policy: &Policy,
    caller: &Caller,
    (kind, names): (ListKind, &[String]),
    budget: u64,
) -> (Vec<bool>, bool) {
    let lists = Lists::within(policy, caller, &|| None, Work::new(budget));
    let shown = names.iter().map(|name| lists.shows(kind, name)).collect();
    (shown, lists.is_exhausted())
}

fn names(begin: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{begin}{number}")).collect()
}

/// Policies that show all elements to the caller, with what makes each costly.
fn policies() -> Vec<(&'static str, Policy)> {
    let of = |path: &str, op: &str, value: Value| json!({ "path": path, "op": op, "value": value });
    let conditions = |conditions: Vec<Value>| json!({ "all_tools": { "deny_if": conditions } });
    let entries: serde_json::Map<String, Value> =
        (0..20).map(|number| (format!("*{}b*", "a".repeat(number + 1)), json!({}))).collect();
    let rules = vec![json!({ "reason": "x" }); 50];
    [
        ("conditions on claims", conditions(vec![of("claims.team", "eq", json!("dev")); 20])),
        ("conditions on scopes", conditions(vec![of("scopes", "contains", json!("x")); 20])),
        ("conditions on the tool", conditions(vec![of("tool", "regex", json!("[a-f]{1,20}x")); 20])),
        ("conditions on arguments", conditions(vec![of("args.a", "eq", json!("x")); 200])),
        ("patterns of tools", json!({ "tools": entries })),
        ("hidden tools", json!({ "hide": entries.keys().collect::<Vec<_>>() })),
        ("prompts", json!({ "prompts": entries })),
        ("resources", json!({ "resources": entries })),
        ("rules", json!({ "all_tools": rules })),
        (
            "a grant",
            json!({ "grants": [{ "name": "g", "match": "any", "default": "allow", "tools": entries }] }),
        ),
    ]
    .map(|(name, keys)| {
        let mut document = json!({
            "version": "1", "default": "allow", "identity": [{ "jwt": { "payload": "p" } }],
        });
        document.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        (name, policy(&document))
    })
    .into()
}

#[test]
fn an_element_beyond_the_budget_is_not_shown_and_others_are_as_before() {
    let caller = caller(&json!({ "team": "sre", "scope": "a b c" }));
    for (name, policy) in policies() {
        let granted = Caller { grant: (!policy.grants.is_empty()).then_some(0), ..caller.clone() };
        for (kind, begin) in [
            (ListKind::Tools, "t"),
            (ListKind::Prompts, "p"),
            (ListKind::Resources, "memo://r"),
            (ListKind::ResourceTemplates, "memo://{r}"),
        ] {
            let names = names(begin, 20);
            let (free, exhausted) = shown(&policy, &granted, (kind, &names), LISTED);
            assert!(free.iter().all(|shown| *shown) && !exhausted, "{name} {kind:?}");
            for budget in [1, 10, 40, 100, 200] {
                let (few, exhausted) = shown(&policy, &granted, (kind, &names), budget);
                let kept = few.iter().take_while(|shown| **shown).count();
                // What is exhausted stays so.
                assert!(few.iter().skip(kept).all(|shown| !shown), "{name} {kind:?} {budget}");
                assert_eq!(kept < names.len(), exhausted, "{name} {kind:?} {budget}");
            }
            let (few, _) = shown(&policy, &granted, (kind, &names), 40);
            assert!(few.contains(&false), "{name} {kind:?}");
        }
    }
}

#[test]
fn large_lists_that_are_ordinary_are_shown() {
    let patterns: serde_json::Map<String, Value> =
        (0..1_000).map(|number| (format!("team{number:03}_*"), json!({}))).collect();
    let uris: serde_json::Map<String, Value> =
        (0..50).map(|number| (format!("memo://team{number}/*"), json!({}))).collect();
    let condition = json!({ "path": "scopes", "op": "contains", "value": "mcp:run" });
    let claims = json!({ "scope": "mcp:run mcp:read", "groups": vec!["a group of people"; 200] });
    let policy = policy(&json!({
        "version": "1", "identity": [{ "jwt": { "payload": "p" } }], "tools": patterns, "resources": uris,
        "hide": ["*_internal", "*secret*"], "all_tools": { "require": [condition] },
    }));
    for (kind, begin) in
        [(ListKind::Tools, "team007_the_name_of_a_tool"), (ListKind::Resources, "memo://team7/")]
    {
        let (shown, exhausted) = shown(&policy, &caller(&claims), (kind, &names(begin, 1_000)), LISTED);
        assert!(shown.iter().all(|shown| *shown) && !exhausted, "{kind:?}");
    }
}

#[test]
fn the_claims_are_read_once_for_a_list() {
    let claims = json!({ "team": "sre", "text": "x".repeat(100_000) });
    let condition = json!({ "path": "claims.team", "op": "eq", "value": "dev" });
    let policy = policy(&json!({
        "version": "1", "default": "allow", "identity": [{ "jwt": { "payload": "p" } }],
        "all_tools": { "deny_if": vec![condition; 10] },
    }));
    let (shown, _) = shown(&policy, &caller(&claims), (ListKind::Tools, &names("t", 1_000)), 1_000_000);
    assert!(shown.iter().all(|shown| *shown));
}

#[test]
fn a_pinned_tool_beyond_the_budget_counts_as_changed() {
    let tool = r#"{"name":"run","description":"Runs."}"#;
    let document = json::read(tool.as_bytes()).unwrap();
    let digest = DefinitionDigest::of(document.root()).unwrap().to_string();
    let policy = policy(&json!({ "version": "1", "tools": { "run": { "definition": digest } } }));
    for (budget, changed) in [(LISTED, false), (1_000, false), (20, true), (0, true)] {
        let caller = Caller::default();
        let lists = Lists::within(&policy, &caller, &|| None, Work::new(budget));
        let element =
            Element { kind: ListKind::Tools, name: Some("run"), value: Some(document.root()), id: None };
        assert_eq!(lists.keeps(element), !changed, "{budget}");
        let mut settled = Vec::new();
        lists.settle(&MemoryStore::new(), &mut |listed| settled.push(listed.definition)).unwrap();
        let expected = if changed { vec![Definition::Unread] } else { Vec::new() };
        assert_eq!(settled, expected, "{budget}");
    }
}
