//! Where the module comes from, and what makes sure that it stays the same.

use super::{POLICY, render};

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
