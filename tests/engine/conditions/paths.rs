//! Paths that select many values, or none.

use super::judged_at;

#[test]
fn a_wildcard_requires_every_element_and_denies_if_any_matches() {
    // The results of `require` and `deny_if` for elements that end with `@corp`.
    for (path, arguments, required, denied) in [
        ("args.to[*]", r#"{"to":["a@corp","b@corp"]}"#, true, true),
        ("args.to[*]", r#"{"to":["a@corp","b@else"]}"#, false, true),
        ("args.to[*]", r#"{"to":["b@else"]}"#, false, false),
        ("args.to[*]", r#"{"to":["a@corp",null]}"#, false, true),
        ("args.to[*]", r#"{"to":["b@else",null]}"#, false, false),
        ("args.to[*]", r#"{"to":["b@else",5]}"#, false, true),
        ("args.to[*]", r#"{"to":["b@else",["a@corp"]]}"#, false, true),
        ("args.to[*]", r#"{"to":[]}"#, false, false),
        ("args.to[*]", r#"{"to":null}"#, false, false),
        ("args.to[*]", r#"{}"#, false, false),
        ("args.to[*]", r#"{"to":"a@corp"}"#, false, true),
        ("args.to[*]", r#"{"to":"[\"b@else\"]"}"#, false, true),
        ("args.to[*]", r#"{"to":{"0":"b@else"}}"#, false, true),
        ("args.to[0]", r#"{"to":["b@else","a@corp"]}"#, false, false),
        ("args.to[1]", r#"{"to":["b@else","a@corp"]}"#, true, true),
        ("args.to[2]", r#"{"to":["b@else","a@corp"]}"#, false, false),
        ("args.m[*].to[*]", r#"{"m":[{"to":["a@corp"]},{"to":["b@corp"]}]}"#, true, true),
        ("args.m[*].to[*]", r#"{"m":[{"to":["a@corp"]},{"to":[]}]}"#, false, true),
        ("args.m[*].to[*]", r#"{"m":[{"to":["b@else"]},{}]}"#, false, false),
        ("args.m[*].to[*]", r#"{"m":[{"to":["b@else"]},7]}"#, false, true),
        ("args.m[0].to", r#"{"m":"[{\"to\":\"b@else\"}]"}"#, false, true),
        ("args[\"a.b\"].to", r#"{"a.b":{"to":"a@corp"},"a":{"b":{"to":"x"}}}"#, true, true),
        ("args.to", r#"{"To":"a@corp"}"#, false, true),
        ("args.to", r#"{"to":"b@else","TO":"a@corp"}"#, false, true),
    ] {
        let [require, deny_if] = judged_at(path, "ends_with", "\"@corp\"", arguments);
        assert_eq!((require.is_none(), deny_if.is_some()), (required, denied), "{path} {arguments}");
    }
}

#[test]
fn exists_is_judged_over_all_elements_of_a_wildcard() {
    for (arguments, present_in_all, present_in_some, absent_in_some) in [
        (r#"{"items":[{"x":1},{"x":2}]}"#, true, true, false),
        (r#"{"items":[{"x":1},{}]}"#, false, true, true),
        (r#"{"items":[{"x":null},{}]}"#, false, false, true),
        (r#"{"items":[]}"#, false, false, true),
        (r#"{}"#, false, false, true),
    ] {
        let [requires, denies] = judged_at("args.items[*].x", "exists", "true", arguments);
        assert_eq!((requires.is_none(), denies.is_some()), (present_in_all, present_in_some), "{arguments}");
        let [requires, denies] = judged_at("args.items[*].x", "exists", "false", arguments);
        assert_eq!((requires.is_none(), denies.is_some()), (!present_in_some, absent_in_some), "{arguments}");
    }
}
