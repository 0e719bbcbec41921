//! Formats approvals for a terminal. Control, bidirectional and invisible characters are escaped.

use std::fmt::Write as _;

use mcp_policy_engine::json::{Kind, Value};

use crate::web::{lookalike, unseen};

/// Formats one page of a list, one line for each approval.
pub fn list(page: Value<'_>) -> String {
    let mut out = String::new();
    for approval in page.get("approvals").into_iter().flat_map(Value::elements) {
        out.push_str(&line(approval));
        out.push('\n');
    }
    out
}

/// Formats an approval as one line.
pub fn line(approval: Value<'_>) -> String {
    let text = |key| member(approval, key).unwrap_or_default();
    let id: String = text("id").chars().take(12).collect();
    let who = member(approval, "principal").unwrap_or_else(|| "an unnamed caller".to_owned());
    let (status, at, server, tool) = (text("status"), text("created_at"), text("server"), text("tool"));
    let mut out = format!("{id}  {status:<10}  {at}  {server}/{tool}  for {who} ({})", text("grant"));
    if let Some(decision) = approval.get("decision") {
        out.push_str(&decision_text(decision));
    }
    if let Some(by) = member(approval, "superseded_by") {
        let _ = write!(out, ", replaced by {by}");
    }
    out
}

/// Formats an approval with everything that is known about it.
pub fn approval(approval: Value<'_>) -> String {
    let mut out = String::new();
    for (title, key) in [
        ("approval", "id"),
        ("page", "url"),
        ("status", "status"),
        ("replaced by", "superseded_by"),
        ("tool", "tool"),
        ("server", "server"),
        ("host", "host"),
        ("path", "path"),
        ("risk", "risk"),
        ("principal", "principal"),
        ("source", "source"),
        ("grant", "grant"),
        ("reason", "reason"),
        ("rule", "rule"),
        ("rules", "rules"),
        ("policy", "policy"),
        ("fingerprint", "fingerprint"),
        ("decision id", "decision_id"),
        ("request id", "request_id"),
        ("asked", "created_at"),
        ("expires", "expires_at"),
        ("times", "times"),
        ("consumed", "consumed_at"),
    ] {
        if let Some(text) = member(approval, key) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{title:<12}  {text}");
        }
    }
    if let Some(decision) = approval.get("decision").filter(|value| value.is_object()) {
        let _ =
            writeln!(out, "{:<12}  {}", "decision", decision_text(decision).trim_start_matches([',', ' ']));
    }
    out.push_str("arguments\n");
    if let Some(arguments) = approval.get("arguments") {
        out.push_str("  ");
        value(&mut out, arguments, 1);
    }
    if let Some(params) = approval.get("params").filter(|params| params.entries().next().is_some()) {
        out.push_str("\nother params\n  ");
        value(&mut out, params, 1);
    }
    out
}

/// Formats a decision; empty if there is none.
fn decision_text(decision: Value<'_>) -> String {
    let Some(verdict) = member(decision, "verdict") else { return String::new() };
    let mut out = format!(", {verdict} by {}", member(decision, "by").unwrap_or_default());
    if let Some(reason) = member(decision, "reason") {
        let _ = write!(out, ": {reason}");
    }
    out
}

/// Formats any JSON value over several lines. Numbers stay as they were sent.
fn value(out: &mut String, of: Value<'_>, depth: usize) {
    let begin = |out: &mut String, first: bool| {
        out.push_str(if first { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth.saturating_add(1)));
    };
    let end = |out: &mut String, any: bool, close: char| {
        if any {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
        out.push(close);
    };
    let below = depth.saturating_add(1);
    let mut first = true;
    match of.kind() {
        Kind::Object => {
            out.push('{');
            for (key, member) in of.entries() {
                begin(out, first);
                first = false;
                let _ = write!(out, "\"{}\": ", escaped(&key));
                value(out, member, below);
            }
            end(out, !first, '}');
        }
        Kind::Array => {
            out.push('[');
            for element in of.elements() {
                begin(out, first);
                first = false;
                value(out, element, below);
            }
            end(out, !first, ']');
        }
        Kind::String { .. } => {
            let _ = write!(out, "\"{}\"", escaped(&of.string().unwrap_or_default()));
        }
        Kind::Null | Kind::Bool(_) | Kind::Number => out.push_str(of.raw()),
    }
}

/// Returns the text or the number of a member; `None` if it is null or absent.
fn member(of: Value<'_>, key: &str) -> Option<String> {
    let value = of.get(key)?;
    value.string().map(|text| escaped(&text)).or_else(|| value.number().map(str::to_owned))
}

/// Escapes unseen characters and look-alikes, and backslashes so that the result is unambiguous.
pub fn escaped(text: &str) -> String {
    let odd = lookalike::find(text, false);
    let mut out = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        match char {
            '\\' => out.push_str("\\\\"),
            unseen if unseen::name(unseen).is_some() => out.extend(unseen.escape_unicode()),
            other if odd.iter().any(|odd| odd.place.contains(&at)) => out.extend(other.escape_unicode()),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_characters_are_escaped() {
        let hostile = "\u{1b}[2J\u{202e}drop\u{200b}\r\n\u{9b}x\\u{7}";
        let text = escaped(hostile);
        assert_eq!(text, r"\u{1b}[2J\u{202e}drop\u{200b}\u{d}\u{a}\u{9b}x\\u{7}");
    }

    #[test]
    fn look_alikes_are_escaped_and_ordinary_words_are_not() {
        assert_eq!(escaped("https://\u{430}pple.com"), r"https://\u{430}pple.com");
        assert_eq!(escaped("сумма, Zoë"), "сумма, Zoë");
    }

    #[test]
    fn arguments_are_formatted_with_unchanged_numbers() {
        let text = r#"{"id":"ab","arguments":{"n":1.0,"big":123456789012345678901,"list":[],"in":{"k\u001b":[null]}}}"#;
        let document = mcp_policy_engine::json::read(text.as_bytes()).unwrap();
        let expected = "approval      ab\narguments\n  {\n    \"n\": 1.0,\n    \"big\": 123456789012345678901,\n    \
            \"list\": [],\n    \"in\": {\n      \"k\\u{1b}\": [\n        null\n      ]\n    }\n  }";
        assert_eq!(approval(document.root()), expected);
    }
}
