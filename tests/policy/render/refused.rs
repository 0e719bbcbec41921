//! What does not fit together, or does not fit the target, is refused with what would fit.

use super::{OF_MESH, POLICY, render};

/// Targets with options that do not fit, and what is told.
const OPTIONS: &[(&str, &[&str], &str)] = &[
    ("istio-wasmplugin", &[], "--selector is needed"),
    ("istio-wasmplugin", &["--attach", "Gateway/a", "--selector", "a=b"], "cannot be combined"),
    ("istio-wasmplugin", &["--attach", "Pod/a"], "must be `Gateway/NAME`"),
    ("istio-wasmplugin", &["--attach", "Gateway/A b"], "must be `Gateway/NAME`"),
    ("istio-wasmplugin", &["--attach", "HTTPRoute/a"], "can be attached to `Gateway/NAME` or `Service/NAME`"),
    ("istio-wasmplugin", &["--attach", "Gateway/a", "--gateway"], "--gateway is for --selector"),
    ("istio-wasmplugin", &["--attach", "Gateway/a", "--hold", "a/b"], "--hold is for Envoy Gateway"),
    ("istio-envoyfilter", &["--attach", "Service/a"], "does not reach waypoints"),
    ("envoy-gateway", &["--attach", "Service/a"], "can be attached to `HTTPRoute/NAME` or `Gateway/NAME`"),
    ("envoy-gateway", &["--attach", "Gateway/a", "--gateway"], "--gateway is for Istio"),
    ("envoy-gateway", &["--attach", "Gateway/a", "--hold", "mcp"], "is not a `GATEWAY/LISTENER`"),
    ("envoy-gateway", &["--attach", "Gateway/a", "--http3"], "--hold <GATEWAY/LISTENER>"),
    ("envoy", &["--attach", "Gateway/a"], "are for meshes"),
    ("envoy-gateway", &["--selector", "a=b"], "--module is needed"),
    ("envoy", &["--module", "oci://r.example/f"], "reads the module from a file"),
    ("compose", &["--module", "https://r.example/f"], "reads the module from a file"),
    ("envoy", &["--module", "ftp://r.example/f"], "must be a path"),
    ("envoy", &["--module", "a\nb"], "neither a path nor a URL"),
    ("envoy", &["--selector", "a=b"], "are for meshes"),
    ("envoy", &["--upstream", "mcp"], "not a host and a port"),
    ("envoy", &["--upstream", "a b:1"], "not a host and a port"),
    ("envoy", &["--sha256", "12"], "64 hex digits"),
    ("envoy", &["--port", "9901"], "must differ"),
    ("envoy", &["--namespace", "tools"], "--namespace is for meshes"),
    ("envoy-file", &["--namespace", "tools"], "--namespace is for meshes"),
    ("envoy-file", &["--attach", "Gateway/a"], "are for meshes"),
    ("envoy-file", &["--gateway"], "--gateway is for Istio"),
    ("envoy-file", &["--hold", "a/b"], "--hold is for Envoy Gateway"),
    ("envoy-file", &["--upstream", "a:1"], "this target is the filter alone"),
    ("envoy-file", &["--port", "1"], "this target is the filter alone"),
    ("envoy-file", &["--shadow", "policies/spend.json"], "this target is the filter alone"),
    ("envoy-file", &["policies/spend.json"], "render a file for each policy"),
    ("envoy-file", &["--module", "oci://r.example/f"], "reads the module from a file"),
    ("istio-wasmplugin", &["--selector", "a=b", "--port", "1"], "are for Envoy by itself"),
    ("istio-envoyfilter", &["--selector", "a=b", "--upstream", "a:1"], "are for Envoy by itself"),
    ("envoy-gateway", &["--attach", "Gateway/a", "--admin-port", "1"], "are for Envoy by itself"),
    ("istio-envoyfilter", &["--selector", "a=b", "--namespace", "A b"], "not a valid name of a namespace"),
];

#[track_caller]
fn refuses(target: &str, policy: &str, options: &[&str], expected: &str) {
    let done = render(target, policy, options);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{target} {options:?}");
    assert!(done.stderr.contains(expected), "{target} {options:?}: {}", done.stderr);
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    for (target, options, expected) in OPTIONS {
        refuses(target, POLICY, options, expected);
    }
    refuses("envoy", r#"{"version":"2"}"#, &[], "error: `stdin` is not a valid policy");
    let large = r#"{"version":"1","tools":{"a":{"require":[{"path":"args.x","op":"lte","value":9007199254740993}]}}}"#;
    refuses("istio-wasmplugin", large, &OF_MESH, "beyond 2^53");
    let larger = large.replace("9007199254740993", "18446744073709551615");
    refuses("envoy-gateway", &larger, &OF_MESH, "beyond 2^53");
    // Where the policy is a text, or Kubernetes keeps the number.
    for target in ["istio-envoyfilter", "envoy-gateway"] {
        let done = render(target, large, &OF_MESH);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stdout.contains("9007199254740993"), "{}", done.stdout);
    }
}
