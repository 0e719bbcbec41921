//! The policies against attacks in `policies/attacks/`.

use std::path::Path;

use crate::program::run;

#[test]
fn the_policies_against_attacks_have_no_warnings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/attacks");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths: Vec<_> = folders.filter(|path| path.is_dir()).map(|path| path.join("policy.json")).collect();
    assert!(paths.len() >= 20, "{}", paths.len());
    let names = paths.iter().map(|path| path.to_str().unwrap());
    let words: Vec<&str> = ["check", "--fail-level", "warning"].into_iter().chain(names).collect();
    let done = run(&words, "");
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
}

#[test]
fn their_tests_pass_and_cover_every_rule() {
    let done = run(&["test", "--min-coverage", "100", "policies/attacks"], "");
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}
