//! Hostile arguments, and how they are shown.

use super::*;

fn html(text: &str) -> String {
    Arguments::of(text).markup.into_string()
}

#[test]
fn each_type_is_distinguishable() {
    for (text, expected) in [
        (r#"{"a":"b"}"#, "<span class=\"string\"><bdi>b</bdi></span>"),
        (r#"{"a":"true"}"#, "<span class=\"string\"><bdi>true</bdi></span>"),
        (r#"{"a":true}"#, "<span class=\"word\">true</span>"),
        (r#"{"a":null}"#, "<span class=\"word\">null</span>"),
        (r#"{"a":1e3}"#, "<span class=\"number\"><bdi>1e3</bdi></span>"),
        (r#"{"a":12345678901234567890.10}"#, "<bdi>12345678901234567890.10</bdi>"),
        (r#"{"a":-0}"#, "<bdi>-0</bdi>"),
        (r#"{"a":[]}"#, "<span class=\"nothing\">no elements</span>"),
        (r#"{"a":{}}"#, "<span class=\"nothing\">no members</span>"),
        (r#"{"":1}"#, "empty key"),
        (r#"{"a":[1,2]}"#, "<span class=\"index\">[1]</span>"),
        ("{}", "No arguments."),
        ("nonsense", "not valid JSON"),
    ] {
        let html = html(text);
        assert!(html.contains(expected), "{text}: {html}");
    }
}

#[test]
fn hostile_arguments_are_escaped_and_marked() {
    for (text, expected) in [
        (r#"{"<script>":"</dd><script src=x>"}"#, "&lt;/dd&gt;&lt;script src=x&gt;"),
        (r#"{"a\" onclick=\"x":1}"#, "a&quot; onclick=&quot;x"),
        (r#"{"to":"\u202etxt.exe"}"#, "⟨U+202E⟩"),
        (r#"{"a":"\u0000"}"#, "⟨U+0000⟩"),
        (
            r#"{"amount\u200b":1}"#,
            "amount<span class=\"mark\" dir=\"ltr\" title=\"zero width space\">⟨U+200B⟩</span>",
        ),
        (r#"{"amount ":1}"#, "⟨U+0020⟩"),
    ] {
        let html = html(text);
        assert!(html.contains(expected), "{text}: {html}");
        assert!(!html.contains("<script"), "{html}");
    }
}

#[test]
fn keys_that_look_alike_are_detected() {
    for (text, expected) in [
        (r#"{"amount":1,"Amount":2}"#, true),
        (r#"{"amount":1,"amount\u200b":2}"#, true),
        (r#"{"a":{"to_user":1,"toUser":2}}"#, true),
        (r#"{"amount":1,"currency":"EUR"}"#, false),
        (r#"{"a":{"x":1},"b":{"x":1}}"#, false),
    ] {
        assert_eq!(Arguments::of(text).alike, expected, "{text}");
    }
}

#[test]
fn rendered_arguments_have_a_bounded_size() {
    let megabyte = 1 << 20;
    let nested = |times: usize| format!("{{\"a\":{}1{}}}", "[".repeat(times), "]".repeat(times));
    let wide = |unit: &str, times: usize| format!("{{\"a\":[{}]}}", vec![unit; times].join(","));
    let keys: Vec<String> = (0..10_000).map(|index| format!("\"key{index}\":{index}")).collect();
    let long_key = format!("{{\"{}\":1}}", "k".repeat(megabyte));
    for (name, text, most) in [
        ("one string", format!("{{\"a\":\"{}\"}}", "x".repeat(megabyte)), 10_000),
        ("one number", format!("{{\"a\":{}}}", "1".repeat(megabyte)), 10_000),
        ("one key", long_key, 2_000),
        ("depth 99", nested(99), 5_000),
        ("depth 500,000", nested(500_000), 5_000),
        ("numbers", wide("1", 10_000), 60_000),
        ("members", format!("{{{}}}", keys.join(",")), 60_000),
        ("objects", wide("{\"a\":[1,2,3],\"b\":{\"c\":null}}", 10_000), 500_000),
        ("long strings", wide(&format!("\"{}\"", "x".repeat(3000)), 300), 400_000),
        ("strings of marks", wide(&format!("\"{}\"", "\\u202ea".repeat(300)), 500), 1_500_000),
    ] {
        let arguments = Arguments::of(&text);
        let html = arguments.markup.into_string();
        assert!(html.len() < most, "{name}: {}", html.len());
        assert!(arguments.shortened, "{name}");
    }
}

#[test]
fn early_members_do_not_push_out_later_ones() {
    let filler = vec!["[1,[2,[3]]]"; 180].join(",");
    let bulk = format!("[{}]", vec![format!("[{filler}]"); 20].join(","));
    let text = format!("{{\"note\":{bulk},\"text\":\"{}\",\"amount\":987654}}", "x".repeat(500_000));
    let arguments = Arguments::of(&text);
    let html = arguments.markup.into_string();
    assert!(arguments.shortened);
    assert!(html.contains("<bdi>987654</bdi>") && html.len() < 500_000, "{}", html.len());
}

#[test]
fn small_members_leave_space_for_large_ones() {
    let row = r#"{"id":1,"name":"row","tags":["a","b"]}"#;
    let text = format!("{{\"rows\":[{}],\"table\":\"customers\"}}", vec![row; 200].join(","));
    let arguments = Arguments::of(&text);
    assert!(!arguments.shortened);
    assert_eq!(arguments.markup.into_string().matches("<bdi>b</bdi>").count(), 200);
}

#[test]
fn ordinary_arguments_are_shown_completely() {
    let text = r#"{"to":["a@example.com"],"amount":12.50,"memo":"Two\nlines","options":{"urgent":true}}"#;
    let arguments = Arguments::of(text);
    assert!(!arguments.shortened && !arguments.alike && arguments.unseen.counts.is_empty());
}
