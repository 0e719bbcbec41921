//! A caller is named in one of several notations: a header in two, an API key by itself or by its digest.

use super::{POLICY, explain};
use crate::folder::Folder;
use crate::program::run;

#[test]
fn a_header_has_one_meaning_in_both_notations() {
    let both = ["x-agent: bob", "x-agent=bob", "X-Agent:bob"].map(|header| {
        explain(&["-", "--at", "2027-01-15T08:00:00Z", "--call", "pq", "--header", header], POLICY)
    });
    assert!(both[0].code == 0 && both[0].stdout.contains("`bob`, named by `header`"), "{:?}", both[0]);
    assert_eq!(both[1].stdout, both[0].stdout);
    assert_eq!(both[2].stdout, both[0].stdout);
}

#[test]
fn a_test_can_name_a_key_by_its_digest() {
    let folder = Folder::new("key-digest");
    folder.with("policy.json", POLICY);
    let digest = "2BB80D537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let case = |key: &str| {
        let text = format!(
            "policy: policy.json\ncases:\n- {{ name: a, call: pq, {key}, expect: allow, record: {{ grant: nightly }} }}\n"
        );
        run(&["test", &folder.with("a.test.yaml", &text)], "")
    };
    for key in ["api_key: secret".to_owned(), format!("api_key_sha256: {digest}")] {
        let done = case(&key);
        assert_eq!(done.code, 0, "{key}: {done:?}");
    }
    assert_eq!(case(&format!("api_key_sha256: {}", "f".repeat(64))).code, 3);
    let both = case(&format!("api_key_sha256: {digest}, as: {{ principal: x }}"));
    assert!(both.stderr.contains("one credential is enough: `api_key` or `api_key_sha256`, or "), "{both:?}");
}
