//! Intercept's conditions on arguments.

use crate::input::Node;
use crate::written::Json;

/// The operators that mean the same here, or less: values of another type than the condition's are refused here.
const OPERATORS: [&str; 11] =
    ["eq", "neq", "in", "not_in", "lt", "lte", "gt", "gte", "regex", "contains", "exists"];

/// Reads a condition on an argument. The filter itself finds out whether it takes the value.
///
/// # Errors
/// What of it has no equivalent.
pub fn condition(node: &Node, name: Option<&str>) -> Result<Json, String> {
    let text = |key| node.member(key).and_then(Node::text).unwrap_or_default();
    let op = text("op");
    if !OPERATORS.contains(&op) {
        return Err(format!("Intercept has no operator `{op}`"));
    }
    let value = node.member("value").map_or(Json::Null, Json::of_node);
    let value = match (op, value) {
        ("regex", Json::Text(expression)) => Json::Text(regex(&expression)?),
        (_, value) => value,
    };
    let mut members: Vec<(String, Json)> =
        name.map(|name| ("name".to_owned(), Json::text(name))).into_iter().collect();
    members.push(("path".to_owned(), Json::Text(path(text("path"))?)));
    members.push(("op".to_owned(), Json::text(op)));
    members.push(("value".to_owned(), value));
    Ok(Json::Object(members))
}

/// Converts a path. There each part between two dots is a key, whatever characters it has.
///
/// # Errors
/// It is no path of an argument.
pub fn path(text: &str) -> Result<String, String> {
    let keys = text.strip_prefix("args.").filter(|keys| !keys.is_empty());
    let keys = keys.ok_or_else(|| format!("`{text}` is not a path such as `args.amount`"))?;
    let mut path = "args".to_owned();
    for key in keys.split('.') {
        let is_plain = !key.is_empty() && key.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        if is_plain {
            path.push('.');
            path.push_str(key);
        } else {
            path.push('[');
            path.push_str(&Json::text(key).compact());
            path.push(']');
        }
    }
    Ok(path)
}

/// Converts an expression of Go's. There `\s` is white space of ASCII, here also that of Unicode.
///
/// # Errors
/// It has `\S` in a class of characters, which cannot be written otherwise.
fn regex(expression: &str) -> Result<String, String> {
    let (mut out, mut rest, mut in_class) = (String::new(), expression, false);
    while let Some(char) = rest.chars().next() {
        // What is copied as it is, unless it is white space.
        let end = match char {
            '\\' => rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at),
            // A bracket that comes first in a class is one of its characters.
            '[' if !in_class => {
                ["[^]", "[]", "[^"].iter().find(|open| rest.starts_with(**open)).map_or(1, |open| open.len())
            }
            '[' if rest.starts_with("[:") => rest.find(":]").map_or(1, |at| at.saturating_add(2)),
            _ => char.len_utf8(),
        };
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        in_class = (in_class && part != "]") || (!in_class && char == '[');
        out.push_str(match (part, in_class) {
            (r"\s", true) => r"\t\n\f\r ",
            (r"\s", false) => r"[\t\n\f\r ]",
            (r"\S", false) => r"[^\t\n\f\r ]",
            (r"\S", true) => return Err(r"`\S` within brackets has no equivalent".to_owned()),
            _ => part,
        });
        rest = behind;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_same_keys() {
        for (from, expected) in [
            ("args.amount", Some("args.amount")),
            ("args.a.b", Some("args.a.b")),
            ("args.to[0]", Some(r#"args["to[0]"]"#)),
            ("args.x-y.z", Some(r#"args["x-y"].z"#)),
            ("args.a..b", Some(r#"args.a[""].b"#)),
            ("args.", None),
            ("state.a.b", None),
        ] {
            assert_eq!(path(from).ok().as_deref(), expected, "{from}");
        }
    }

    #[test]
    fn white_space_stays_that_of_ascii() {
        for (from, expected) in [
            (r"^a\s+b$", Some(r"^a[\t\n\f\r ]+b$")),
            (r"[\s,]", Some(r"[\t\n\f\r ,]")),
            (r"\S", Some(r"[^\t\n\f\r ]")),
            (r"[\S]", None),
            (r"[]\s]", Some(r"[]\t\n\f\r ]")),
            (r"[[:alpha:]\s]\s", Some(r"[[:alpha:]\t\n\f\r ][\t\n\f\r ]")),
            (r"\\s\[\s", Some(r"\\s\[[\t\n\f\r ]")),
        ] {
            assert_eq!(regex(from).ok().as_deref(), expected, "{from}");
        }
    }
}
