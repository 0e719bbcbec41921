//! What each target needs so that callers are identified: notes, keys that are removed, and sources that are refused.

use serde_json::{Value, json};

use super::{OF_MESH, POLICY, render};
use crate::folder::Folder;
use crate::program::run;

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
        ("envoy-file", r#"{"api_key":{"header":"x-key"}}"#, "`request_headers_to_remove`"),
        ("envoy-gateway", r#"{"api_key":{"header":"x-key"}}"#, "`RequestHeaderModifier`"),
    ];
    for (target, source, expected) in cases {
        let options: &[&str] = if matches!(target, "envoy" | "envoy-file") { &[] } else { &OF_MESH };
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
