//! Scalars as Envoy reads them (`source/common/protobuf/yaml_utility.cc` and yaml-cpp), as seen with Envoy 1.40.

use crate::input::node::Value;

/// Returns what a scalar means to Envoy. Decimals stay strings, and so do integers beyond 32 bits: a reader that wants
/// a number reads them as one. A tag other than `!` only takes away the effect of quotes.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Value {
    let is_string = match tag {
        Some("!") => true,
        Some(_) => false,
        None => !plain,
    };
    if is_string {
        return Value::Text(text.to_owned());
    }
    if tag.is_none() && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    if let Some(flag) = boolean(text) {
        return Value::Bool(flag);
    }
    match integer(text) {
        Some(integer) if i32::try_from(integer).is_ok() => Value::Number(integer.to_string()),
        Some(integer) => Value::Text(integer.to_string()),
        None => Value::Text(text.to_owned()),
    }
}

/// Reads the words of YAML 1.1, each in lower case, in upper case or with a capital letter.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Reads an integer of 64 bits as C's `%i` does: decimal, `0x` for hexadecimal, `0` for octal.
fn integer(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (unsigned.get(2..)?, 16),
        [b'0', _, ..] => (unsigned.get(1..)?, 8),
        _ => (unsigned, 10),
    };
    // A second sign is no digit.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).ok()?;
    let signed = if text.starts_with('-') { size.checked_neg()? } else { size };
    i64::try_from(signed).ok()
}
