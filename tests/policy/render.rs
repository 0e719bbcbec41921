//! `mcp-policy render`: what it prints holds the policy, and is what each target takes.

use serde_json::{Value, json};

use crate::folder::Folder;
use crate::program::{Done, run};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const POLICY: &str = "{\n  \"version\": \"1\",\n  \"server\": \"Shop 1\",\n  \"tools\": { \"a$b\": { \"reason\": \"é \\u2028 'x' # y\" } }\n}\n";

fn render(target: &str, policy: &str, options: &[&str]) -> Done {
    run(&[&["render", "-", "--for", target], options].concat(), policy)
}

const OF_MESH: [&str; 6] =
    ["--selector", "app=shop", "--namespace", "tools", "--module", "oci://r.example/f:1"];

/// Each target, with the options that it needs.
const TARGETS: [(&str, &[&str]); 5] = [
    ("envoy", &[]),
    ("istio-wasmplugin", &OF_MESH),
    ("istio-envoyfilter", &OF_MESH),
    ("envoy-gateway", &OF_MESH),
    ("compose", &[]),
];

#[test]
fn the_check_finds_the_policy_in_what_was_rendered() {
    for (target, options) in TARGETS {
        for policy in [POLICY, POLICY.trim_end(), &format!(" {POLICY}"), &POLICY.replace('\n', "\r\n")] {
            let done = render(target, policy, options);
            assert_eq!(done.code, 0, "{target}: {}", done.stderr);
            let checked = run(&["check", "-"], &done.stdout);
            assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{target}\n{}", done.stdout);
            let compared = run(&["diff", "-", "policies/run_agent.json"], &done.stdout);
            assert!(compared.stdout.contains("a$b"), "{target}: {}{}", compared.stdout, compared.stderr);
        }
    }
}

#[test]
fn every_policy_of_the_repository_can_be_rendered_for_every_target() {
    for policy in ["aipaygen", "argument-guards", "grants", "run_agent", "spend"] {
        let text = std::fs::read_to_string(format!("{ROOT}/policies/{policy}.json")).unwrap();
        for (target, options) in TARGETS {
            let text = text.replace("jwt_payload", "payload");
            let done = render(target, &text, options);
            assert_eq!(done.code, 0, "{policy} {target}: {}", done.stderr);
        }
    }
}

