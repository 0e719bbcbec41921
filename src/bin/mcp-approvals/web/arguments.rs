//! A call's arguments, laid out for somebody who has little time and must not be fooled.
//!
//! The text is read by the filter's own reader, so that every number shows as it was written. What
//! is shown is bounded; what is left out is counted, and every part gets its share before any takes
//! more, so that nothing can be pushed out of sight by what stands before it.

use std::collections::HashSet;

use maud::{Markup, html};
use mcp_policy_filter::json::{self, Kind, Value};

use super::odd::{self, Odd};
use super::text::{Form, grouped, show};

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
    pub odd: Odd,
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
            return Self { markup, shortened: shown.hidden > 0, odd: Odd::default(), alike: false };
        };
        let root = document.root();
        let mut layout = Layout { shortened: false, alike: false };
        let mut room = Room { values: MAX_VALUES, text: MAX_TEXT };
        let empty = root.entries().next().is_none() && root.is_object();
        let markup = html! {
            @if empty { p.nothing { "No arguments." } } @else { (layout.value(root, 0, &mut room)) }
        };
        Self { markup, shortened: layout.shortened, odd: Odd::of(root), alike: layout.alike }
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
        .filter(|char| !matches!(char, ' ' | '_' | '-') && odd::name(*char).is_none())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        Arguments::of(text).markup.into_string()
    }

    #[test]
    fn each_type_shows_as_its_own() {
        for (text, expected) in [
            (r#"{"a":"b"}"#, "<span class=\"string\"><bdi>b</bdi></span>"),
            (r#"{"a":"true"}"#, "<span class=\"string\"><bdi>true</bdi></span>"),
            (r#"{"a":true}"#, "<span class=\"word\">true</span>"),
            (r#"{"a":null}"#, "<span class=\"word\">null</span>"),
            (r#"{"a":1e3}"#, "<span class=\"number\"><bdi>1e3</bdi></span>"),
            (r#"{"a":12345678901234567890.10}"#, "<bdi>12345678901234567890.10</bdi>"),
            (r#"{"a":-0}"#, "<bdi>-0</bdi>"),
            (r#"{"a":[]}"#, "<span class=\"nothing\">no elements</span>"),
            (r#"{"a":{}}"#, "<span class=\"nothing\">no members</span>"),
            (r#"{"":1}"#, "empty key"),
            (r#"{"a":[1,2]}"#, "<span class=\"index\">[1]</span>"),
            ("{}", "No arguments."),
            ("nonsense", "no JSON text"),
        ] {
            let html = html(text);
            assert!(html.contains(expected), "{text}: {html}");
        }
    }

    #[test]
    fn hostile_arguments_are_escaped_and_marked() {
        for (text, expected) in [
            (r#"{"<script>":"</dd><script src=x>"}"#, "&lt;/dd&gt;&lt;script src=x&gt;"),
            (r#"{"a\" onclick=\"x":1}"#, "a&quot; onclick=&quot;x"),
            (r#"{"to":"\u202etxt.exe"}"#, "⟨U+202E⟩"),
            (r#"{"a":"\u0000"}"#, "⟨U+0000⟩"),
            (
                r#"{"amount\u200b":1}"#,
                "amount<span class=\"mark\" title=\"zero width space\">⟨U+200B⟩</span>",
            ),
            (r#"{"amount ":1}"#, "⟨U+0020⟩"),
        ] {
            let html = html(text);
            assert!(html.contains(expected), "{text}: {html}");
            assert!(!html.contains("<script"), "{html}");
        }
    }

    #[test]
    fn keys_that_look_alike_are_noticed() {
        for (text, expected) in [
            (r#"{"amount":1,"Amount":2}"#, true),
            (r#"{"amount":1,"amount\u200b":2}"#, true),
            (r#"{"a":{"to_user":1,"toUser":2}}"#, true),
            (r#"{"amount":1,"currency":"EUR"}"#, false),
            (r#"{"a":{"x":1},"b":{"x":1}}"#, false),
        ] {
            assert_eq!(Arguments::of(text).alike, expected, "{text}");
        }
    }

    #[test]
    fn whatever_is_sent_the_page_stays_small() {
        let megabyte = 1 << 20;
        let nested = |times: usize| format!("{{\"a\":{}1{}}}", "[".repeat(times), "]".repeat(times));
        let wide = |unit: &str, times: usize| format!("{{\"a\":[{}]}}", vec![unit; times].join(","));
        let keys: Vec<String> = (0..10_000).map(|index| format!("\"key{index}\":{index}")).collect();
        let long_key = format!("{{\"{}\":1}}", "k".repeat(megabyte));
        for (name, text, most) in [
            ("one string", format!("{{\"a\":\"{}\"}}", "x".repeat(megabyte)), 10_000),
            ("one number", format!("{{\"a\":{}}}", "1".repeat(megabyte)), 10_000),
            ("one key", long_key, 2_000),
            ("depth 99", nested(99), 5_000),
            ("depth 500,000", nested(500_000), 5_000),
            ("numbers", wide("1", 10_000), 60_000),
            ("members", format!("{{{}}}", keys.join(",")), 60_000),
            ("objects", wide("{\"a\":[1,2,3],\"b\":{\"c\":null}}", 10_000), 500_000),
            ("long strings", wide(&format!("\"{}\"", "x".repeat(3000)), 300), 400_000),
            ("strings of marks", wide(&format!("\"{}\"", "\\u202ea".repeat(300)), 500), 1_500_000),
        ] {
            let arguments = Arguments::of(&text);
            let html = arguments.markup.into_string();
            assert!(html.len() < most, "{name}: {}", html.len());
            assert!(arguments.shortened, "{name}");
        }
    }

    #[test]
    fn what_comes_first_does_not_push_out_what_comes_after() {
        let filler = vec!["[1,[2,[3]]]"; 180].join(",");
        let bulk = format!("[{}]", vec![format!("[{filler}]"); 20].join(","));
        let text = format!("{{\"note\":{bulk},\"text\":\"{}\",\"amount\":987654}}", "x".repeat(500_000));
        let arguments = Arguments::of(&text);
        let html = arguments.markup.into_string();
        assert!(arguments.shortened);
        assert!(html.contains("<bdi>987654</bdi>") && html.len() < 500_000, "{}", html.len());
    }

    #[test]
    fn what_is_small_takes_little_from_what_is_large() {
        let row = r#"{"id":1,"name":"row","tags":["a","b"]}"#;
        let text = format!("{{\"rows\":[{}],\"table\":\"customers\"}}", vec![row; 200].join(","));
        let arguments = Arguments::of(&text);
        assert!(!arguments.shortened);
        assert_eq!(arguments.markup.into_string().matches("<bdi>b</bdi>").count(), 200);
    }

    #[test]
    fn ordinary_arguments_are_whole() {
        let text = r#"{"to":["a@example.com"],"amount":12.50,"memo":"Two\nlines","options":{"urgent":true}}"#;
        let arguments = Arguments::of(text);
        assert!(!arguments.shortened && !arguments.alike && arguments.odd.times.is_empty());
    }
}
