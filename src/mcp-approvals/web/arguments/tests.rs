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
        ("{\"amount\":1,\"\u{430}mount\":2}", true),
        (r#"{"total":1,"tota1":2}"#, true),
        (r#"{"amount":1,"currency":"EUR"}"#, false),
        (r#"{"a":{"x":1},"b":{"x":1}}"#, false),
    ] {
        assert_eq!(Arguments::of(text).alike, expected, "{text}");
    }
}

#[test]
fn keys_that_look_alike_are_marked_and_others_are_not() {
    let html = html("{\"amount\":1,\"to\":2,\"\u{430}mount\":3}");
    assert_eq!(html.matches("looks like another key").count(), 2, "{html}");
    assert!(!html.contains("<bdi>to</bdi></span> <span class=\"mark\">"), "{html}");
}

#[test]
fn look_alikes_stay_visible_and_are_followed_by_their_alphabet() {
    let mark = |label: &str| format!("<span class=\"mark\" dir=\"ltr\">⟨{label}⟩</span>");
    for (text, expected) in [
        (
            "{\"url\":\"https://\u{430}pple.com\"}",
            format!("https://<span class=\"odd\">\u{430}</span>{}pple.com", mark("Cyrillic")),
        ),
        ("{\"\u{3b1}dmin\":1}", format!("<span class=\"odd\">\u{3b1}</span>{}dmin", mark("Greek"))),
    ] {
        let arguments = Arguments::of(text);
        assert_eq!(arguments.unseen.alphabets.len(), 1, "{text}");
        let html = arguments.markup.into_string();
        assert!(html.contains(&expected), "{text}: {html}");
    }
    let many = format!("{{\"a\":\"{}\"}}", "a\u{430}".repeat(500_000));
    let html = html(&many);
    assert!(html.len() < 30_000, "{}", html.len());
}

#[test]
fn long_values_are_folded_and_come_last() {
    let text = format!(
        "{{\"body\":\"{}\",\"lines\":\"{}\",\"rows\":[{}],\"amount\":12,\"memo\":\"short\"}}",
        "x".repeat(301),
        "y\\n".repeat(7),
        vec!["\"row\""; 60].join(","),
    );
    let html = html(&text);
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}: {html}"));
    let keys = ["amount", "memo", "body", "lines", "rows"].map(|key| at(&format!("<bdi>{key}</bdi>")));
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(html.matches("<details class=\"fold\">").count(), 3, "{html}");
    for summary in ["Show all 301 characters", "Show all 14 characters", "Show the list of 60"] {
        at(summary);
    }
    // The whole value is on the page, so that it can be read without a script.
    at(&"x".repeat(301));
}

#[test]
fn the_list_shows_the_first_short_arguments() {
    let long = "x".repeat(400);
    for (text, expected, absent) in [
        (r#"{"to":"a","amount":12.50}"#.to_owned(), vec!["<bdi>a</bdi>", "<bdi>12.50</bdi>"], "more"),
        (
            format!("{{\"body\":\"{long}\",\"a\":1,\"b\":true,\"c\":null}}"),
            vec!["and 1 more", "<bdi>null</bdi>"],
            "body",
        ),
        (format!("{{\"body\":\"{long}\"}}"), vec!["body", "xxx</bdi>…"], "more"),
        (r#"{"rows":[1,2],"text":" "}"#.to_owned(), vec!["list of 2", "empty text"], "more"),
        ("{\"url\":\"\u{430}pple.com\"}".to_owned(), vec!["⟨Cyrillic⟩"], "more"),
        ("{}".to_owned(), vec!["No arguments."], "<dl"),
        (String::new(), vec!["The arguments are long"], "<dl"),
    ] {
        let html = brief(&text).into_string();
        for expected in expected {
            assert!(html.contains(expected), "{text}: {html}");
        }
        assert!(!html.contains(absent) && html.len() < 1_500, "{text}: {html}");
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
        ("strings of look-alikes", wide(&format!("\"{}\"", "\u{430}a".repeat(300)), 500), 2_500_000),
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