#[test]
fn a_policy_of_yaml_is_rendered_too() {
    let yaml = "version: \"1\"\ntools:\n  get_*: {}\n";
    for (target, options) in TARGETS {
        let done = render(target, yaml, options);
        assert_eq!(done.code, 0, "{target}: {}", done.stderr);
        assert!(done.stdout.contains("get_*"), "{target}");
    }
}

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
fn what_does_not_fit_is_refused_with_what_would() {
    let large = r#"{"version":"1","tools":{"a":{"require":[{"path":"args.x","op":"lte","value":9007199254740993}]}}}"#;
    let larger = &large.replace("9007199254740993", "18446744073709551615");
    let table: [(&str, &str, &[&str], &str); 31] = [
        ("istio-wasmplugin", large, &OF_MESH, "beyond 2^53"),
        ("envoy-gateway", larger, &OF_MESH, "beyond 2^53"),
        ("istio-wasmplugin", POLICY, &[], "--selector is needed"),
        ("istio-wasmplugin", POLICY, &["--attach", "Gateway/a", "--selector", "a=b"], "cannot be combined"),
        ("istio-wasmplugin", POLICY, &["--attach", "Pod/a"], "must be `Gateway/NAME`"),
        ("istio-wasmplugin", POLICY, &["--attach", "Gateway/A b"], "must be `Gateway/NAME`"),
        (
            "istio-wasmplugin",
            POLICY,
            &["--attach", "HTTPRoute/a"],
            "can be attached to `Gateway/NAME` or `Service/NAME`",
        ),
        ("istio-wasmplugin", POLICY, &["--attach", "Gateway/a", "--gateway"], "--gateway is for --selector"),
        (
            "istio-wasmplugin",
            POLICY,
            &["--attach", "Gateway/a", "--hold", "a/b"],
            "--hold is for Envoy Gateway",
        ),
        ("istio-envoyfilter", POLICY, &["--attach", "Service/a"], "does not reach waypoints"),
        (
            "envoy-gateway",
            POLICY,
            &["--attach", "Service/a"],
            "can be attached to `HTTPRoute/NAME` or `Gateway/NAME`",
        ),
        ("envoy-gateway", POLICY, &["--attach", "Gateway/a", "--gateway"], "--gateway is for Istio"),
        ("envoy-gateway", POLICY, &["--attach", "Gateway/a", "--hold", "mcp"], "is not a `GATEWAY/LISTENER`"),
        ("envoy-gateway", POLICY, &["--attach", "Gateway/a", "--http3"], "--hold <GATEWAY/LISTENER>"),
        ("envoy", POLICY, &["--attach", "Gateway/a"], "are for meshes"),
        ("envoy-gateway", POLICY, &["--selector", "a=b"], "--module is needed"),
        ("envoy", POLICY, &["--module", "oci://r.example/f"], "reads the module from a file"),
        ("compose", POLICY, &["--module", "https://r.example/f"], "reads the module from a file"),
        ("envoy", POLICY, &["--module", "ftp://r.example/f"], "must be a path"),
        ("envoy", POLICY, &["--module", "a\nb"], "neither a path nor a URL"),
        ("envoy", POLICY, &["--selector", "a=b"], "are for meshes"),
        ("envoy", POLICY, &["--upstream", "mcp"], "not a host and a port"),
        ("envoy", POLICY, &["--upstream", "a b:1"], "not a host and a port"),
        ("envoy", POLICY, &["--sha256", "12"], "64 hex digits"),
        ("envoy", POLICY, &["--port", "9901"], "must differ"),
        ("envoy", POLICY, &["--namespace", "tools"], "--namespace is for meshes"),
        ("istio-wasmplugin", POLICY, &["--selector", "a=b", "--port", "1"], "are for Envoy by itself"),
        ("istio-envoyfilter", POLICY, &["--selector", "a=b", "--upstream", "a:1"], "are for Envoy by itself"),
        ("envoy-gateway", POLICY, &["--attach", "Gateway/a", "--admin-port", "1"], "are for Envoy by itself"),
        (
            "istio-envoyfilter",
            POLICY,
            &["--selector", "a=b", "--namespace", "A b"],
            "not a valid name of a namespace",
        ),
        ("envoy", "{\"version\":\"2\"}", &[], "error: `stdin` is not a valid policy"),
    ];
    for (target, policy, options, expected) in table {
        let done = render(target, policy, options);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{target} {options:?}");
        assert!(done.stderr.contains(expected), "{target} {options:?}: {}", done.stderr);
    }
    // Where the policy is a text, or Kubernetes keeps the number.
    for target in ["istio-envoyfilter", "envoy-gateway"] {
        let done = render(target, large, &OF_MESH);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stdout.contains("9007199254740993"), "{}", done.stdout);
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
fn the_notes_name_what_verifies_callers_in_the_target() {
    let policy = |source: &str| {
        json!({ "version": "1", "identity": [serde_json::from_str::<Value>(source).unwrap()] }).to_string()
    };
    let cases = [
        ("istio-wasmplugin", r#"{"jwt":{"payload":"payload"}}"#, "should match `iss` too"),
        ("istio-wasmplugin", r#"{"jwt":{"payload":"corp","metadata":"a.b"}}"#, "into the metadata `a.b`"),
        ("istio-envoyfilter", r#"{"mtls":"uri_san"}"#, "must have the mode STRICT"),
        ("envoy-gateway", r#"{"jwt":{"payload":"corp"}}"#, "a provider that has the name `corp`"),
        ("envoy-gateway", r#"{"mtls":"uri_san"}"#, "a ClientTrafficPolicy must require"),
        ("envoy", r#"{"jwt":{"payload":"corp"}}"#, "`payload_in_metadata: corp`"),
        ("envoy", r#"{"mtls":"uri_san"}"#, "the listener must ask for them"),
        ("istio-envoyfilter", r#"{"api_key":{"header":"x-key"}}"#, "`headers.request.remove`"),
        ("envoy-gateway", r#"{"api_key":{"header":"x-key"}}"#, "`RequestHeaderModifier`"),
    ];
    for (target, source, expected) in cases {
        let options: &[&str] = if target == "envoy" { &[] } else { &OF_MESH };
        let done = render(target, &policy(source), options);
        assert_eq!(done.code, 0, "{target} {source}: {}", done.stderr);
        assert!(done.stderr.contains(expected), "{target} {source}: {}", done.stderr);
    }
}

#[test]
fn envoy_removes_the_keys_of_callers_before_the_server_gets_the_request() {
    let folder = Folder::new("render-keys");
    let policy = |file: &str, server: &str, mode: &str, header: &str| {
        let identity = json!([{ "api_key": { "header": header } }, { "mtls": "uri_san" }]);
        let document = json!({ "version": "1", "server": server, "mode": mode, "identity": identity });
        folder.with(file, document.to_string())
    };
    let own = policy("own.json", "own", "enforce", "x-key");
    let candidate = policy("candidate.json", "own", "shadow", "Authorization");
    let other = policy("other.json", "other", "enforce", "x-other");
    let several = [&*other, "--upstream", "own=a:1", "--upstream", "other=b:1"];
    let cases: [(&[&str], &[&str]); 3] = [
        (
            &[],
            &[
                "                      request_headers_to_remove: [\"x-key\"]\n                      routes:\n",
            ],
        ),
        (&["--shadow", &candidate], &["request_headers_to_remove: [\"authorization\", \"x-key\"]\n"]),
        (
            &several,
            &[
                "                          request_headers_to_remove: [\"x-key\"]\n                          typed_per",
                "                          request_headers_to_remove: [\"x-other\"]\n                          typed_per",
            ],
        ),
    ];
    for target in ["envoy", "compose"] {
        for (options, expected) in &cases {
            let done = run(&[&["render", &own, "--for", target], *options].concat(), "");
            assert_eq!(done.code, 0, "{}", done.stderr);
            let found = done.stdout.matches("request_headers_to_remove").count();
            assert_eq!(found, expected.len(), "{}", done.stdout);
            for expected in *expected {
                let expected = match target {
                    "compose" => expected.replace('\n', "\n      ").trim_end_matches(' ').to_owned(),
                    _ => (*expected).to_owned(),
                };
                assert!(done.stdout.contains(&expected), "{expected}\n{}", done.stdout);
            }
            assert!(!done.stderr.contains("receive"), "{}", done.stderr);
        }
        let done = render(target, POLICY, &[]);
        assert!(!done.stdout.contains("request_headers_to_remove"), "{}", done.stdout);
    }
}

#[test]
fn a_source_of_identity_that_can_never_have_a_value_is_refused() {
    let (certificate, token) = (r#"{"mtls":"uri_san"}"#, r#"{"jwt":{"payload":"corp"}}"#);
    let header = r#"{"header":{"name":"x-agent"}}"#;
    let (service, gateway): (&[&str], &[&str]) =
        (&["--attach", "Service/shop"], &["--attach", "Gateway/mcp"]);
    let cases: [(&str, String, &[&str], Option<&str>); 7] = [
        (
            "istio-wasmplugin",
            certificate.to_owned(),
            service,
            Some("identity[0].mtls: the caller's certificate"),
        ),
        (
            "istio-wasmplugin",
            format!("{header},{certificate}"),
            service,
            Some("identity[1].mtls: the caller's"),
        ),
        ("istio-wasmplugin", certificate.to_owned(), gateway, None),
        (
            "istio-wasmplugin",
            token.to_owned(),
            gateway,
            Some("identity[0].jwt.payload: Istio keeps the claims"),
        ),
        ("istio-envoyfilter", token.to_owned(), gateway, Some("write `payload`, and match `iss`")),
        ("istio-envoyfilter", r#"{"jwt":{"payload":"corp","metadata":"a.b"}}"#.to_owned(), gateway, None),
        ("envoy-gateway", token.to_owned(), gateway, None),
    ];
    for (target, sources, place, refused) in cases {
        let policy = format!(r#"{{"version":"1","identity":[{sources}]}}"#);
        let done = render(target, &policy, &[place, &["--module", "oci://r.example/f:1"]].concat());
        assert_eq!(done.code, i32::from(refused.is_some()), "{target} {sources}: {}", done.stderr);
        assert!(done.stderr.contains(refused.unwrap_or_default()), "{target} {sources}: {}", done.stderr);
        assert_eq!(done.stdout.is_empty(), refused.is_some(), "{target} {sources}");
    }
}

#[test]
fn the_digest_is_that_of_the_document() {
    let _: Value = serde_json::from_str(POLICY).unwrap();
    let done = render("envoy", "{\"version\":\"1\"}", &[]);
    assert!(
        done.stdout.contains("value: |-\n                            {\"version\":\"1\"}\n"),
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

#[test]
fn a_module_that_is_fetched_without_tls_needs_a_digest() {
    let place = ["--selector", "app=shop", "--module", "http://files.example/f.wasm"];
    let done = render("istio-wasmplugin", POLICY, &place);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(done.stderr.contains("--sha256 is needed"), "{}", done.stderr);
    let done = render("istio-wasmplugin", POLICY, &[&place[..], &["--sha256", &"0".repeat(64)]].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
}

#[test]
fn a_module_that_can_be_replaced_is_told_with_what_would_fix_it() {
    let digest = "0".repeat(64);
    for target in ["istio-wasmplugin", "istio-envoyfilter", "envoy-gateway"] {
        for (module, note) in [
            ("oci://r.example/f:1", "the digest of its manifest, without `sha256:`, with `--sha256`"),
            ("https://r.example/f.wasm", "give its SHA-256 with `--sha256`"),
        ] {
            let options = ["--selector", "app=shop", "--module", module];
            let done = render(target, POLICY, &options);
            assert_eq!(done.code, 0, "{}", done.stderr);
            assert!(
                done.stderr.contains(&format!("note: nothing makes sure that `{module}` stays the same")),
                "{}",
                done.stderr
            );
            assert!(done.stderr.contains(note), "{}", done.stderr);
            let done = render(target, POLICY, &[&options[..], &["--sha256", &digest]].concat());
            assert_eq!(done.code, 0, "{}", done.stderr);
            assert!(!done.stderr.contains("stays the same"), "{}", done.stderr);
        }
    }
    let pinned = format!("oci://r.example/f@sha256:{digest}");
    let done = render("istio-wasmplugin", POLICY, &["--selector", "app=shop", "--module", &pinned]);
    assert!(!done.stderr.contains("stays the same"), "{}", done.stderr);
}
