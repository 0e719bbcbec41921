//! What lists have shown of pinned tools is in shared data: how long it stays, who can damage it, what it costs.

use super::{EVIL, OTHER, RUN, digest, key_of_first_pin, list, listing, pinned, refusal};
use crate::exchanges::{call, envoy, post, worker};
use crate::proxy::Call;
use serde_json::json;

#[test]
fn what_lists_have_shown_outlives_a_policy_but_not_its_pin() {
    let proxy = envoy();
    let first = worker(&proxy, &pinned(json!({})));
    list(&proxy, &first, &[EVIL]);
    let later = worker(&proxy, &pinned(json!({ "description": "edited" })));
    assert_eq!(refusal(&proxy, &later, "run").as_deref(), Some("definition_changed"));
    let reviewed = worker(&proxy, &pinned(json!({ "tools": { "run": { "definition": digest(EVIL) } } })));
    assert_eq!(refusal(&proxy, &reviewed, "run"), None);
    assert_eq!(list(&proxy, &reviewed, &[EVIL]), listing(&[EVIL]));
    let elsewhere = worker(&proxy, &pinned(json!({ "server": "elsewhere" })));
    assert_eq!(refusal(&proxy, &elsewhere, "run"), None, "another server has lists of its own");
}

#[test]
fn a_pinned_tool_is_closed_if_the_host_fails() {
    let proxy = envoy();
    let worker = worker(&proxy, &pinned(json!({})));
    proxy.fail(Call::Shared);
    assert_eq!(refusal(&proxy, &worker, "run").as_deref(), Some("definition_changed"));
    assert_eq!(refusal(&proxy, &worker, "other"), None);
    proxy.mend();
    for failing in [Call::Shared, Call::SetShared] {
        proxy.fail(failing);
        let shown = list(&proxy, &worker, &[EVIL, OTHER]);
        assert!(!shown.contains("run") && !shown.contains("other"), "{failing:?}: {shown}");
        proxy.mend();
    }
    let why = "it cannot be stored that definitions of tools have changed";
    assert_eq!(
        proxy.warnings(),
        [format!("Warn: server `default`: an answer is not shown as the server sent it: {why}")]
    );
}

#[test]
fn a_value_that_another_program_has_stored_closes_the_tool() {
    let proxy = envoy();
    let policy = pinned(json!({}));
    let key = key_of_first_pin(&policy);
    let worker = worker(&proxy, &policy);
    for (value, closed) in [(&b""[..], true), (b"x", true), (b"changed", true), (b"restored", false)] {
        proxy.put(&key, value);
        assert_eq!(refusal(&proxy, &worker, "run").is_some(), closed, "{value:?}");
    }
}

#[test]
fn only_pinned_tools_cost_a_look_into_shared_data() {
    let proxy = envoy();
    let worker = worker(&proxy, &pinned(json!({})));
    let reads = |act: &dyn Fn()| {
        proxy.calls();
        act();
        proxy.calls().into_iter().filter(|call| matches!(call, Call::Shared | Call::SetShared)).count()
    };
    assert_eq!(reads(&|| drop(post(&proxy, &worker, &call("run")))), 1);
    assert_eq!(reads(&|| drop(post(&proxy, &worker, &call("other")))), 0);
    assert_eq!(reads(&|| drop(post(&proxy, &worker, &call("unlisted")))), 0);
    // A request for the tools notes which changes were before it.
    assert_eq!(reads(&|| drop(list(&proxy, &worker, &[OTHER]))), 1);
    assert_eq!(reads(&|| drop(list(&proxy, &worker, &[RUN, OTHER]))), 2);
    // Then the change is counted, and the mark is written with its number.
    assert_eq!(reads(&|| drop(list(&proxy, &worker, &[EVIL]))), 5);
}
