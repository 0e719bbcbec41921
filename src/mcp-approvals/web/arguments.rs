//! Renders a call's arguments so that a hurried approver is not misled.
//!
//! Uses the filter's own JSON reader, so that every number appears as it was written. The amount of HTML is
//! bounded and what is left out is counted. Every member gets a fair share of the space, so that a large
//! member cannot push others off the page. Long values are folded, and come last.

use std::collections::HashMap;

use maud::{Markup, html};
use mcp_policy_engine::json::{self, Kind, Value};

use super::lookalike::appearance;
use super::text::{Form, grouped, show};
use super::unseen::UnseenCharacters;

mod brief;
pub mod fold;
#[cfg(test)]
mod tests;

pub use brief::brief;

/// The deepest nesting that is shown.
const MAX_DEPTH: usize = 12;
/// The most members of one container that are shown.
const MAX_MEMBERS: usize = 200;
/// The most values that are shown in total.
const MAX_VALUES: usize = 2_000;
/// The longest element, in bytes, that shares its line with others.
const SHORT: usize = 16;
/// The most keys of one object that are compared with each other.
const MAX_COMPARED: usize = 10_000;
/// The most text that is shown in total; an ordinary character costs one.
const MAX_TEXT: usize = 120_000;

/// Rendered arguments.
#[derive(Debug)]
pub struct Arguments {
    /// The list of keys and values
    pub markup: Markup,
    /// Whether anything was left out; the download always has everything
    pub shortened: bool,
    /// The unseen characters in the complete text
    pub unseen: UnseenCharacters,
    /// Whether two keys of one object look alike
    pub alike: bool,
}

impl Arguments {
    /// Renders `text`. A text that is not JSON is shown as it is, with a warning.
    pub fn of(text: &str) -> Self {
        let Ok(document) = json::read(text.as_bytes()) else {
            let shown = show(text, Form::STRING);
            let markup = html! {
                p.callout.danger { "These arguments are not valid JSON. This is what was sent:" }
                p.string { (shown.markup) }
            };
            let mut unseen = UnseenCharacters::default();
            unseen.add(text, true);
            return Self { markup, shortened: shown.hidden > 0, unseen, alike: false };
        };
        let root = document.root();
        let mut layout = Layout { shortened: false, alike: false };
        let mut space = Space { values: MAX_VALUES, text: MAX_TEXT };
        let empty = root.entries().next().is_none() && root.is_object();
        let markup = html! {
            @if empty { p.nothing { "No arguments." } } @else { (layout.value(root, 0, &mut space)) }
        };
        Self { markup, shortened: layout.shortened, unseen: UnseenCharacters::of(root), alike: layout.alike }
    }
}

/// The space that a value may still use.
#[derive(Debug, Clone, Copy, Default)]
struct Space {
    values: usize,
    text: usize,
}

impl Space {
    /// Returns an equal share for each of `count` members.
    fn share(self, count: usize) -> Self {
        let share = |whole: usize| whole.checked_div(count).unwrap_or_default();
        Self { values: share(self.values), text: share(self.text) }
    }

    /// Returns an upper bound of what a value can use. Each value in a container has at least two bytes,
    /// including its comma, and each byte costs at most as much as a mark.
    fn of(value: Value<'_>) -> Self {
        let bytes = value.raw().len();
        let values = if is_container(value) { bytes.div_ceil(2) } else { 1 };
        Self { values, text: bytes.saturating_mul(8) }
    }

    fn min(self, other: Self) -> Self {
        Self { values: self.values.min(other.values), text: self.text.min(other.text) }
    }

    fn plus(self, other: Self) -> Self {
        Self { values: self.values.saturating_add(other.values), text: self.text.saturating_add(other.text) }
    }

    fn minus(self, other: Self) -> Self {
        Self { values: self.values.saturating_sub(other.values), text: self.text.saturating_sub(other.text) }
    }
}

struct Layout {
    shortened: bool,
    alike: bool,
}

impl Layout {
    fn value(&mut self, value: Value<'_>, depth: usize, space: &mut Space) -> Markup {
        space.values = space.values.saturating_sub(1);
        match value.kind() {
            Kind::Null => html! { span.word { "null" } },
            Kind::Bool(is) => html! { span.word { (if is { "true" } else { "false" }) } },
            Kind::Number => {
                let shown = show(value.raw(), Form::STRING.within(space.text));
                space.text = space.text.saturating_sub(shown.cost);
                self.shortened |= shown.hidden > 0;
                html! { span.number { (shown.markup) } }
            }
            Kind::String { .. } => self.string(&value.string().unwrap_or_default(), space),
            Kind::Object => self.object(value, depth, space),
            Kind::Array => self.array(value, depth, space),
        }
    }

