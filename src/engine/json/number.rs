//! Which numbers every server holds alike.

/// How a number's text fits what JSON libraries hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// An integer of `i64` or `u64`, without fraction or exponent.
    Integer,
    /// A number that an IEEE 754 double holds, to its precision.
    Double,
    /// Some libraries round it, some make it infinite or zero, some refuse it.
    Unfit,
}

/// Tells how the number `text` (RFC 8259, section 6) fits. Integers go up to 64 bits, everything
/// else up to the finite doubles; a number that is not zero but would be read as zero fits nothing.
#[must_use]
pub fn fit(text: &str) -> Fit {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        let fits = text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
        return if fits { Fit::Integer } else { Fit::Unfit };
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let zero = !mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && (value != 0.0 || zero) => Fit::Double,
        _ => Fit::Unfit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_fit_64_bits_and_doubles_fit_finite_range() {
        for (text, expected) in [
            ("0", Fit::Integer),
            ("-0", Fit::Integer),
            ("9007199254740993", Fit::Integer),
            ("18446744073709551615", Fit::Integer),
            ("-9223372036854775808", Fit::Integer),
            ("18446744073709551616", Fit::Unfit),
            ("-9223372036854775809", Fit::Unfit),
            ("0.1", Fit::Double),
            ("1e308", Fit::Double),
            ("0e999", Fit::Double),
            ("-0.0", Fit::Double),
            ("1e400", Fit::Unfit),
            ("-1e400", Fit::Unfit),
            ("1e-400", Fit::Unfit),
            ("5e-324", Fit::Double),
        ] {
            assert_eq!(fit(text), expected, "{text}");
        }
        assert_eq!(fit(&"9".repeat(5000)), Fit::Unfit);
    }
}
