//! Decimals against big integers and doubles.

use super::*;
use num_bigint::BigInt;
use proptest::prelude::*;

/// The oracle: a number as a big integer times 10^-`SCALE`.
const SCALE: i64 = 900;

fn scaled(text: &str) -> BigInt {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let decimals = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits: BigInt = mantissa.replace('.', "").parse().unwrap();
    let shift = SCALE + exponent.parse::<i64>().unwrap() - i64::try_from(decimals).unwrap();
    digits * BigInt::from(10).pow(u32::try_from(shift).unwrap())
}

/// Any JSON number with up to 40 digits on each side and exponents up to ±420.
fn number() -> impl Strategy<Value = String> {
    let edges = prop::sample::select(vec![
        "0",
        "-0",
        "0.0",
        "0e9",
        "1",
        "1.0",
        "10e-1",
        "9007199254740992",
        "9007199254740993",
        "0.1",
        "1e308",
        "5e-324",
        "18446744073709551615",
        "-9223372036854775808",
    ]);
    prop_oneof![
        1 => edges.prop_map(str::to_owned),
        2 => "-?(0|[1-9][0-9]{0,2})(\\.[0-9]{1,2})?([eE][+-]?[0-3])?",
        1 => "-?(0|[1-9][0-9]{0,39})(\\.[0-9]{1,40})?",
        1 => "-?(0|[1-9]0{0,39})(\\.0{0,39}[0-9])?([eE][+-]?(0?[0-9]{1,2}|[1-3][0-9]{2}|4[01][0-9]))?",
    ]
}

#[test]
fn numbers_compare_by_what_they_amount_to() {
    for (a, expected, b) in [
        ("1", Ordering::Equal, "1.0"),
        ("1", Ordering::Equal, "1e0"),
        ("1", Ordering::Equal, "10E-1"),
        ("1", Ordering::Equal, "0.01e+2"),
        ("100", Ordering::Equal, "1e2"),
        ("0", Ordering::Equal, "-0"),
        ("0", Ordering::Equal, "-0.0e5"),
        ("0", Ordering::Equal, "0e999999999999999999999"),
        ("0", Ordering::Greater, "-1e-400"),
        ("0", Ordering::Less, "1e-400"),
        ("9007199254740992", Ordering::Less, "9007199254740993"),
        ("9007199254740993", Ordering::Equal, "9007199254740993.0"),
        ("-9007199254740993", Ordering::Less, "-9007199254740992"),
        ("0.1", Ordering::Equal, "0.10"),
        ("0.1", Ordering::Less, "0.1000000000000000055511151231257827"),
        ("0.3", Ordering::Less, "0.30000000000000000000000000000000000000000001"),
        ("1e400", Ordering::Greater, "9e399"),
        ("-1e400", Ordering::Less, "1e-400"),
        ("2", Ordering::Less, "10"),
        ("-2", Ordering::Greater, "-10"),
        ("0.02", Ordering::Less, "0.1"),
        ("1e99999999999999999999", Ordering::Greater, "1e400"),
        ("1e-99999999999999999999", Ordering::Less, "1e-400"),
    ] {
        assert_eq!(compare(a, b), expected, "{a} {b}");
        assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
    }
}

#[test]
fn an_integer_has_no_fractional_part() {
    for text in ["0", "-0.0", "1", "-1.0", "1e2", "1.5e1", "100e-2", "1.50e1", "0e-5", "1e400"] {
        assert!(is_integer(text), "{text}");
    }
    for text in ["0.1", "-1.5", "1e-1", "1.55e1", "101e-2", "1e-400", "9007199254740993.5"] {
        assert!(!is_integer(text), "{text}");
    }
}

#[test]
fn multiples_are_exact() {
    let long = "1234567890123456789012345678901234567891";
    for (a, b, expected) in [
        ("0.3", "0.1", Some(true)),
        ("19.99", "0.01", Some(true)),
        ("19.995", "0.01", Some(false)),
        ("9007199254740993", "2", Some(false)),
        ("9007199254740993", "3", Some(true)),
        ("-6", "3", Some(true)),
        ("6", "-4", Some(false)),
        ("1e308", "7e-300", Some(false)),
        ("7e308", "7e-300", Some(true)),
        ("1e300", "1024", Some(true)),
        ("4.5", "1.5", Some(true)),
        ("0", "5", Some(true)),
        ("-0.0", "0.5", Some(true)),
        ("5", "0", None),
        ("0", "0", None),
        ("1", long, Some(false)),
        (long, "1", Some(true)),
        (long, long, None),
    ] {
        assert_eq!(is_multiple(a, b), expected, "{a} {b}");
    }
}

proptest! {
    #[test]
    fn a_short_number_is_what_its_double_is_written_as(digits in 0_u64..1_000_000_000_000_000, exponent in -310..290) {
        let text = format!("{digits}e{exponent}");
        let kept: f64 = text.parse().unwrap();
        if Decimal::read(&text).is_short() {
            prop_assert_eq!(compare(&format!("{kept:e}"), &text), Ordering::Equal);
        }
    }

    #[test]
    fn numbers_are_what_big_integers_say(a in number(), b in number()) {
        let (x, y) = (scaled(&a), scaled(&b));
        let zero = BigInt::ZERO;
        prop_assert_eq!(compare(&a, &b), x.cmp(&y));
        let [p, q] = [&a, &b].map(|text| {
            let mut out = String::new();
            normalize(&mut out, text);
            out
        });
        prop_assert_eq!(p == q, x == y);
        prop_assert_eq!(compare(&p, &a), Ordering::Equal);
        prop_assert_eq!(is_integer(&a), &x % BigInt::from(10).pow(u32::try_from(SCALE).unwrap()) == zero);
        match is_multiple(&a, &b) {
            Some(multiple) => prop_assert_eq!(multiple, &x % &y == zero),
            None => prop_assert!(y == zero || b.len() > DIVISOR_DIGITS),
        }
    }

    #[test]
    fn a_product_is_a_multiple(factor in 1_u32.., divisor in 1_u64.., decimals in 0_usize..9) {
        let product = u128::from(factor) * u128::from(divisor);
        let zeros = "0".repeat(decimals);
        prop_assert_eq!(is_multiple(&format!("{product}{zeros}"), &divisor.to_string()), Some(true));
        let (a, b) = (format!("{product}e-{decimals}"), format!("{divisor}e-{decimals}"));
        prop_assert_eq!(is_multiple(&a, &b), Some(true));
    }

    #[test]
    fn no_text_is_too_odd_to_read(a in ".{0,12}", b in ".{0,12}") {
        let _ = (compare(&a, &b), is_integer(&a), is_multiple(&a, &b));
    }
}
