//! Scalars of Kubernetes objects, as kubectl and the API server turn YAML into JSON (`sigs.k8s.io/yaml`).

use super::{YAML_TAG, decimal, envoy};
use crate::input::node::Value;

/// Returns what a scalar means in a Kubernetes object.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let as_string = || Ok(Value::Text(text.to_owned()));
    let kind = match tag {
        None if !plain => return as_string(),
        None => return plain_scalar(text),
        Some("!") => return as_string(),
        Some(tag) => tag.strip_prefix(YAML_TAG),
    };
    match (kind, plain_scalar(text)?) {
        (Some("str"), _) => as_string(),
        (Some("null"), value @ Value::Null)
        | (Some("bool"), value @ Value::Bool(_))
        | (Some("int" | "float"), value @ Value::Number(_)) => Ok(value),
        _ => Err(format!("`{text}` does not fit its tag")),
    }
}

fn plain_scalar(text: &str) -> Result<Value, String> {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Ok(Value::Null);
    }
    if let Some(flag) = envoy::boolean(text) {
        return Ok(Value::Bool(flag));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(format!("the number `{text}` is not finite, and JSON has no such numbers"));
    }
    Ok(number(text).map_or_else(|| Value::Text(text.to_owned()), Value::Number))
}

/// Reads a number. `_` may stand between its digits. A decimal keeps its digits: the control planes pass on the nearest
/// double, and the engine judges by the double as well.
fn number(text: &str) -> Option<String> {
    if !text.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '+' | '-' | '.')) {
        return None;
    }
    let digits = if text.starts_with('.') { text.to_owned() } else { text.replace('_', "") };
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    let sign = if digits.starts_with('-') { "-" } else { "" };
    let radix = |radix, digits: &str| {
        let size = u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with(['+', '-']))?;
        Some(if size == 0 { "0".to_owned() } else { format!("{sign}{size}") })
    };
    match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => radix(16, unsigned.get(2..)?),
        [b'0', b'o' | b'O', ..] => radix(8, unsigned.get(2..)?),
        [b'0', b'b' | b'B', ..] => radix(2, unsigned.get(2..)?),
        // A zero in front makes it octal, unless it is no octal number.
        [b'0', rest @ ..] if !rest.is_empty() && rest.iter().all(|digit| (b'0'..=b'7').contains(digit)) => {
            radix(8, unsigned)
        }
        _ => decimal(&digits),
    }
}
