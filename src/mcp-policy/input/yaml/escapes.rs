//! Escapes in double quotes that Envoy does not read as YAML says.

use super::{Kind, Malformed, Yaml};

/// Escapes that Envoy's reader turns into a byte that is no UTF-8, so that a space is left; and what to write instead.
const AS_SPACE: [(char, &str); 2] = [('N', r"\u0085"), ('_', r"\u00A0")];

/// Looks for escapes that Envoy reads as a space, as seen with Envoy 1.40. `text` is what the value was read from.
///
/// # Errors
/// The first of them, and what to write instead.
pub fn check_for_envoy(value: &Yaml, text: &str) -> Result<(), Malformed> {
    match &value.kind {
        Kind::Scalar { plain, .. } => {
            let quoted = text.get(value.span.clone()).filter(|text| !plain && text.starts_with('"'));
            let Some((at, escape, instead)) = quoted.and_then(as_space) else { return Ok(()) };
            let start = value.span.start.saturating_add(at);
            let message = format!("Envoy reads `\\{escape}` as a space: write `{instead}`, or a space");
            Err(Malformed::new(start..start.saturating_add(2), message))
        }
        Kind::List(elements) => elements.iter().try_for_each(|element| check_for_envoy(element, text)),
        Kind::Object(members) => members.iter().try_for_each(|(key, value)| {
            check_for_envoy(key, text)?;
            check_for_envoy(value, text)
        }),
    }
}

/// Returns the place of the first such escape, its character, and what to write instead.
fn as_space(quoted: &str) -> Option<(usize, char, &'static str)> {
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        if char != '\\' {
            continue;
        }
        let (_, escaped) = chars.next()?;
        if let Some((escape, instead)) = AS_SPACE.iter().find(|(escape, _)| *escape == escaped) {
            return Some((at, *escape, instead));
        }
    }
    None
}
