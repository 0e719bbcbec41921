//! Values without the white space between their tokens.

use super::document::Value;
use super::node::Kind;
use super::text::quote;

/// Appends `value` to `out` without white space between its tokens, and with its strings as [`quote`]
/// writes them.
pub fn compact(out: &mut String, value: Value<'_>) {
    match value.kind() {
        Kind::Object => {
            out.push('{');
            for (index, (key, member)) in value.entries().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                quote(out, &key);
                out.push(':');
                compact(out, member);
            }
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            for (index, element) in value.elements().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                compact(out, element);
            }
            out.push(']');
        }
        Kind::String { .. } => quote(out, &value.string().unwrap_or_default()),
        Kind::Null | Kind::Bool(_) | Kind::Number => out.push_str(value.raw()),
    }
}
