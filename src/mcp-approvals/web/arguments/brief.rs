//! The first arguments of a call, for the list of waiting calls.

use maud::{Markup, html};
use mcp_policy_engine::json::{self, Kind, Value};

use super::super::text::{Form, grouped, show};
use super::fold::{is_long, start};
use super::{is_container, kind_name};

/// The most arguments that are shown.
const MOST: usize = 3;

/// Shows the first arguments of a call, the short ones first. A list leaves out very long arguments, so the
/// text may be empty.
pub fn brief(text: &str) -> Markup {
    let Ok(document) = json::read(text.as_bytes()) else {
        return html! { p.brief { span.nothing { "The arguments are long: open the call to read them." } } };
    };
    let mut members: Vec<_> = document.root().entries().collect();
    let count = members.len();
    if count == 0 {
        return html! { p.brief { span.nothing { "No arguments." } } };
    }
    members.sort_by_key(|(_, value)| is_long(*value));
    members.truncate(MOST);
    let more = count.saturating_sub(members.len());
    html! {
        dl.brief aria-label="First arguments" {
            @for (key, value) in &members {
                div {
                    dt.key { (show(key, Form::NAME.within(48)).markup) }
                    dd { (shown(*value)) }
                }
            }
            @if more > 0 { div { dt.more { "and " (grouped(more)) " more" } dd.visually-hidden { "on the call's page" } } }
        }
    }
}

fn shown(value: Value<'_>) -> Markup {
    match value.kind() {
        Kind::String { .. } => match value.string().unwrap_or_default() {
            empty if empty.trim().is_empty() => html! { span.nothing { "empty text" } },
            text => start(&text),
        },
        _ if is_container(value) => html! { span.nothing { (kind_name(value)) } },
        _ => show(value.raw(), Form::BRIEF).markup,
    }
}
