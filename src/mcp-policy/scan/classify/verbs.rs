//! What verbs say about tools.

use crate::scan::class::Class;

/// What a word says if it is the verb of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// The class of tools with this verb
    pub class: Class,
    /// Whether the word is hardly ever anything but a verb in the name of a tool: `list` is, `comment` may be a noun
    pub plain: bool,
}

/// Words that are verbs wherever they stand in a name.
const PLAIN: [(Class, &str); 5] = [
    (
        Class::Read,
        "get list read fetch search find describe retrieve lookup look show inspect browse count check explain \
         summarize summarise analyze analyse compare query explore discover detect enumerate examine extract parse \
         estimate calculate compute convert translate classify validate verify lint diagnose watch tail peek \
         recommend suggest rank grep glob cat ls stat whoami scrape crawl recall identify locate display paginate \
         obtain load download export generate render transcribe observe collect gather visualize visualise simulate \
         predict decode encode",
    ),
    (
        Class::Write,
        "create add update edit write set put patch insert upsert modify change rename move copy upload save store \
         append assign unassign attach detach unlink enable disable configure register invite share publish send \
         reply upvote downvote merge push stage unstar follow unfollow subscribe unsubscribe mark unpin import \
         replace submit respond reopen archive unarchive restore complete transition manage apply make define init \
         initialize initialise upgrade provision click fill press hover drag tap swipe resize emulate handle autofix \
         fix sync synchronize duplicate clone notify remember memorize ingest embed adjust increment decrement extend \
         accept reject approve decline dismiss acknowledge activate deactivate mute unmute lock unlock hide unhide \
         toggle grant join leave deploy customize rewrite reorder undo redo crop annotate schedule reschedule post \
         migrate rotate renew regenerate",
    ),
    (
        Class::Execute,
        "run execute exec eval evaluate invoke trigger launch start stop restart reboot resume pause suspend spawn \
         navigate goto visit wait switch perform dispatch rerun retry replay compile rollback connect disconnect \
         delegate login",
    ),
    (
        Class::Destructive,
        "delete remove destroy drop purge wipe erase truncate clear reset uninstall kill terminate revoke ban kick \
         discard unpublish deregister unregister deprovision decommission cancel revert overwrite prune evict flush \
         trash nuke rm del rmdir",
    ),
    (Class::Financial, "pay refund purchase buy sell withdraw donate"),
];

/// Words that are verbs only if they come first, or if nothing else is a verb.
const LOOSE: [(Class, &str); 5] = [
    (
        Class::Read,
        "view take audit resolve map status info trace profile measure report capture format score diff plan think \
         draft ask access monitor preview screenshot forecast return provide ping health research review guess help \
         answer learn see hash",
    ),
    (
        Class::Write,
        "link comment commit fork tag label close type queue email log record note index install message document \
         design star pin bookmark rate vote flag issue book order group scale tune scroll like branch form enter \
         build select",
    ),
    (
        Class::Execute,
        "call open shell bash terminal command script test train process new job automate interact control",
    ),
    (Class::Destructive, "void expire empty force block"),
    (Class::Financial, "charge payout bid stake invoice bill"),
];

/// Returns what a word in lower case says as a verb.
pub fn verb(word: &str) -> Option<Verb> {
    let class_of = |table: &[(Class, &str)]| {
        table
            .iter()
            .find(|(_, words)| words.split_ascii_whitespace().any(|known| known == word))
            .map(|entry| entry.0)
    };
    let plain = class_of(&PLAIN).map(|class| Verb { class, plain: true });
    plain.or_else(|| class_of(&LOOSE).map(|class| Verb { class, plain: false }))
}

/// Returns what a word says as a verb in any of its forms: `deletes`, `deleting`.
pub fn verb_in_any_form(word: &str) -> Option<Verb> {
    let without = |end: &str, instead: &str| word.strip_suffix(end).map(|stem| format!("{stem}{instead}"));
    // `running` comes from `run`.
    let doubled = word.strip_suffix("ing").and_then(|stem| {
        let mut from_end = stem.chars().rev();
        let last = from_end.next()?;
        (from_end.next() == Some(last)).then(|| stem.strip_suffix(last).map(str::to_owned))?
    });
    let stems = [
        Some(word.to_owned()),
        without("ies", "y"),
        without("s", ""),
        without("es", ""),
        without("ing", ""),
        without("ing", "e"),
        doubled,
    ];
    stems.into_iter().flatten().find_map(|stem| verb(&stem))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_word_has_one_meaning() {
        let mut seen = BTreeSet::new();
        for word in PLAIN.iter().chain(&LOOSE).flat_map(|(_, words)| words.split_ascii_whitespace()) {
            assert!(seen.insert(word), "`{word}` occurs twice: only the first counts");
        }
    }
}
