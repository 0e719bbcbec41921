//! Which characters are marked, and how much of a text is shown.

use super::*;

fn name(text: &str) -> String {
    super::name(text).into_string()
}

#[test]
fn unseen_characters_are_marked() {
    for (text, expected) in [
        ("pay\u{202e}cod", "⟨U+202E⟩"),
        ("a\u{200b}b", "⟨U+200B⟩"),
        ("a\u{2066}b\u{2069}", "⟨U+2069⟩"),
        ("a\u{200f}", "⟨U+200F⟩"),
        ("a\u{61c}", "⟨U+061C⟩"),
        ("a\u{e0041}", "⟨U+E0041⟩"),
        ("a\u{a0}b", "⟨U+00A0⟩"),
        ("a\u{3000}b", "⟨U+3000⟩"),
        ("a\u{0}b", "⟨U+0000⟩"),
        ("a\u{1b}[2J", "⟨U+001B⟩"),
        ("a\u{9b}b", "⟨U+009B⟩"),
        ("a\u{feff}b", "⟨U+FEFF⟩"),
        ("a\u{fe0f}b", "⟨U+FE0F⟩"),
        ("a\u{3164}b", "⟨U+3164⟩"),
        ("a\nb", "⟨U+000A⟩"),
        ("amount ", "amount<span class=\"mark\" dir=\"ltr\" title=\"space\">⟨U+0020⟩</span>"),
        ("  amount", "⟨U+0020⟩×2</span>"),
        ("\u{301}a", "⟨U+0301⟩"),
        (
            "a\u{301}\u{301}\u{301}\u{301}b",
            "\u{301}\u{301}<span class=\"mark\" dir=\"ltr\" title=\"combining mark\">⟨U+0301⟩×2",
        ),
        (
            "a\u{200b}\u{200b}\u{200b}b",
            "a<span class=\"mark\" dir=\"ltr\" title=\"zero width space\">⟨U+200B⟩×3</span>b",
        ),
    ] {
        let shown = name(text);
        assert!(shown.contains(expected), "{text:?}: {shown}");
        assert!(shown.starts_with("<bdi>") && shown.ends_with("</bdi>"), "{shown}");
        assert!(!shown.chars().any(|char| unseen::name(char).is_some()), "{shown:?}");
    }
}

#[test]
fn html_is_escaped() {
    for (text, expected) in [
        ("<script>alert(1)</script>", "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"),
        ("\" onmouseover=\"x", "<bdi>&quot; onmouseover=&quot;x</bdi>"),
        ("&amp;", "<bdi>&amp;amp;</bdi>"),
        ("</bdi>", "<bdi>&lt;/bdi&gt;</bdi>"),
    ] {
        assert_eq!(name(text), expected);
    }
}

#[test]
fn ordinary_text_is_unchanged() {
    for text in ["", "pay_invoice", "Zoë Müller", "שלום 42", "支払い", "two  spaces", "e\u{301}"] {
        assert_eq!(name(text), format!("<bdi>{text}</bdi>"));
    }
    assert_eq!(
        show("a\n\tb", Form::STRING).markup.into_string(),
        "<bdi>a<span class=\"newline\">\n</span><span class=\"tab\">\t</span>b</bdi>"
    );
}

#[test]
fn a_long_text_keeps_its_ends_and_says_what_is_missing() {
    let text = format!("begin{}end", "x".repeat(1 << 20));
    let shown = show(&text, Form::STRING);
    let html = shown.markup.into_string();
    assert!(html.len() < 3000, "{}", html.len());
    assert!(html.starts_with("<bdi>beginx") && html.ends_with("xend</bdi>"));
    assert_eq!(shown.hidden, text.len() - 2048 - 256);
    assert!(html.contains("… 1,046,280 more characters …"), "{html}");
    assert_eq!(shown.cost, Form::STRING.space());
}

#[test]
fn a_text_of_marks_has_a_bounded_size() {
    for unit in ["\u{202e}a", "\u{80}\u{81}", "\u{300}", "\n", "\t", "\"", "a\u{e0041}"] {
        let html = show(&unit.repeat(500_000), Form::STRING).markup.into_string();
        assert!(html.len() < 32_000, "{unit:?}: {}", html.len());
    }
    let narrow = show(&"x".repeat(500), Form::STRING.within(80));
    assert_eq!((narrow.cost, narrow.hidden), (80, 420));
}

#[test]
fn a_title_is_shortened_and_marked() {
    for (text, expected) in [
        ("pay_invoice", "pay_invoice".to_owned()),
        ("a\u{202e}b\n", "a⟨U+202E⟩b⟨U+000A⟩".to_owned()),
        ("p\u{430}y", "p\u{430}⟨Cyrillic⟩y".to_owned()),
        (&"x".repeat(100), format!("{}…", "x".repeat(60))),
    ] {
        assert_eq!(plain(text), expected);
    }
}

#[test]
fn numbers_are_grouped() {
    for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_046_280, "1,046,280")] {
        assert_eq!(grouped(number), expected);
    }
}
