//! Objects of Kubernetes for Istio and Envoy Gateway.

use serde_json::{Value, json};

use super::{OF_MESH, POLICY, TARGETS, render};
use crate::program::run;

#[test]
fn objects_of_meshes_have_what_their_meshes_need() {
    let sha256 = "0123456789abcdef".repeat(4);
    let with_digest = [&OF_MESH[..], &["--sha256", &sha256]].concat();
    for (target, expected) in [
        (
            "istio-wasmplugin",
            vec![
                "kind: WasmPlugin",
                "failStrategy: FAIL_RELOAD",
                "- mode: SERVER",
                "url: \"oci://r.example/f:1\"",
                "request_headers: \"stream\"",
            ],
        ),
        (
            "istio-envoyfilter",
            vec![
                "kind: EnvoyFilter",
                "operation: INSERT_BEFORE",
                "initial_fetch_timeout: 0s",
                "applyTo: EXTENSION_CONFIG",
                "name: tools.mcp-policy-shop-1",
                "FAIL_RELOAD",
            ],
        ),
        (
            "envoy-gateway",
            vec![
                "kind: EnvoyExtensionPolicy",
                "failOpen: false",
                "type: Image",
                "url: \"r.example/f:1\"",
                "request_headers: \"stream\"",
            ],
        ),
    ] {
        let done = render(target, POLICY, &with_digest);
        assert_eq!(done.code, 0, "{target}: {}", done.stderr);
        let common = ["name: mcp-policy-shop-1", "namespace: tools", "app: \"shop\"", &sha256];
        for expected in expected.into_iter().chain(common) {
            assert!(done.stdout.contains(expected), "{target}: {expected}\n{}", done.stdout);
        }
        assert_eq!(done.stderr.contains("`request_headers` becomes `stream`"), target != "istio-envoyfilter");
    }
}

#[test]
fn a_policy_is_for_the_traffic_of_what_it_is_attached_to() {
    let module = ["--module", "oci://r.example/f:1"];
    let gateway = "- group: \"gateway.networking.k8s.io\"\n      kind: Gateway\n      name: \"mcp\"";
    let cases: [(&str, &[&str], &str, &str); 7] = [
        ("istio-wasmplugin", &["--selector", "app=shop"], "- mode: SERVER", "targetRefs"),
        ("istio-wasmplugin", &["--selector", "app=shop", "--gateway"], "- mode: CLIENT", "SERVER"),
        ("istio-wasmplugin", &["--attach", "Gateway/mcp"], gateway, "match:"),
        ("istio-wasmplugin", &["--attach", "Service/shop"], "- group: \"\"\n      kind: Service", "match:"),
        ("istio-envoyfilter", &["--selector", "app=shop"], "context: SIDECAR_INBOUND", "GATEWAY"),
        (
            "istio-envoyfilter",
            &["--selector", "app=shop", "--gateway"],
            "context: GATEWAY",
            "SIDECAR_INBOUND",
        ),
        ("istio-envoyfilter", &["--attach", "Gateway/mcp"], gateway, "SIDECAR_INBOUND"),
    ];
    for (target, options, expected, other) in cases {
        let done = render(target, POLICY, &[&module[..], options].concat());
        assert_eq!(done.code, 0, "{target} {options:?}: {}", done.stderr);
        assert!(done.stdout.contains(expected), "{target} {options:?}: {}", done.stdout);
        assert!(!done.stdout.contains(other), "{target} {options:?}: {}", done.stdout);
    }
}

#[test]
fn a_policy_that_holds_headers_back_in_envoy_gateway_comes_with_its_patch() {
    let options = ["--attach", "HTTPRoute/shop", "--module", "oci://r.example/f:1", "--namespace", "tools"];
    let done = render("envoy-gateway", POLICY, &[&options[..], &["--hold", "mcp/https"]].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    for expected in [
        "kind: EnvoyPatchPolicy",
        "name: tools/mcp/https",
        "envoyextensionpolicy/tools/mcp-policy-shop-1-d4a69134/wasm/0",
        "path: /allow_on_headers_stop_iteration",
        "value: FAIL_RELOAD",
    ] {
        assert!(done.stdout.contains(expected), "{expected}: {}", done.stdout);
    }
    assert!(!done.stdout.contains("stream") && !done.stderr.contains("stream"), "{}", done.stdout);
    assert!(!done.stdout.contains("quic"), "{}", done.stdout);
    let both = render("envoy-gateway", POLICY, &[&options[..], &["--hold", "mcp/https", "--http3"]].concat());
    assert_eq!(both.stdout.matches("name: tools/mcp/https\n").count(), 2, "{}", both.stdout);
    assert_eq!(both.stdout.matches("name: tools/mcp/https-quic\n").count(), 2, "{}", both.stdout);
    let checked = run(&["check", "-"], &done.stdout);
    assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{}", checked.stderr);
    let without = render("envoy-gateway", POLICY, &options);
    assert!(!without.stdout.contains("EnvoyPatchPolicy") && without.stdout.contains("stream"));
}

#[test]
fn two_servers_never_have_one_object() {
    let name = |server: &str| {
        let policy = json!({ "version": "1", "server": server, "tools": { "a": {} } });
        let done = render("istio-wasmplugin", &policy.to_string(), &OF_MESH);
        let line = done.stdout.lines().find(|line| line.starts_with("  name: ")).unwrap();
        line.trim_start_matches("  name: ").to_owned()
    };
    let long = "a".repeat(41);
    let servers =
        ["orders", "Orders", "orders-", "or.ders", "or-ders", "or_ders", "default", "Default", "--", &long];
    let names: Vec<String> = servers.iter().map(|server| name(server)).collect();
    assert_eq!(names[0], "mcp-policy-orders");
    assert_eq!(names[6], "mcp-policy");
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{}: {name}", servers[index]);
        assert!(name.len() <= 63 && !name.ends_with('-'), "{name}");
    }
}

#[test]
fn a_null_that_kubectl_would_leave_out_is_refused() {
    let policy = |schema: Value| {
        let rule = json!({ "arguments": { "properties": { "x": schema } } });
        json!({ "version": "1", "tools": { "a": rule } }).to_string()
    };
    for (schema, is_kept) in [
        (json!({ "const": null }), false),
        (json!({ "not": { "const": { "a": { "b": null } } } }), false),
        (json!({ "anyOf": [{ "const": null }] }), false),
        (json!({ "enum": [{ "a": null }] }), false),
        (json!({ "enum": [null, [null]], "default": null }), true),
        (json!({ "const": [null] }), true),
    ] {
        for (target, options) in TARGETS {
            let done = render(target, &policy(schema.clone()), options);
            let is_text = !matches!(target, "istio-wasmplugin" | "envoy-gateway");
            assert_eq!(done.code == 0, is_kept || is_text, "{target} {schema}: {}", done.stderr);
            assert!(done.code == 0 || done.stderr.contains("enum: [null]"), "{}", done.stderr);
        }
    }
}
