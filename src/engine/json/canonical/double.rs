//! Doubles as ECMAScript writes them (RFC 8785, section 3.2.2.3).

/// 2^26.
const SMALLEST_STEP: f64 = 67_108_864.0;

/// Writes a finite double in the shortest digits that read back as it.
pub(super) fn ecmascript(double: f64) -> Option<String> {
    if double == 0.0 {
        return Some("0".to_owned());
    }
    let scientific = format!("{:e}", double.abs());
    let (mantissa, exponent) = scientific.split_once('e')?;
    let digits = even(mantissa.replace('.', ""), double.abs());
    let count = i32::try_from(digits.len()).ok()?;
    // The number is 0.digits × 10^point.
    let point = exponent.parse::<i32>().ok()?.checked_add(1)?;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    let plain = match point {
        point if count <= point && point <= 21 => format!("{digits}{}", zeros(point.checked_sub(count)?)),
        point @ 1..=21 => {
            let (whole, fraction) = digits.split_at_checked(usize::try_from(point).ok()?)?;
            format!("{whole}.{fraction}")
        }
        point @ -5..=0 => format!("0.{}{digits}", zeros(point.checked_neg()?)),
        point => {
            let (first, rest) = digits.split_at_checked(1)?;
            let fraction = if rest.is_empty() { String::new() } else { format!(".{rest}") };
            format!("{first}{fraction}e{:+}", point.checked_sub(1)?)
        }
    };
    Some(if double < 0.0 { format!("-{plain}") } else { plain })
}

/// Returns the shortest digits of a double as ECMAScript wants them: of two that are equally near the one
/// that is even, where Rust takes the larger.
fn even(digits: String, double: f64) -> String {
    /// Texts with fewer digits have a double each, so that no two of them are near one.
    const LEAST_DIGITS: usize = 16;
    /// Beyond what a double in the range below has.
    const MOST_DIGITS: usize = 60;
    // Half-way between two texts of 17 digits or fewer is a number of 18 or fewer. Of a double that is no
    // multiple of 2^-26, or has 40 digits before its point, more digits than that are not zero.
    let in_range = double < 1e40 && (double * SMALLEST_STEP).fract() == 0.0;
    let front = digits.split_at_checked(digits.len().saturating_sub(1));
    let Some((front, last)) = front.filter(|_| in_range && digits.len() >= LEAST_DIGITS) else {
        return digits;
    };
    let lower = match last.as_bytes().first() {
        Some(last @ (b'1' | b'3' | b'5' | b'7' | b'9')) => {
            format!("{front}{}", char::from(last.saturating_sub(1)))
        }
        _ => return digits,
    };
    let exact = format!("{double:.MOST_DIGITS$e}").replace('.', "");
    let rest = exact.strip_prefix(&lower).and_then(|rest| rest.strip_prefix('5'));
    let zeros =
        |rest: &str| rest.split('e').next().is_some_and(|rest| rest.bytes().all(|digit| digit == b'0'));
    if rest.is_some_and(zeros) { lower } else { digits }
}

#[cfg(test)]
mod tests {
    use super::super::Canonical;
    use super::*;
    use crate::json;

    /// RFC 8785, appendix B: doubles by their bits, and their texts.
    #[test]
    fn doubles_are_written_as_the_rfc_lists_them() {
        for (bits, expected) in [
            (0x0000000000000000, "0"),
            (0x8000000000000000, "0"),
            (0x0000000000000001, "5e-324"),
            (0x8000000000000001, "-5e-324"),
            (0x7fefffffffffffff, "1.7976931348623157e+308"),
            (0xffefffffffffffff, "-1.7976931348623157e+308"),
            (0x4340000000000000, "9007199254740992"),
            (0xc340000000000000, "-9007199254740992"),
            (0x4430000000000000, "295147905179352830000"),
            (0x44b52d02c7e14af5, "9.999999999999997e+22"),
            (0x44b52d02c7e14af6, "1e+23"),
            (0x44b52d02c7e14af7, "1.0000000000000001e+23"),
            (0x444b1ae4d6e2ef4e, "999999999999999700000"),
            (0x444b1ae4d6e2ef4f, "999999999999999900000"),
            (0x444b1ae4d6e2ef50, "1e+21"),
            (0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"),
            (0x3eb0c6f7a0b5ed8d, "0.000001"),
            (0x41b3de4355555553, "333333333.3333332"),
            (0x41b3de4355555554, "333333333.33333325"),
            (0x41b3de4355555555, "333333333.3333333"),
            (0x41b3de4355555556, "333333333.3333334"),
            (0x41b3de4355555557, "333333333.33333343"),
            (0xbecbf647612f3696, "-0.0000033333333333333333"),
            (0x43143ff3c1cb0959, "1424953923781206.2"),
        ] {
            assert_eq!(ecmascript(f64::from_bits(bits)).as_deref(), Some(expected), "{bits:016x}");
        }
    }

    proptest::proptest! {
        #[test]
        fn of_two_texts_that_are_equally_near_the_even_one_is_written(whole in 1_u64 << 50..1 << 51, quarter in 0_u8..4) {
            #[expect(clippy::cast_precision_loss, reason = "it is small enough for a double")]
            let double = whole as f64 + f64::from(quarter) / 4.0;
            let mut buffer = ryu_js::Buffer::new();
            let written = ecmascript(double).unwrap();
            proptest::prop_assert_eq!(&written, buffer.format_finite(double));
        }

        #[test]
        fn doubles_are_written_as_another_program_writes_them(bits: u64) {
            let double = f64::from_bits(bits);
            proptest::prop_assume!(double.is_finite());
            let written = ecmascript(double).unwrap();
            let mut buffer = ryu_js::Buffer::new();
            proptest::prop_assert_eq!(&written, buffer.format_finite(double));
            let document = json::read(written.as_bytes()).unwrap();
            let form = Canonical::of(document.root());
            proptest::prop_assert!(form.is_exact());
            proptest::prop_assert_eq!(form.into_text(), written);
        }
    }
}
