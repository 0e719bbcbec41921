//! Warnings about expressions that also find a match inside of a longer value: `unanchored-regex`.

use std::collections::HashSet;

use mcp_policy_engine::policy::{Clause, Test};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::context::{Context, Warning, denies};
use super::kinds;
use super::schema_walk::walk;

/// Up to so many characters of an expression are repeated in the help.
const SHORT: usize = 60;

/// Looks for unanchored expressions in `pattern` of schemas and in `require`. In `deny_if` a search is what the author
/// wants: the more it finds, the more is denied.
pub fn look(context: &Context<'_>, warnings: &mut Vec<Warning>) {
    let mut seen = HashSet::new();
    let mut warn = |path: String, text: &str| {
        if let Some(open) = open_sides(text) {
            warnings.extend(seen.insert(path.clone()).then(|| warning(path, text, open)));
        }
    };
    for rule in context.rules().filter(|rule| !denies(rule)) {
        if let Some(root) = context.part(&format!("{}.arguments", rule.path)) {
            walk(root, &mut |visit| {
                let is_listed = ["enum", "const"].iter().any(|key| visit.schema.value.get(key).is_some());
                if let Some(part) = visit.schema.member("pattern").filter(|_| !is_listed) {
                    warn(part.path.to_string(), &part.value.string().unwrap_or_default());
                }
            });
        }
        for condition in rule.require.iter().flat_map(Clause::conditions) {
            let path = format!("{}.value", condition.path);
            let text = context.value(&path).and_then(mcp_policy_engine::json::Value::string);
            if let (Test::Regex(_), Some(text)) = (&condition.test, text) {
                warn(path, &text);
            }
        }
    }
}

/// The sides at which a value can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Open {
    start: bool,
    end: bool,
}

fn warning(path: String, text: &str, open: Open) -> Warning {
    let (side, what) = match open {
        Open { start: true, end: true } => ("", "contains a match anywhere"),
        Open { start: true, .. } => (" at its start", "has anything before the match"),
        Open { .. } => (" at its end", "has anything after the match"),
    };
    let message = format!("the expression is not anchored{side}, so it also accepts a value that {what}");
    let help = if text.chars().nth(SHORT).is_some() {
        "begin with `^` and end with `$`".to_owned()
    } else if text.contains('|') {
        format!("write `^(?:{text})$`")
    } else {
        format!("write `{}{text}{}`", if open.start { "^" } else { "" }, if open.end { "$" } else { "" })
    };
    Warning::of(&kinds::UNANCHORED_REGEX, path, message).help(help)
}

/// Returns the sides at which an expression is open, if that is likely a mistake.
fn open_sides(text: &str) -> Option<Open> {
    let open = match regex_syntax::Parser::new().parse(text) {
        Ok(parsed) => sides(&parsed),
        // It has a look-ahead, or is written as only ECMA-262 allows: what can be seen without reading it.
        Err(_) => {
            let both = !text.contains('^') && !text.ends_with('$');
            Open { start: both, end: both }
        }
    };
    (open.start || open.end).then_some(open)
}

fn sides(parsed: &Hir) -> Open {
    match parsed.kind() {
        HirKind::Alternation(all) => all.iter().map(sides).fold(Open::default(), |sum, one| Open {
            start: sum.start || one.start,
            end: sum.end || one.end,
        }),
        HirKind::Capture(capture) => sides(&capture.sub),
        // "Has a character such as": the rest of the value is free on purpose.
        HirKind::Class(_) | HirKind::Empty | HirKind::Look(_) => Open::default(),
        _ => {
            let properties = parsed.properties();
            let start = !properties.look_set_prefix().contains(Look::Start);
            let end = !properties.look_set_suffix().contains(Look::End);
            match (start, end) {
                (true, true) if is_free(first(parsed)) && is_free(last(parsed)) => Open::default(),
                (true, true) => Open { start: true, end: true },
                (true, false) => Open { start: can_go_on(first(parsed), false), end: false },
                (false, true) => Open { start: false, end: can_go_on(last(parsed), true) },
                (false, false) => Open::default(),
            }
        }
    }
}

/// Returns the first part of an expression that takes characters.
fn first(parsed: &Hir) -> &Hir {
    match parsed.kind() {
        HirKind::Concat(all) => all.first().map_or(parsed, first),
        HirKind::Capture(capture) => first(&capture.sub),
        _ => parsed,
    }
}

/// Returns the last part of an expression that takes characters.
fn last(parsed: &Hir) -> &Hir {
    match parsed.kind() {
        HirKind::Concat(all) => all.last().map_or(parsed, last),
        HirKind::Capture(capture) => last(&capture.sub),
        _ => parsed,
    }
}

/// Returns whether a part stands for any text, as `.*` does: its author knows that the value goes on.
fn is_free(part: &Hir) -> bool {
    let HirKind::Repetition(repetition) = part.kind() else { return false };
    let HirKind::Class(Class::Unicode(class)) = repetition.sub.kind() else { return false };
    // All characters but line breaks.
    let taken: u32 = class
        .iter()
        .map(|range| u32::from(range.end()).saturating_sub(u32::from(range.start())))
        .fold(0, u32::saturating_add);
    taken > 1_000_000
}

/// Returns whether an open end of an expression is likely a mistake: a repetition there has no effect, and a word there
/// can be the beginning or the end of another one. A prefix such as `https://` is a whole by itself.
fn can_go_on(part: &Hir, at_end: bool) -> bool {
    match part.kind() {
        HirKind::Repetition(repetition) if repetition.max == Some(1) => {
            can_go_on(side(&repetition.sub, at_end), at_end)
        }
        HirKind::Repetition(_) => !is_free(part),
        HirKind::Literal(literal) => {
            let text = String::from_utf8_lossy(&literal.0).into_owned();
            let edge = if at_end { text.chars().next_back() } else { text.chars().next() };
            edge.is_some_and(char::is_alphanumeric)
        }
        HirKind::Alternation(all) => all.iter().any(|one| can_go_on(side(one, at_end), at_end)),
        _ => false,
    }
}

fn side(part: &Hir, at_end: bool) -> &Hir {
    if at_end { last(part) } else { first(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_open_where_its_author_did_not_mean_it_to_be() {
        for (text, expected) in [
            ("[a-z]+", "start end"),
            ("docs.example.com", "start end"),
            ("^a|b$", "start end"),
            ("^[a-z0-9-]+", "end"),
            ("[a-z0-9-]+$", "start"),
            ("^https://corp\\.example", "end"),
            ("corp\\.example$", "start"),
            ("^(get|list)", "end"),
            ("a|^b$", "start end"),
            ("(?!x)y", "start end"),
            ("^[a-z]+$", ""),
            ("^(?:a|b)$", ""),
            ("(^a$|^b$)", ""),
            ("^a$|^b$", ""),
            ("^https?://", ""),
            ("@corp\\.example$", ""),
            ("^[a-z]", ""),
            ("^docs/.*", ""),
            (".*", ""),
            (".+", ""),
            ("\\S", ""),
            ("^(?!x)y+$", ""),
            ("^(?=.*x)", ""),
            ("", ""),
        ] {
            let open = open_sides(text).unwrap_or_default();
            let sides: Vec<&str> = [(open.start, "start"), (open.end, "end")]
                .into_iter()
                .filter_map(|(open, side)| open.then_some(side))
                .collect();
            assert_eq!(sides.join(" "), expected, "{text}");
        }
    }
}
