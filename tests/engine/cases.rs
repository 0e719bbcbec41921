//! What a case keeps while it waits for an answer.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::guard::{Arrival, FixedEnvironment, Question, Step};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::policy::Policy;

/// Returns how large the question about a call is, and what its case takes while it waits.
fn waiting(params: &str) -> (usize, usize) {
    let document =
        r#"{"version":"1","approvals":{"cluster":"a"},"tools":{"pay":{"action":"require_approval"}}}"#;
    let policy = Arc::new(Policy::from_bytes(document.as_bytes()).unwrap());
    let arrival = Arrival::new(policy, Headers::default(), "id".to_owned());
    let request = Rc::new(arrival.of(Caller::default()));
    let (store, places) = (MemoryStore::new(), Places::new(Layout::new([7; 16], NonZeroU32::MIN), 0, 0));
    let environment = FixedEnvironment { store: &store, places: &places, now_ns: 1 };
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"pay",{params}}}}}"#);
    let Step::Ask(ask, asking) = request.start_case(body.as_bytes(), &environment) else {
        panic!("nothing is asked");
    };
    let Question::Approval(question) = ask.question else { panic!("a question to the approval service") };
    (question.len(), asking.size())
}

#[test]
fn the_arguments_are_asked_about_and_not_kept() {
    let large = "x".repeat(100_000);
    let (question, kept) = waiting(&format!(r#""arguments":{{"text":"{large}"}}"#));
    assert!(question > large.len() && kept < 5_000, "{question} {kept}");
}

#[test]
fn the_state_of_a_server_is_kept_and_counted() {
    let large = "x".repeat(100_000);
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}}"#;
    let (_, kept) = waiting(&format!(r#""requestState":"{large}",{meta}"#));
    assert!(kept > large.len(), "{kept}");
}
