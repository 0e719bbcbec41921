//! What the scalars of YAML mean. Each reader has its own rules.

mod envoy;
mod kubernetes;

use super::node::Value;

/// The rules by which a reader of YAML gives scalars a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// YAML 1.2's Core Schema (section 10.3), for files that this program alone reads
    Core,
    /// Envoy's own YAML: its configuration and what stands in a `Struct` there
    Envoy,
    /// Kubernetes objects: YAML 1.1 as kubectl turns it into JSON
    Kubernetes,
}

/// The prefix of YAML's own tags.
const YAML_TAG: &str = "tag:yaml.org,2002:";

impl Schema {
    /// Returns what a scalar means: its `text`, decoded; whether it is `plain`, which is neither in quotes nor a block;
    /// and its `tag`, if it is written.
    ///
    /// # Errors
    /// What is wrong: a tag that does not fit, or a number that JSON cannot hold.
    pub fn resolve(self, text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
        match self {
            Self::Core => core(text, plain, tag),
            Self::Envoy => Ok(envoy::resolve(text, plain, tag)),
            Self::Kubernetes => kubernetes::resolve(text, plain, tag),
        }
    }
}

fn core(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let as_string = || Ok(Value::Text(text.to_owned()));
    match tag {
        None if !plain => as_string(),
        None => core_plain(text),
        Some("!") => as_string(),
        Some(tag) => match (tag.strip_prefix(YAML_TAG), core_plain(text)?) {
            (Some("str"), _) => as_string(),
            (Some("null"), value @ Value::Null)
            | (Some("bool"), value @ Value::Bool(_))
            | (Some("float"), value @ Value::Number(_)) => Ok(value),
            (Some("int"), Value::Number(number)) if !number.contains(['.', 'e', 'E']) => {
                Ok(Value::Number(number))
            }
            (Some(kind @ ("null" | "bool" | "float" | "int")), _) => {
                Err(format!("`{text}` is not a `!!{kind}`"))
            }
            _ => Err(format!("unknown tag `{tag}`")),
        },
    }
}

fn core_plain(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" | ".nan"
        | ".NaN" | ".NAN" => {
            return Err(format!("the number `{text}` is not finite, and JSON has no such numbers"));
        }
        _ => match based(text) {
            Some(number) => Value::Number(number),
            None => decimal(text).map_or_else(|| Value::Text(text.to_owned()), Value::Number),
        },
    })
}

/// Reads `0o17` and `0x1f`.
fn based(text: &str) -> Option<String> {
    let (digits, radix) = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
        (Some(digits), _) => (digits, 8),
        (_, Some(digits)) => (digits, 16),
        _ => return None,
    };
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(digits, radix).ok().filter(|_| are_digits).map(|number| number.to_string())
}

/// Reads a decimal number such as `+.5e3`, and returns it as JSON writes it, digit by digit.
fn decimal(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !all_digits(digits) {
            return None;
        }
    }
    let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
    let exponent = exponent.map(|exponent| format!("e{exponent}")).unwrap_or_default();
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

#[cfg(test)]
mod tests;
