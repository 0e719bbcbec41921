//! The changes as text, JSON and Markdown.

use serde::Serialize;

use super::change::{Change, Effect};
use crate::outcome::Failure;
use crate::terminal::{ERROR, FAINT, GOOD, HEADING, PLAIN, Terminal, WARNING, line};

/// What to say if there are no changes to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// The two policies have the same text
    Same,
    /// They mean the same
    Changes,
    /// Only changes that widen are shown, and there are none
    Widens,
}

impl Nothing {
    fn words(self) -> &'static str {
        match self {
            Self::Same => "the two policies are the same",
            Self::Changes => "no change in what is allowed: only texts, order or notation differ",
            Self::Widens => "nothing becomes possible that was not possible before",
        }
    }
}

/// Writes the changes for people.
pub fn pretty(changes: &[Change], nothing: Nothing, terminal: &mut Terminal) {
    if changes.is_empty() {
        line!(terminal, "{}", nothing.words());
        return;
    }
    for effect in Effect::ALL {
        let of_effect: Vec<&Change> = changes.iter().filter(|change| change.effect == effect).collect();
        if of_effect.is_empty() {
            continue;
        }
        let style = match effect {
            Effect::Widens => ERROR,
            Effect::MayWiden => WARNING,
            Effect::Narrows => GOOD,
            Effect::Otherwise => HEADING,
        };
        line!(terminal, "{style}{}{PLAIN}", effect.words());
        for Change { callers, what, was, becomes, .. } in of_effect {
            let callers =
                if callers.is_empty() { String::new() } else { format!("{}: ", callers.join(", ")) };
            line!(terminal, "  {HEADING}{callers}{}{PLAIN}", what.join(", "));
            line!(terminal, "    {FAINT}was{PLAIN} {was}");
            line!(terminal, "    {FAINT}is{PLAIN}  {becomes}");
        }
    }
    line!(terminal, "{}", summary(changes));
}

/// Returns how many changes have which effect, in one line.
fn summary(changes: &[Change]) -> String {
    let counts = Effect::ALL.into_iter().filter_map(|effect| {
        let count = changes.iter().filter(|change| change.effect == effect).count();
        (count > 0).then(|| effect.counted(count))
    });
    counts.collect::<Vec<_>>().join(", ")
}

/// The result as JSON.
#[derive(Serialize)]
struct Told<'t> {
    version: u8,
    /// Whether something becomes possible that was not, or may
    widens: bool,
    changes: &'t [Change],
}

/// Writes the changes as JSON.
///
/// # Errors
/// They cannot be written.
pub fn json(changes: &[Change], terminal: &mut Terminal) -> Result<(), Failure> {
    let told = Told { version: 1, widens: changes.iter().any(|change| change.effect.may_widen()), changes };
    let text = serde_json::to_string_pretty(&told);
    line!(terminal, "{}", text.map_err(|error| Failure::new(format!("cannot write JSON: {error}")))?);
    Ok(())
}

/// Writes the changes as tables, for a comment on a pull request.
pub fn markdown(changes: &[Change], nothing: Nothing, terminal: &mut Terminal) {
    line!(terminal, "### Policy change");
    line!(terminal);
    if changes.is_empty() {
        line!(terminal, "{}.", nothing.words());
        return;
    }
    line!(terminal, "{}.", summary(changes));
    for effect in Effect::ALL {
        let of_effect: Vec<&Change> = changes.iter().filter(|change| change.effect == effect).collect();
        if of_effect.is_empty() {
            continue;
        }
        line!(terminal);
        line!(terminal, "**{}**", effect.words());
        line!(terminal);
        line!(terminal, "| callers | what | was | is |");
        line!(terminal, "|---|---|---|---|");
        for Change { callers, what, was, becomes, .. } in of_effect {
            let callers = if callers.is_empty() { "all".to_owned() } else { callers.join(", ") };
            let cells = [&callers, &what.join(", "), was, becomes].map(|text| cell(text));
            line!(terminal, "| {} |", cells.join(" | "));
        }
    }
}

/// Writes a text as a cell of a table. Text of the policies must not become markup: outside of back-ticks everything that
/// has a meaning is escaped, and a pipe ends a cell everywhere.
fn cell(text: &str) -> String {
    let mut out = String::new();
    let mut in_code = false;
    for char in text.chars() {
        match char {
            '`' => {
                in_code = !in_code;
                out.push(char);
            }
            '|' => out.push_str("\\|"),
            '\n' | '\r' => out.push(' '),
            '*' | '_' | '<' | '>' | '[' | ']' | '\\' | '#' | '@' | '&' | '!' if !in_code => {
                out.push('\\');
                out.push(char);
            }
            _ => out.push(char),
        }
    }
    out
}
