//! Configuration for Envoy by itself, and for Envoy in Docker Compose.

use serde_json::json;

use super::{POLICY, render};
use crate::folder::Folder;
use crate::program::run;

#[test]
fn the_text_of_the_document_stands_in_envoys_configuration_as_it_is() {
    let done = render("envoy", POLICY, &["--upstream", "mcp.internal:9000", "--module", "/m.wasm"]);
    let block: String =
        POLICY.split_inclusive('\n').map(|line| format!("{}{line}", " ".repeat(28))).collect();
    // What is no letter or digit beyond ASCII would be escaped; this text has escapes of its own.
    assert!(done.stdout.contains(&format!("value: |\n{block}")), "{}", done.stdout);
    for expected in [
        "address: \"mcp.internal\", port_value: 9000",
        "filename: \"/m.wasm\"",
        "allow_on_headers_stop_iteration: true",
        "failure_policy: FAIL_RELOAD",
        "vm_id: mcp-policy",
    ] {
        assert!(done.stdout.contains(expected), "{expected}: {}", done.stdout);
    }
}

#[test]
fn the_digest_is_that_of_the_document() {
    let done = render("envoy", "{\"version\":\"1\"}", &[]);
    assert!(
        done.stdout.contains("value: |-\n                            {\"version\":\"1\"}\n"),
        "{}",
        done.stdout
    );
}

#[test]
fn what_else_has_to_be_done_is_told() {
    let policy = json!({ "version": "1", "approvals": { "cluster": "people" }, "identity": [{ "jwt": { "payload": "p" } }],
        "tools": { "a": { "action": "require_approval" } } });
    let done = render("envoy", &policy.to_string(), &[]);
    assert!(done.stderr.contains("`jwt_authn`") && done.stderr.contains("`people`"), "{}", done.stderr);
    assert!(done.stdout.contains("- name: \"people\""), "{}", done.stdout);
    assert!(done.stdout.contains("# Note: the policy reads tokens"), "{}", done.stdout);
}

#[test]
fn a_shared_limit_needs_a_cluster_that_speaks_http2() {
    let limit = json!({ "counter": "c", "window": "day", "max": 1, "type": "calendar", "shared": true });
    let policy = json!({ "version": "1", "shared_limits": { "cluster": "rates" }, "tools": { "a": { "limits": [limit] } } });
    let done = render("envoy", &policy.to_string(), &[]);
    assert!(done.stderr.contains("`rates`"), "{}", done.stderr);
    assert!(
        done.stdout.contains("- name: \"rates\"") && done.stdout.contains("http2_protocol_options"),
        "{}",
        done.stdout
    );
}

#[test]
fn a_dollar_sign_reaches_envoy_through_compose() {
    let done = render("compose", POLICY, &["--module", "/opt/$x.wasm"]);
    assert!(done.stdout.contains("a$$b") && !done.stdout.contains("a$b"), "{}", done.stdout);
    assert!(
        done.stdout.contains("\"/opt/$$x.wasm:/etc/mcp-policy/mcp_policy_filter.wasm:ro\""),
        "{}",
        done.stdout
    );
}

#[test]
fn ports_and_the_place_of_the_output_can_be_chosen() {
    for target in ["envoy", "compose"] {
        let done = render(target, POLICY, &["--port", "18080", "--admin-port", "18081"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        for expected in ["listens on 127.0.0.1:18080", "port_value: 18080", "port_value: 18081"] {
            assert!(done.stdout.contains(expected), "{target} {expected}\n{}", done.stdout);
        }
    }
    let folder = Folder::new("render");
    let (policy, written) = (folder.file("policy.json"), folder.file("envoy.yaml"));
    std::fs::write(&policy, POLICY).unwrap();
    let done = run(&["render", &policy, "--for", "envoy", "-o", &written], "");
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
    assert!(done.stderr.contains("expected at /etc/mcp-policy/mcp_policy_filter.wasm"), "{}", done.stderr);
    assert_eq!(run(&["check", &written], "").code, 0);
    let done = run(&["render", &policy, "--for", "envoy", "-o", &policy], "");
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("which is read by the same command"), "{}", done.stderr);
    assert_eq!(std::fs::read_to_string(&policy).unwrap(), POLICY);
}
