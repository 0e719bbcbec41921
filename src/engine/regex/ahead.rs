//! Look-ahead at the beginning of an expression, such as `^(?!\.)(?=.*@)…`.
//!
//! `regex-lite` has no look-around. But behind `^` all look-aheads apply to the whole text, so each of them can
//! be an expression of its own.

use std::iter::Peekable;
use std::str::Chars;

/// An expression in parts. A text matches if it matches `rest` and exactly those of `ahead` that are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// The look-aheads, each with whether it is wanted
    pub ahead: Vec<(bool, String)>,
    /// What follows them
    pub rest: String,
}

/// Splits an expression that begins with `^` and look-aheads. Returns `None` for every other expression, and
/// where a part could have another meaning alone: beside another alternative, with inline flags, or with a
/// class that dialects read in different ways.
pub(super) fn split(text: &str) -> Option<Split> {
    let mut rest = text.strip_prefix('^')?;
    let mut ahead = Vec::new();
    while let Some((wanted, behind)) = look(rest) {
        let end = end_of_group(behind)?;
        let (inside, closed) = behind.split_at_checked(end)?;
        rest = closed.strip_prefix(')')?;
        if rest.starts_with(['*', '+', '?', '{']) {
            return None;
        }
        ahead.push((wanted, format!("^(?:{inside})")));
    }
    // Another alternative would not begin with the look-aheads.
    let alone = end_of_group(rest)? == rest.len();
    (!ahead.is_empty() && alone && !has_alternative(rest)).then(|| Split { ahead, rest: format!("^{rest}") })
}

fn look(text: &str) -> Option<(bool, &str)> {
    let wanted = text.strip_prefix("(?=").map(|behind| (true, behind));
    wanted.or_else(|| text.strip_prefix("(?!").map(|behind| (false, behind)))
}

/// Returns the offset of the bracket that closes the group of which `text` is the rest, or the length of `text`
/// if nothing closes it. Returns `None` for an expression that is not split.
fn end_of_group(text: &str) -> Option<usize> {
    walk(text, |_| false)
}

/// Tells whether an expression has several alternatives, outside of its groups.
fn has_alternative(text: &str) -> bool {
    walk(text, |char| char == '|') != Some(text.len())
}

/// Walks what stands outside of groups and classes, to the end of the group or to what `ends` names.
fn walk(text: &str, ends: impl Fn(char) -> bool) -> Option<usize> {
    let mut rest = text.chars().peekable();
    let mut open = 0_usize;
    loop {
        let left: usize = rest.clone().map(char::len_utf8).sum();
        let at = text.len().saturating_sub(left);
        match rest.next() {
            None => return Some(text.len()),
            Some('\\') => {
                rest.next();
            }
            Some('[') => class(&mut rest)?,
            Some('(') => {
                if rest.next_if_eq(&'?').is_some() && rest.next() != Some(':') {
                    return None;
                }
                open = open.saturating_add(1);
            }
            Some(')') if open == 0 => return Some(at),
            Some(')') => open = open.saturating_sub(1),
            Some(char) if open == 0 && ends(char) => return Some(at),
            Some(_) => {}
        }
    }
}

/// Walks a class behind its opening bracket.
fn class(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    rest.next_if_eq(&'^');
    if rest.peek() == Some(&']') {
        return None;
    }
    loop {
        match rest.next()? {
            ']' => return Some(()),
            '[' => return None,
            '\\' => {
                rest.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_aheads_behind_the_beginning_are_split_off() {
        for (text, ahead, rest) in [
            ("^(?!a)b$", [(false, "^(?:a)")].as_slice(), "^b$"),
            ("^(?=a|b)", &[(true, "^(?:a|b)")], "^"),
            (r"^(?!\.)(?=.*\))(a|b)+$", &[(false, r"^(?:\.)"), (true, r"^(?:.*\))")], "^(a|b)+$"),
            ("^(?!.*(?:^|,)(x|y))[|)]é$", &[(false, "^(?:.*(?:^|,)(x|y))")], "^[|)]é$"),
            ("^(?![)])x", &[(false, "^(?:[)])")], "^x"),
            ("^(?!)", &[(false, "^(?:)")], "^"),
        ] {
            let ahead = ahead.iter().map(|(wanted, text)| (*wanted, (*text).to_owned())).collect();
            assert_eq!(split(text), Some(Split { ahead, rest: rest.to_owned() }), "{text}");
        }
    }

    #[test]
    fn other_expressions_are_not_split() {
        for text in [
            "^ab",
            "",
            "(?=a)b",
            "a(?=b)",
            "^a(?!b)",
            "^((?!a).)*$",
            "^(?!a)b|c",
            "^(?!a)*b",
            "^(?!a){0}b",
            "^(?!a)?b",
            "^(?!a(?=b))c",
            "^(?!a)b(?<=c)",
            "^(?!(?i)a)b",
            "^(?!a)(?x)b # )|",
            "^(?!a",
            "^(?!a)b)",
            "^(?![]a])b",
            "^(?![^])b",
            "^(?![[:alpha:]])b",
            "^(?!a)[b",
            r"^(?!a\",
        ] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