    fn string(&mut self, text: &str, space: &mut Space) -> Markup {
        let shown = show(text, Form::STRING.within(space.text));
        space.text = space.text.saturating_sub(shown.cost);
        self.shortened |= shown.hidden > 0;
        let whole = html! { span.string { (shown.markup) } };
        if fold::is_long_text(text) { fold::text(text, &whole) } else { whole }
    }

    fn object(&mut self, value: Value<'_>, depth: usize, space: &mut Space) -> Markup {
        let mut looks: HashMap<String, usize> = HashMap::new();
        for (key, _) in value.entries().take(MAX_COMPARED) {
            let times = looks.entry(appearance(&key)).or_default();
            *times = times.saturating_add(1);
        }
        let mut members: Vec<_> = value.entries().collect();
        if depth == 0 {
            members.sort_by_key(|(_, value)| fold::is_long(*value));
        }
        let count = members.len();
        let rows = self.rows(members.into_iter(), count, depth, space, |layout, key, space| {
            let alike = looks.get(&appearance(key)).is_some_and(|times| *times > 1);
            layout.alike |= alike;
            html! {
                (layout.key(key, space))
                @if alike { " " span.mark { "looks like another key" } }
            }
        });
        list("object", &rows, count, "member")
    }

    fn array(&mut self, value: Value<'_>, depth: usize, space: &mut Space) -> Markup {
        let count = value.elements().count();
        let rows = self.rows(value.elements().enumerate(), count, depth, space, |_, index, _| {
            html! { span.index { "[" (index) "]" } }
        });
        let short = |value: Value<'_>| !is_container(value) && value.raw().len() <= SHORT;
        let class = if value.elements().all(short) { "array short" } else { "array" };
        list(class, &rows, count, "element")
    }

    /// Renders as many of `count` members as fit, each in its share of the space.
    fn rows<'d, K>(
        &mut self,
        members: impl Iterator<Item = (K, Value<'d>)>,
        count: usize,
        depth: usize,
        space: &mut Space,
        mut label: impl FnMut(&mut Self, &K, &mut Space) -> Markup,
    ) -> Vec<Markup> {
        let fit = if depth >= MAX_DEPTH { 0 } else { count.min(MAX_MEMBERS).min(space.values) };
        self.shortened |= fit < count;
        let members: Vec<_> = members.take(fit).collect();
        let equal = space.share(fit);
        let least = |value: Value<'_>| equal.min(Space::of(value));
        // The space that is reserved for the remaining members.
        let mut reserved =
            members.iter().fold(Space::default(), |reserved, (_, value)| reserved.plus(least(*value)));
        let mut rows = Vec::with_capacity(fit);
        for (key, value) in members {
            reserved = reserved.minus(least(value));
            let mut share = space.minus(reserved);
            let label = label(self, &key, &mut share);
            let shown = self.value(value, depth.saturating_add(1), &mut share);
            *space = reserved.plus(share);
            let shown = if fold::is_long_container(value) { fold::container(value, &shown) } else { shown };
            rows.push(html! {
                div.member.leaf[!is_container(value)] {
                    dt { (label) " " (kind(value)) }
                    dd { (shown) }
                }
            });
        }
        rows
    }

    fn key(&mut self, key: &str, space: &mut Space) -> Markup {
        if key.is_empty() {
            return html! { span.key.unnamed { "empty key" } };
        }
        let shown = show(key, Form::NAME);
        space.text = space.text.saturating_sub(shown.cost);
        self.shortened |= shown.hidden > 0;
        html! { span.key { (shown.markup) } }
    }
}

/// Joins the rows of one container, and states how many of its `count` members are missing.
fn list(class: &str, rows: &[Markup], count: usize, what: &str) -> Markup {
    let hidden = count.saturating_sub(rows.len());
    html! {
        @if count == 0 { span.nothing { "no " (what) "s" } }
        @if !rows.is_empty() { dl class=(class) { @for row in rows { (row) } } }
        @if hidden > 0 {
            p.left-out {
                "… " (grouped(hidden)) @if !rows.is_empty() { " more" } " " (what) @if hidden > 1 { "s" }
                ", in the download"
            }
        }
    }
}

fn is_container(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Object => value.entries().next().is_some(),
        Kind::Array => value.elements().next().is_some(),
        _ => false,
    }
}

/// Shows the JSON type of a value, with its size where that is useful.
fn kind(value: Value<'_>) -> Markup {
    html! { span.kind { (kind_name(value)) } }
}

/// Returns the JSON type of a value, with its size where that is useful.
fn kind_name(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => "null".to_owned(),
        Kind::Bool(_) => "boolean".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::String { .. } => match value.string().unwrap_or_default().chars().count() {
            0 => "empty text".to_owned(),
            1..=99 => "text".to_owned(),
            count => format!("text, {} characters", grouped(count)),
        },
        Kind::Array => format!("list of {}", grouped(value.elements().count())),
        Kind::Object => format!("object of {}", grouped(value.entries().count())),
    }
}
