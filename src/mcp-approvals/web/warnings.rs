//! Warnings about the texts of a call.

use maud::{Markup, html};

use super::approval::Shown;
use super::text::{grouped, name};
use super::unseen::{self, UnseenCharacters};
use crate::model::Question;

/// How many kinds of unseen characters the warning lists.
const LISTED_KINDS: usize = 8;

/// Returns the warnings about a call's arguments, other params and names.
pub fn of(question: &Question, shown: &Shown) -> Markup {
    let parts = std::iter::once(&shown.arguments).chain(&shown.params);
    let alike = parts.clone().any(|part| part.alike);
    let mut unseen = UnseenCharacters::default();
    for part in parts {
        unseen.merge(&part.unseen);
    }
    for name in [&question.tool, &question.server, &question.grant, &question.rule] {
        unseen.add(name, false);
    }
    for name in [&question.principal, &question.source, &question.host, &question.path].into_iter().flatten()
    {
        unseen.add(name, false);
    }
    if let Some(reason) = &question.reason {
        unseen.add(reason, true);
    }
    html! {
        @if shown.is_shortened() {
            div.callout.danger {
                strong { "Not everything is shown. " }
                "The arguments or other params are longer or deeper than this page can show. The download has all of them."
            }
        }
        @if !unseen.counts.is_empty() { (invisible(&unseen)) }
        @if !unseen.alphabets.is_empty() { (look_alikes(&unseen)) }
        @if alike {
            div.callout.danger {
                strong { "Two keys of one object look alike. " }
                "A server may confuse them. Each is marked."
            }
        }
    }
}

fn invisible(unseen: &UnseenCharacters) -> Markup {
    let counts = &unseen.counts;
    html! {
        div.callout.danger {
            strong { "This call contains invisible or misleading characters. " }
            "Each one is marked with its code point: "
            @for (index, (char, times)) in counts.iter().take(LISTED_KINDS).enumerate() {
                @if index > 0 { ", " }
                (grouped(*times)) " × " (unseen::name(*char).unwrap_or_default())
                " " span.mark dir="ltr" { "⟨U+" (format!("{:04X}", u32::from(*char))) "⟩" }
            }
            @if counts.len() > LISTED_KINDS { " and " (counts.len().saturating_sub(LISTED_KINDS)) " other kinds" }
            "."
        }
    }
}

fn look_alikes(unseen: &UnseenCharacters) -> Markup {
    html! {
        div.callout.danger {
            strong { "Some letters are not what they seem. " }
            "A word mixes alphabets, or looks like a word in other letters. Such letters are underlined and followed by "
            "their alphabet or code point: "
            @for (index, alphabet) in unseen.alphabets.iter().take(LISTED_KINDS).enumerate() {
                @if index > 0 { ", " }
                span.mark dir="ltr" { "⟨" (name(alphabet)) "⟩" }
            }
            ". Compare addresses and names letter by letter."
        }
    }
}
