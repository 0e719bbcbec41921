use super::*;

fn shown(text: &str, name: bool) -> String {
    let odd = find(text, name);
    let found: Vec<_> =
        odd.into_iter().map(|odd| format!("{}:{}", text.get(odd.place).unwrap(), odd.label)).collect();
    found.join(" ")
}

#[test]
fn look_alikes_are_found_where_they_can_mislead() {
    for (text, expected) in [
        ("https://\u{430}pple.com", "\u{430}:Cyrillic"),
        ("https://\u{430}\u{440}\u{440}\u{4cf}\u{435}.com", "\u{430}\u{440}\u{440}\u{4cf}\u{435}:Cyrillic"),
        ("pay \u{440}\u{430}ypal now", "\u{440}\u{430}:Cyrillic"),
        ("\u{430}mount", "\u{430}:Cyrillic"),
        ("g\u{131}thub.com", "\u{131}:U+0131"),
        ("\u{ff41}dmin@corp.example", "\u{ff41}:U+FF41"),
        ("\u{1d41a}dmin", "\u{1d41a}:U+1D41A"),
        ("corp.example\u{2215}evil.example", "\u{2215}:U+2215"),
        ("p\u{3b1}ssword", "\u{3b1}:Greek"),
        ("\u{421}\u{43f}\u{430}c\u{438}\u{431}\u{43e}", "c:Latin"),
        ("\u{440}\u{430}\u{443}_invoice", "\u{440}\u{430}\u{443}:Cyrillic"),
        ("1\u{660}0", "\u{660}:Arabic"),
    ] {
        assert_eq!(shown(text, false), expected, "{text}");
    }
    for (text, expected) in
        [("k\u{131}l", "\u{131}:U+0131"), ("a\u{2215}b", "\u{2215}:U+2215"), ("\u{2019}a", "\u{2019}:U+2019")]
    {
        assert_eq!(shown(text, true), expected, "{text}");
    }
}

#[test]
fn ordinary_text_in_any_language_is_not_marked() {
    for text in [
        "plain, https://example.com/a?b=c",
        "Grüße aus Köln, naïve café – “quoted” don’t… 50 €",
        "Оплата за iPhone, а также со скидкой: https://example.com/счёт",
        "почта.рф",
        "Ταχυδρομείο και e-mail",
        "Tシャツを3枚、東京タワー",
        "中文和English混用",
        "한국어 텍스트, KB국민은행",
        "שלום עולם",
        "kapı þetta",
        "x² + y³ ≤ 5 µm",
    ] {
        assert_eq!(shown(text, false), "", "{text}");
    }
    for name in ["Zoë Müller", "Łukasz", "имя", "ключ_оплаты", "金額"] {
        assert_eq!(shown(name, true), "", "{name}");
    }
}

#[test]
fn names_that_look_alike_have_one_appearance() {
    for (one, other, alike) in [
        ("amount", "\u{430}mount", true),
        ("amount", "AMO\u{200b}UNT", true),
        ("amount", "amo_unt", true),
        ("to_all", "to_a11", true),
        ("\u{440}\u{430}\u{443}", "pay", true),
        ("amount", "account", false),
        ("to", "cc", false),
        ("сумма", "тема", false),
    ] {
        assert_eq!(appearance(one) == appearance(other), alike, "{one} {other}");
    }
}

#[test]
fn the_number_of_marks_is_bounded() {
    let text = "a\u{430}".repeat(100_000);
    assert!(find(&text, false).len() <= MAX_MARKS);
    let text = "a\u{430} ".repeat(100_000);
    assert!(find(&text, true).len() <= MAX_MARKS);
}
