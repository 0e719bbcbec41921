//! Calls that cannot be explained, and policies that cannot be read.

use super::{POLICY, explain};
use crate::folder::Folder;

/// Arguments, and what is told about them.
const ARGUMENTS: &[(&[&str], &str)] = &[
    (&["none.json", "--call", "a"], "cannot read `none.json`"),
    (&["-"], "<--call <TOOL>|--request <FILE>>"),
    (&["-", "--call", "a", "--header", "secret"], "`--header` must be `NAME: VALUE` or `NAME=VALUE`"),
    (
        &["-", "--call", "a", "--source", "jwt"],
        "`--source` says who names the caller, and needs `--principal`",
    ),
    (&["-", "--call", "a", "--api-key", "secret", "--principal", "x"], "cannot be used with"),
    (
        &["-", "--call", "a", "--claim", "a=b", "--source", "api_key"],
        "`--claim` needs a source of the kind `jwt`",
    ),
    (&["-", "--call", "a", "--request", "b"], "cannot be used with"),
    (&["-", "--call", "a", "--arguments", "[]"], "`--arguments` must be a JSON object, found an array"),
    (&["-", "--call", "a", "--arguments", "{"], "`--arguments` must be a JSON object, "),
    (&["-", "--call", "a", "--at", "now"], "`--at` must be a time as in RFC 3339"),
    (&["-", "--call", "a", "--claim", "x"], "`--claim` must be a name, `=` and a value, found `x`"),
    (&["-", "--call", "a", "--grant", "x"], "the policy has no grant `x`, it has `ci`, `nightly`, `rest`"),
    (&["-", "--call", "a", "--principal", "x", "--source", "y"], "the policy has no source `y`"),
    (
        &["-", "--call", "a", "--principal", "x", "--source", "api_key"],
        "callers send API keys, which have no names: write `--api-key-sha256` or `--api-key` in place of `--principal`",
    ),
    (&["-", "--call", "a", "--principal", "x", "--claim", "sub=y"], "which `claims` gives another value"),
    (&["-", "--call", "a", "--api-key-sha256", "secret"], "must be the SHA-256 of the key, as 64 hex digits"),
    (&["-", "--request", "none.json"], "cannot read `none.json`"),
];

#[test]
fn what_cannot_be_explained_is_an_error() {
    for (arguments, expected) in ARGUMENTS {
        let done = explain(arguments, POLICY);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{arguments:?}: {done:?}");
        assert!(done.stderr.contains(expected), "{arguments:?}: {expected}\n{}", done.stderr);
        assert!(!done.stderr.contains("secret"), "{}", done.stderr);
    }
    let folder = Folder::new("latin");
    let latin = folder.with("policy.yaml", b"version: '1'\nserver: caf\xe9\n");
    let done = explain(&[&latin, "--call", "a"], "");
    assert!(done.code == 1 && done.stderr.ends_with(".yaml:2:12: must be UTF-8\n"), "{done:?}");
    let faulty = explain(&["-", "--call", "a"], r#"{"version":"1","defalt":"deny"}"#);
    assert!(faulty.code == 1 && faulty.stderr.contains("stdin:1:16"), "{faulty:?}");
}
