//! Parses the steps of a path.

use super::Step;
use crate::json;

/// Parses the step at the start of `text`. Returns it and the rest of the text.
pub(super) fn step(text: &str) -> Result<(Step, &str), &'static str> {
    const OPEN: &str = "has a `[` that is not closed";
    if let Some(behind) = text.strip_prefix('.') {
        let (key, rest) = behind.split_at(behind.find(['.', '[']).unwrap_or(behind.len()));
        return match key {
            "" => Err("has an empty key"),
            "*" => Err("has `.*` in place of `[*]`"),
            _ if key.contains([']', '*', '"']) => Err("has a key that must be written in `[\"…\"]`"),
            _ => Ok((Step::Key(key.to_owned()), rest)),
        };
    }
    let inner = text.strip_prefix('[').ok_or("has something behind a `]` that is neither `.` nor `[`")?;
    if inner.starts_with('"') {
        let (quoted, rest) = quoted(inner).ok_or("has a quote that is not closed")?;
        let document =
            json::read(quoted.as_bytes()).map_err(|_| "has a quoted key that is no JSON string")?;
        if document.defect().is_some() {
            return Err("has a quoted key that holds half of a surrogate pair");
        }
        let key = document.root().string().unwrap_or_default().into_owned();
        return Ok((Step::Key(key), rest.strip_prefix(']').ok_or(OPEN)?));
    }
    let (index, rest) = inner.split_once(']').ok_or(OPEN)?;
    if index == "*" {
        return Ok((Step::Each, rest));
    }
    let digits = index.bytes().all(|byte| byte.is_ascii_digit());
    let index = index.parse().ok().filter(|_| digits);
    let index = index.ok_or("has an index that is neither a number, `*` nor a quoted key")?;
    Ok((Step::Index(index), rest))
}

/// Splits `text` after the JSON string at its start.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, char)| {
        let closes = *char == '"' && !escaped;
        escaped = *char == '\\' && !escaped;
        closes
    });
    text.split_at_checked(end?.0.saturating_add(1))
}
