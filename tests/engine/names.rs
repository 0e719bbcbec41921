//! Names of tools and prompts that servers read in two ways: what a list shows can be called.

use mcp_policy_engine::decide::{Lists, decide};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::list::ListKind;
use mcp_policy_engine::mcp::message::{self, Body, Message};
use mcp_policy_engine::policy::Policy;
use serde_json::json;

/// Tells whether a call with this name is forwarded.
fn is_callable(policy: &Policy, method: &str, name: &str) -> bool {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": { "name": name } }).to_string();
    let document = message::parse(body.as_bytes()).unwrap();
    match Message::read(&document, &Headers::default()) {
        Ok(Message { body: Body::Call(call), .. }) => {
            decide(policy, &Caller::default(), &call, &|| None).denial.is_none()
        }
        _ => false,
    }
}

#[test]
fn a_list_shows_the_names_that_can_be_called() {
    let denies = json!({ "version": "1", "tools": { "get_*": {} }, "prompts": { "get_*": {} } });
    let allows = json!({ "version": "1", "default": "allow" });
    let long = format!("get_{}", "a".repeat(1_021));
    let names =
        ["get_a", "get_a b", "get_é", "get_a ", "get_a\0", "get_a\u{200b}", "get_\ta", "get_a\u{a0}", &long];
    for document in [denies, allows] {
        let policy = Policy::from_bytes(document.to_string().as_bytes()).unwrap();
        let caller = Caller::default();
        let lists = Lists::new(&policy, &caller, &|| None);
        for (number, name) in names.into_iter().enumerate() {
            for (kind, method) in [(ListKind::Tools, "tools/call"), (ListKind::Prompts, "prompts/get")] {
                assert_eq!(is_callable(&policy, method, name), number < 3, "{method} {name:?}");
                assert_eq!(lists.shows(kind, name), number < 3, "{method} {name:?}");
            }
        }
    }
}

#[test]
fn a_policy_in_shadow_mode_shows_every_name() {
    let document = json!({ "version": "1", "mode": "shadow" }).to_string();
    let policy = Policy::from_bytes(document.as_bytes()).unwrap();
    assert!(Lists::new(&policy, &Caller::default(), &|| None).shows(ListKind::Tools, "get_a\0"));
}
