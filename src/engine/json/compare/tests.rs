use super::*;
use proptest::prelude::*;

fn order(sent: &str, known: &str) -> Option<Ordering> {
    Known::new(known).order(Sent::new(sent))
}

fn holds(known: &str, sent: &str) -> Result<bool, Doubt> {
    KnownSet::new(known.split(' ')).holds(Sent::new(sent))
}

#[test]
fn an_order_that_depends_on_the_server_is_in_doubt() {
    for (sent, known, expected) in [
        ("0.1", "0.1", Some(Ordering::Equal)),
        ("1e3", "1000", Some(Ordering::Equal)),
        ("-0", "0", Some(Ordering::Equal)),
        ("0", "-0.0", Some(Ordering::Equal)),
        ("-0.0", "-0", Some(Ordering::Equal)),
        ("12.10000000000000142", "50", Some(Ordering::Less)),
        // A double makes 9007199254740992 of it.
        ("9007199254740993", "9007199254740992", None),
        ("-9007199254740993", "-9007199254740992", None),
        ("9007199254740993", "9007199254740993", Some(Ordering::Equal)),
        ("9007199254740992", "9007199254740993", Some(Ordering::Less)),
        ("9007199254740993", "9007199254740991", Some(Ordering::Greater)),
        ("1234567890123456789", "1234567890123456768", None),
        // JavaScript writes the double of this number so.
        ("1234567890123456789", "1234567890123456800", None),
        ("1234567890123456789.0", "1234567890123456768", None),
        ("18446744073709551614", "18446744073709551615", None),
        ("18446744073709551615", "18446744073709551614", Some(Ordering::Greater)),
        ("9007199254740992.0", "9007199254740992", Some(Ordering::Equal)),
        ("9007199254740993.0", "9007199254740992", None),
        ("9007199254740993.0", "9007199254740993", None),
        ("666.00000000000001", "666", None),
        ("665.99999999999999", "666", None),
        ("0.10000000000000001", "0.1", None),
        ("0.1", "0.10000000000000001", None),
        ("10.00000000000000000001", "10", None),
        ("5e-324", "0", Some(Ordering::Greater)),
        ("1e23", "1e23", Some(Ordering::Equal)),
    ] {
        assert_eq!(order(sent, known), expected, "{sent} {known}");
    }
}

#[test]
fn a_fraction_next_to_an_integer_of_the_set_is_in_doubt() {
    for (known, sent, expected) in [
        ("1", "1", Ok(true)),
        ("1", "1.0", Ok(true)),
        ("1", "1e0", Ok(true)),
        ("1.0", "1", Ok(true)),
        ("1", "1.9", Err(Doubt::Fraction)),
        ("1e0", "1.9", Err(Doubt::Fraction)),
        ("2", "1.9", Err(Doubt::Fraction)),
        ("1 2", "2.5", Err(Doubt::Fraction)),
        ("0", "0.5", Err(Doubt::Fraction)),
        ("0", "-0.5", Err(Doubt::Fraction)),
        ("-0", "0.5", Err(Doubt::Fraction)),
        ("-1", "-1.9", Err(Doubt::Fraction)),
        ("3 1.5", "1.5", Ok(true)),
        ("1.5", "1.9", Ok(false)),
        ("1", "2.1", Ok(false)),
        ("1 5", "3.5", Ok(false)),
        ("1 2 3", "4", Ok(false)),
        ("1", "1.00000000000000001", Err(Doubt::Digits)),
        ("9007199254740992", "9007199254740993", Err(Doubt::Digits)),
        ("9007199254740992 9007199254740993", "9007199254740993", Ok(true)),
        ("9007199254740993", "9007199254740992", Ok(false)),
    ] {
        assert_eq!(holds(known, sent), expected, "{sent} in {known}");
    }
    assert_eq!(KnownSet::new(std::iter::empty::<&str>()).holds(Sent::new("1")), Ok(false));
}

#[test]
fn a_test_with_another_result_for_a_double_is_in_doubt() {
    let even = |text: &str| decimal::is_multiple(text, "2");
    for (sent, expected) in [
        ("2", Some(true)),
        ("3", Some(false)),
        ("9007199254740993", None),
        ("9007199254740994", Some(true)),
        ("2.00000000000000001", None),
        ("2.5", Some(false)),
    ] {
        assert_eq!(Sent::new(sent).judge(even), expected, "{sent}");
    }
}

proptest! {
    #[test]
    fn what_a_double_keeps_is_compared_exactly(a: f64, b: f64) {
        prop_assume!(a.is_finite() && b.is_finite());
        let expected = a.partial_cmp(&b).unwrap();
        prop_assert_eq!(order(&format!("{a:e}"), &format!("{b}")), Some(expected));
        prop_assert_eq!(holds(&format!("{b}"), &format!("{a:e}")) == Ok(true), expected.is_eq());
    }

    #[test]
    fn integers_compare_exactly_or_not_at_all(a: i64, near in -3_i64..3, small in -20_i64..20) {
        for (a, b) in [(a, a.saturating_add(near)), (small, near), (a, small)] {
            let found = order(&a.to_string(), &b.to_string());
            prop_assert!(found.is_none_or(|found| found == a.cmp(&b)), "{a} {b} {found:?}");
            if a.unsigned_abs() < 1 << 53 {
                prop_assert_eq!(found, Some(a.cmp(&b)));
            }
        }
    }

    #[test]
    fn a_set_finds_what_a_search_finds(known in prop::collection::vec(-6_i32..6, 1..8), sent in -60_i32..60) {
        let texts: Vec<String> = known.iter().map(i32::to_string).collect();
        let text = format!("{}e-1", sent);
        let found = holds(&texts.join(" "), &text);
        let near = |known: &i32| (known * 10 - sent).abs() < 10;
        let expected = if known.iter().any(|known| known * 10 == sent) {
            Ok(true)
        } else if sent % 10 != 0 && known.iter().any(near) {
            Err(Doubt::Fraction)
        } else {
            Ok(false)
        };
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_number_that_has_to_be_read_digit_by_digit_counts_for_more_work() {
    let work = |text: &str| Sent::new(text).work();
    assert!(work("1.00000000000000011102") > 6 * work("0.30000000000000004"));
    let long = format!("1.00000000000000011102{}1", "0".repeat(200));
    assert!(work(&long) > long.len());
}

#[test]
fn what_a_test_cannot_tell_is_not_judged() {
    for sent in ["4", "4.5", "9007199254740993", "1e400"] {
        assert_eq!(Sent::new(sent).judge(|_| None), None, "{sent}");
    }
}
