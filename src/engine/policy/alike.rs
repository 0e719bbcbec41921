//! Texts that servers could read as the same value.

use crate::json::decimal;
use crate::text::trimmed;

/// The longest text that has a name, in bytes.
pub const LONGEST: usize = 1024;

/// Returns a name that all texts have which servers could read as the same value: numbers have one notation, and `true` and
/// `false` are numbers.
///
/// `None` if a text has no name: it is too long, or has a NUL, where some servers end it; it reads as null; only some servers
/// read it as a number, such as `1_0`; or it is a number which servers round, other than an id of digits.
#[must_use]
pub fn name_of_text(text: &str) -> Option<Box<str>> {
    if text.len() > LONGEST || text.contains('\0') {
        return None;
    }
    let trimmed = trimmed(text);
    let unsigned = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if is_number(unsigned) {
        // Long ids are digits alone, and kept as strings. Nobody writes other numbers with so many digits.
        let digits = unsigned.strip_prefix('-').unwrap_or(unsigned);
        let is_id = digits.bytes().all(|byte| byte.is_ascii_digit());
        return (is_id || decimal::is_short(unsigned)).then(|| name_of_number(unsigned));
    }
    match trimmed {
        "null" => return None,
        // Some servers read white space as nothing, or as 0.
        "" => return Some("".into()),
        _ => {}
    }
    if trimmed.eq_ignore_ascii_case("true") {
        return Some(name_of_number("1"));
    }
    if trimmed.eq_ignore_ascii_case("false") {
        return Some(name_of_number("0"));
    }
    if let Some(name) = name_in_base(unsigned) {
        return Some(name);
    }
    // Some servers read digits of other scripts, and `_` between digits.
    let plain: String = unsigned
        .chars()
        .filter(|char| *char != '_')
        .map(|char| if char.is_numeric() && !char.is_ascii() { '0' } else { char })
        .collect();
    (!is_number(&plain) && name_in_base(&plain).is_none()).then(|| text.into())
}

/// Tells whether a text without white space around it is a number, or a boolean as JSON has it.
#[must_use]
pub fn is_number_or_bool(text: &str) -> bool {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let is_bool = ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    is_bool || is_number(unsigned) || name_in_base(unsigned).is_some()
}

/// Returns the one notation of a number.
#[must_use]
pub fn name_of_number(text: &str) -> Box<str> {
    let mut name = String::new();
    decimal::normalize(&mut name, text);
    name.into()
}

/// Returns the name of a hexadecimal, octal or binary number, which JavaScript reads. One of more than 64 bits, such as an
/// address of a wallet, keeps its digits.
fn name_in_base(text: &str) -> Option<Box<str>> {
    let (sign, number) = text.strip_prefix('-').map_or(("", text), |number| ("-", number));
    let base = match number.get(..2)? {
        "0x" | "0X" => 16,
        "0o" | "0O" => 8,
        "0b" | "0B" => 2,
        _ => return None,
    };
    let digits = number.get(2..).filter(|digits| !digits.is_empty())?;
    if !digits.chars().all(|char| char.is_digit(base)) {
        return None;
    }
    Some(match u64::from_str_radix(digits, base) {
        Ok(small) => name_of_number(&format!("{sign}{small}")),
        Err(_) => {
            let digits = digits.trim_start_matches('0').to_ascii_lowercase();
            format!("{sign}{base} {digits}").into()
        }
    })
}

/// Tells whether a text is a decimal number, perhaps with leading zeros or without digits on one side of the
/// point.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let power = |text: &str| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    };
    !(whole.is_empty() && fraction.is_empty())
        && digits(whole)
        && digits(fraction)
        && exponent.is_none_or(power)
}
