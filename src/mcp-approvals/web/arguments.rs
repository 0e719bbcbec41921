//! A call's arguments, laid out for somebody who has little time and must not be fooled.
//!
//! The text is read by the filter's own reader, so that every number shows as it was written. What
//! is shown is bounded; what is left out is counted, and every part gets its share before any takes
//! more, so that nothing can be pushed out of sight by what stands before it.

use std::collections::HashSet;

use maud::{Markup, html};
use mcp_policy_engine::json::{self, Kind, Value};

use super::text::{Form, grouped, show};
use super::unseen::{self, UnseenCharacters};

#[cfg(test)]
mod tests;

/// How many containers may stand within one another.
const MAX_DEPTH: usize = 12;
/// How many members of one container are shown.
const MAX_MEMBERS: usize = 200;
/// How many values are shown in all.
const MAX_VALUES: usize = 2_000;
/// How long an element may be that has others beside it on its line.
const SHORT: usize = 16;
/// How much text is shown in all; an ordinary character takes one.
const MAX_TEXT: usize = 120_000;

/// A call's arguments as the page shows them.
#[derive(Debug)]
pub struct Arguments {
    /// The list of keys and values
    pub markup: Markup,
    /// Whether anything was left out, which then is in the download alone
    pub shortened: bool,
    /// What cannot be seen or misleads, in all of the text
    pub unseen: UnseenCharacters,
    /// Whether two keys of one object look alike
    pub alike: bool,
}

impl Arguments {
    /// Lays out `text`, which was a JSON object when it was asked about. Text that cannot be read is
    /// shown as it is, marked as such.
    pub fn of(text: &str) -> Self {
        let Ok(document) = json::read(text.as_bytes()) else {
            let shown = show(text, Form::STRING);
            let markup = html! {
                p.callout.danger { "These arguments are no JSON text. Here is what was sent:" }
                p.string { (shown.markup) }
            };
            let mut unseen = UnseenCharacters::default();
            unseen.look(text, true);
            return Self { markup, shortened: shown.hidden > 0, unseen, alike: false };
        };
        let root = document.root();
        let mut layout = Layout { shortened: false, alike: false };
        let mut room = Room { values: MAX_VALUES, text: MAX_TEXT };
        let empty = root.entries().next().is_none() && root.is_object();
        let markup = html! {
            @if empty { p.nothing { "No arguments." } } @else { (layout.value(root, 0, &mut room)) }
        };
        Self { markup, shortened: layout.shortened, unseen: UnseenCharacters::of(root), alike: layout.alike }
    }
}

/// What a value may still take.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    values: usize,
    text: usize,
}

impl Room {
    /// Returns an even part for each of `count`.
    fn part(self, count: usize) -> Self {
        let part = |whole: usize| whole.checked_div(count).unwrap_or_default();
        Self { values: part(self.values), text: part(self.text) }
    }

    /// Returns what a value can take at most: no value within it has fewer than two bytes, its comma
    /// counted, and no character takes more text than a mark.
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
    fn value(&mut self, value: Value<'_>, depth: usize, room: &mut Room) -> Markup {
        room.values = room.values.saturating_sub(1);
        match value.kind() {
            Kind::Null => html! { span.word { "null" } },
            Kind::Bool(is) => html! { span.word { (if is { "true" } else { "false" }) } },
            Kind::Number => {
                let shown = show(value.raw(), Form::STRING.within(room.text));
                room.text = room.text.saturating_sub(shown.cost);
                self.shortened |= shown.hidden > 0;
                html! { span.number { (shown.markup) } }
            }
            Kind::String { .. } => self.string(&value.string().unwrap_or_default(), room),
            Kind::Object => self.object(value, depth, room),
            Kind::Array => self.array(value, depth, room),
        }
    }

    fn string(&mut self, text: &str, room: &mut Room) -> Markup {
        let shown = show(text, Form::STRING.within(room.text));
        room.text = room.text.saturating_sub(shown.cost);
        self.shortened |= shown.hidden > 0;
        html! { span.string { (shown.markup) } }
    }

    fn object(&mut self, value: Value<'_>, depth: usize, room: &mut Room) -> Markup {
        let mut seen = HashSet::new();
        let count = value.entries().count();
        let rows = self.rows(value.entries(), count, depth, room, |layout, key, room| {
            layout.alike |= !seen.insert(likeness(key));
            layout.key(key, room)
        });
        list("object", &rows, count, "member")
    }

    fn array(&mut self, value: Value<'_>, depth: usize, room: &mut Room) -> Markup {
        let count = value.elements().count();
        let rows = self.rows(value.elements().enumerate(), count, depth, room, |_, index, _| {
            html! { span.index { "[" (index) "]" } }
        });
        let short = |value: Value<'_>| !is_container(value) && value.raw().len() <= SHORT;
        let class = if value.elements().all(short) { "array short" } else { "array" };
        list(class, &rows, count, "element")
    }

    /// Lays out as many of `count` members as fit, each with its share of the room.
    fn rows<'d, K>(
        &mut self,
        members: impl Iterator<Item = (K, Value<'d>)>,
        count: usize,
        depth: usize,
        room: &mut Room,
        mut label: impl FnMut(&mut Self, &K, &mut Room) -> Markup,
    ) -> Vec<Markup> {
        let fit = if depth >= MAX_DEPTH { 0 } else { count.min(MAX_MEMBERS).min(room.values) };
        self.shortened |= fit < count;
        let members: Vec<_> = members.take(fit).collect();
        let part = room.part(fit);
        let least = |value: Value<'_>| part.min(Room::of(value));
        // What those that are still to come get at least.
        let mut kept = members.iter().fold(Room::default(), |kept, (_, value)| kept.plus(least(*value)));
        let mut rows = Vec::with_capacity(fit);
        for (key, value) in members {
            kept = kept.minus(least(value));
            let mut share = room.minus(kept);
            let label = label(self, &key, &mut share);
            let shown = self.value(value, depth.saturating_add(1), &mut share);
            *room = kept.plus(share);
            rows.push(html! {
                div.member.leaf[!is_container(value)] {
                    dt { (label) " " (kind(value)) }
                    dd { (shown) }
                }
            });
        }
        rows
    }

    fn key(&mut self, key: &str, room: &mut Room) -> Markup {
        if key.is_empty() {
            return html! { span.key.unnamed { "empty key" } };
        }
        let shown = show(key, Form::NAME);
        room.text = room.text.saturating_sub(shown.cost);
        self.shortened |= shown.hidden > 0;
        html! { span.key { (shown.markup) } }
    }
}

/// Joins the rows of one container, and says how many of its `count` members are not among them.
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

/// Names the JSON type beside the key, with the size where that says something.
fn kind(value: Value<'_>) -> Markup {
    let kind = match value.kind() {
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
    };
    html! { span.kind { (kind) } }
}

/// Reduces a key to what a hurried reader sees of it.
fn likeness(key: &str) -> String {
    key.chars()
        .filter(|char| !matches!(char, ' ' | '_' | '-') && unseen::name(*char).is_none())
        .flat_map(char::to_lowercase)
        .collect()
}
