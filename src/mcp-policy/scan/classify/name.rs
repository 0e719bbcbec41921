//! What a tool's name says.

use super::verbs::{Verb, verb};
use crate::scan::class::Class;
use crate::scan::findings::lookalike;
use crate::words;

/// What the name of a tool says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The verb and what it says, if there is one
    pub verb: Option<(String, Verb)>,
    /// What the verb acts on
    pub object: Vec<String>,
    /// The last word
    pub last: Option<String>,
}

/// Words between two verbs that both count: `search_and_replace`.
const JOINS: [&str; 3] = ["and", "or", "then"];

/// Verbs after which the rest of a name says what is asked for.
const ASKS: [&str; 9] = ["get", "list", "read", "fetch", "describe", "show", "count", "check", "retrieve"];

/// What can only be formatted by erasing it.
const ERASED_BY_FORMAT: [&str; 5] = ["disk", "drive", "partition", "volume", "filesystem"];

/// Reads a name. `prefix` is how many words stand before the names of all tools of the server.
pub fn read(name: &str, prefix: usize) -> Named {
    let words = words::of_name(&lookalike::in_ascii(name));
    let words = words.get(prefix..).unwrap_or_default();
    let verbs: Vec<(usize, Verb)> =
        words.iter().enumerate().filter_map(|(at, word)| Some((at, verb(word)?))).collect();
    let last = words.len().checked_sub(1);
    let head = verbs
        .iter()
        .find(|(_, verb)| verb.plain)
        .or_else(|| verbs.iter().find(|&&(at, _)| at == 0))
        .or_else(|| verbs.iter().find(|&&(at, _)| Some(at) == last));
    // `monitor_delete` deletes, and `list_pending_delete` lists.
    let ends = verbs
        .last()
        .filter(|&&(at, verb)| Some(at) == last && verb.plain && verb.class == Class::Destructive);
    let asks =
        verbs.first().is_some_and(|&(at, _)| words.get(at).is_some_and(|word| ASKS.contains(&word.as_str())));
    // `list_delete_all` and `fetch_exec` do more than they ask for.
    let second = verbs.get(1).filter(|&&(at, verb)| {
        asks && verbs.first().is_some_and(|&(first, _)| first.checked_add(1) == Some(at))
            && does_more(words, at, verb)
    });
    let head = second.or(ends.filter(|_| !asks)).or(head);
    let Some(&(at, first)) = head else {
        return Named { verb: None, object: words.to_vec(), last: words.last().cloned() };
    };
    // `get_or_create` creates.
    let joined = verbs.iter().filter(|&&(other, _)| {
        let before = other.checked_sub(1).and_then(|before| words.get(before));
        other > at && before.is_some_and(|before| JOINS.contains(&before.as_str()))
    });
    let (place, verb) = joined
        .fold((at, first), |worst, &(at, verb)| if verb.class > worst.1.class { (at, verb) } else { worst });
    let after = words::object(words.get(place.saturating_add(1)..).unwrap_or_default());
    let object = if after.is_empty() { words.get(..at).unwrap_or_default() } else { after };
    let word = words.get(place).cloned().unwrap_or_default();
    let erases = word == "format" && object.iter().any(|object| ERASED_BY_FORMAT.contains(&object.as_str()));
    let verb = if erases { Verb { class: Class::Destructive, plain: true } } else { verb };
    Named { verb: Some((word, verb)), object: object.to_vec(), last: words.last().cloned() }
}

/// Returns whether a verb behind one that asks is hardly ever what is asked for.
fn does_more(words: &[String], at: usize, verb: Verb) -> bool {
    let word = words.get(at).map(String::as_str);
    verb.plain && (verb.class == Class::Destructive || matches!(word, Some("exec" | "execute" | "eval")))
}

/// Returns how many words stand before the names of (almost) all tools of a server: `slack_`, `n8n_`.
pub fn common_prefix<'n>(names: impl Iterator<Item = &'n str> + Clone) -> usize {
    let all: Vec<Vec<String>> = names.map(words::of_name).collect();
    if all.len() < 3 {
        return 0;
    }
    let Some(first) = all.iter().find_map(|words| words.first()) else { return 0 };
    let alike = all.iter().filter(|words| words.first() == Some(first) && words.len() > 1).count();
    // Names that all begin with `get` have no prefix.
    usize::from(alike == all.len() && verb(first).is_none_or(|verb| !verb.plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_that_asks_does_not_hide_what_follows() {
        for (name, class) in [
            ("list_delete_all", Class::Destructive),
            ("get_purge_cache", Class::Destructive),
            ("fetch_exec", Class::Execute),
            ("format_drive", Class::Destructive),
            ("format_text", Class::Read),
            ("list_deleted_items", Class::Read),
            ("list_pending_delete", Class::Read),
            ("get_run", Class::Read),
        ] {
            let verb = read(name, 0).verb.map(|(_, verb)| verb.class);
            assert_eq!(verb, Some(class), "{name}");
        }
    }

    #[test]
    fn letters_that_look_like_ascii_are_read_as_they_look() {
        for name in [
            "delete_user",
            "d\u{435}lete_user",
            "\u{ff44}\u{ff45}\u{ff4c}\u{ff45}\u{ff54}\u{ff45}_user",
            "re\u{ff4d}ove",
        ] {
            let verb = read(name, 0).verb.map(|(_, verb)| verb.class);
            assert_eq!(verb, Some(Class::Destructive), "{name}");
        }
    }
}
