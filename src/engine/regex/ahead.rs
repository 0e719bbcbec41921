//! Look-ahead at the beginning of an expression, such as `^(?!\.)(?=.*@)…`.
//!
//! `regex-lite` has no look-around. But behind `^` all look-aheads apply to the whole text, so each of them can
//! be an expression of its own.

use std::iter::Peekable;
use std::str::CharIndices;

/// An expression in parts. A text matches if it matches `rest` and exactly those of `ahead` that are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// The look-aheads, each with whether it is wanted
    pub ahead: Vec<(bool, String)>,
    /// What follows them
    pub rest: String,
}

/// The flags that may stand before them: `m` gives `^` another meaning, and `x` gives one to white space.
const FLAGS: [&str; 4] = ["(?i)", "(?s)", "(?is)", "(?si)"];

/// Splits an expression that begins with `^` and look-aheads, perhaps behind flags. Returns `None` for every other
/// expression, and where a part could have another meaning alone: beside another alternative, with other inline flags, or
/// with a class that dialects read in different ways.
pub(super) fn split(text: &str) -> Option<Split> {
    let flags = FLAGS.into_iter().find(|flags| text.starts_with(flags)).unwrap_or_default();
    let mut rest = text.strip_prefix(flags)?.strip_prefix('^')?;
    let mut ahead = Vec::new();
    while let Some((wanted, behind)) = look(rest) {
        let end = end_of_group(behind)?;
        let (inside, closed) = behind.split_at_checked(end)?;
        rest = closed.strip_prefix(')')?;
        if rest.starts_with(['*', '+', '?', '{']) {
            return None;
        }
        ahead.push((wanted, format!("^{flags}(?:{inside})")));
    }
    // Another alternative would not begin with the look-aheads.
    let alone = end_of_group(rest)? == rest.len();
    (!ahead.is_empty() && alone && !has_alternative(rest))
        .then(|| Split { ahead, rest: format!("^{flags}{rest}") })
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
    let mut rest = text.char_indices().peekable();
    let mut open = 0_usize;
    while let Some((at, char)) = rest.next() {
        match char {
            '\\' => {
                rest.next();
            }
            '[' => class(&mut rest)?,
            '(' => {
                let special = rest.next_if(|(_, char)| *char == '?').is_some();
                if special && rest.next_if(|(_, char)| *char == ':').is_none() {
                    return None;
                }
                open = open.saturating_add(1);
            }
            ')' if open == 0 => return Some(at),
            ')' => open = open.saturating_sub(1),
            char if open == 0 && ends(char) => return Some(at),
            _ => {}
        }
    }
    Some(text.len())
}

/// Walks a class behind its opening bracket.
fn class(rest: &mut Peekable<CharIndices<'_>>) -> Option<()> {
    rest.next_if(|(_, char)| *char == '^');
    if rest.peek().is_some_and(|(_, char)| *char == ']') {
        return None;
    }
    loop {
        match rest.next()?.1 {
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
            ("(?i)^(?!a)b$", &[(false, "^(?i)(?:a)")], "^(?i)b$"),
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
            "(?m)^(?!a)b",
            "(?x)^(?!a)b",
            "(?i)(?!a)b",
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
