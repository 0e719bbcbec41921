//! Folds long values: the page shows their start, and the rest on request. This needs no script.

use maud::{Markup, html};
use mcp_policy_engine::json::{Kind, Value};

use super::super::text::{Form, grouped, show};
use super::{is_container, kind_name};

/// The longest text, in characters, that is not folded.
const LONG_TEXT: usize = 300;

/// The most lines of a text that is not folded.
const MANY_LINES: usize = 6;

/// The longest list or object, in bytes of JSON, that is not folded.
const LONG_CONTAINER: usize = 300;

/// Returns whether a text is folded.
pub(super) fn is_long_text(text: &str) -> bool {
    text.chars().nth(LONG_TEXT).is_some() || text.matches('\n').nth(MANY_LINES).is_some()
}

/// Returns whether a list or an object is folded.
pub(super) fn is_long_container(value: Value<'_>) -> bool {
    is_container(value) && value.raw().len() > LONG_CONTAINER
}

/// Returns whether a value is folded.
pub(super) fn is_long(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::String { .. } => value.string().is_some_and(|text| is_long_text(&text)),
        _ => is_long_container(value),
    }
}

/// Folds a long text.
pub(super) fn text(text: &str, whole: &Markup) -> Markup {
    let count = text.chars().count();
    folded(text, &format!("all {} characters", grouped(count)), whole)
}

/// Shows prose, folded if it is long.
pub fn prose(words: &str) -> Markup {
    let whole = html! { p.prose { (show(words, Form::PROSE).markup) } };
    if is_long_text(words) { text(words, &whole) } else { whole }
}

/// Folds a long list or object.
pub(super) fn container(value: Value<'_>, whole: &Markup) -> Markup {
    folded(value.raw(), &format!("the {}", kind_name(value)), whole)
}

fn folded(text: &str, what: &str, whole: &Markup) -> Markup {
    html! {
        details.fold {
            summary {
                span.start { (start(text)) }
                " " span.more { "Show " (what) }
            }
            (whole)
        }
    }
}

/// Shows the start of a text on one line.
pub fn start(text: &str) -> Markup {
    let mut words = String::new();
    // Four times as many characters as are shown, in case many of them are spaces.
    let mut chars = text.trim().chars().take(Form::BRIEF.space().saturating_mul(4)).peekable();
    for char in chars.by_ref() {
        let blank = matches!(char, ' ' | '\n' | '\t' | '\r');
        if !(blank && words.ends_with(' ')) {
            words.push(if blank { ' ' } else { char });
        }
    }
    let most = Form::BRIEF.space();
    let first: String = words.chars().take(most).collect();
    let cut = words.chars().nth(most).is_some() || chars.peek().is_some();
    html! { (show(&first, Form::BRIEF).markup) @if cut { "…" } }
}
