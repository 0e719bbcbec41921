//! What a tool's description says.

use super::verbs::{Verb, verb_in_any_form};
use crate::scan::class::Class;
use crate::words;

/// What the description of a tool says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// The first verb and what it says; the most dangerous, if several are listed
    pub verb: Option<(String, Verb)>,
    /// What the verb acts on
    pub object: Vec<String>,
    /// A phrase that says more than a word, and what it says
    pub phrase: Option<(&'static str, Class)>,
    /// Whether it says that nothing changes
    pub read_only: Option<&'static str>,
    /// A noun that only tools that read have, such as `details`
    pub noun: Option<String>,
}

/// Words before the verb of a description: "This tool allows you to …"
const BEFORE_VERB: &str = "this tool the a an use used to allows allow you lets let enables user users agents agent can will \
                           that which for ability function helper when it is quickly safely permanently recursively \
                           asynchronously please your once already has have";

/// Phrases that say what cannot be seen from the verb.
const PHRASES: [(&str, Class); 14] = [
    ("cannot be undone", Class::Destructive),
    ("can't be undone", Class::Destructive),
    ("can not be undone", Class::Destructive),
    ("irreversible", Class::Destructive),
    ("irreversibly", Class::Destructive),
    ("permanently delete", Class::Destructive),
    ("permanently remove", Class::Destructive),
    ("permanently erase", Class::Destructive),
    ("transfers funds", Class::Financial),
    ("transfer funds", Class::Financial),
    ("send funds", Class::Financial),
    ("will be charged", Class::Financial),
    ("real money", Class::Financial),
    ("moves money", Class::Financial),
];

const READ_ONLY: [&str; 6] =
    ["read-only", "readonly", "read only", "does not modify", "without modifying", "makes no changes"];

/// Nouns of descriptions and names without a verb.
const READ_NOUNS: &str = "info information details detail listing listings overview summary statistics stats status \
                          history documentation docs metadata schema results logs metrics health version versions \
                          discovery inspection exploration directory help guide weather news forecast quote quotes \
                          examples insights availability access lookup search";

/// Returns whether a word is a noun that only tools that read have.
pub fn is_read_noun(word: &str) -> bool {
    READ_NOUNS.split_ascii_whitespace().any(|known| known == word)
}

/// Reads a description.
pub fn read(description: &str) -> Described {
    let lower = description.to_lowercase();
    let words = words::of_sentence(words::first_sentence(description));
    let skipped = words.iter().take_while(|word| is_in(BEFORE_VERB, word)).count();
    let phrase = PHRASES.into_iter().find(|(phrase, _)| lower.contains(phrase));
    let read_only = READ_ONLY.into_iter().find(|phrase| lower.contains(phrase));
    let noun = words.iter().find(|word| is_read_noun(word)).cloned();
    let found = words.get(skipped).and_then(|word| Some((skipped, verb_in_any_form(word)?)));
    let Some((at, first)) = found else {
        return Described { verb: None, object: words, phrase, read_only, noun };
    };
    let (place, verb) = worst_of_list(&words, at, first);
    let after = words.get(place.saturating_add(1)..).unwrap_or_default();
    let word = words.get(place).cloned().unwrap_or_default();
    Described { verb: Some((word, verb)), object: words::object(after).to_vec(), phrase, read_only, noun }
}

/// Returns the most dangerous verb of a list such as "Create, update or delete", and its place.
fn worst_of_list(words: &[String], at: usize, first: Verb) -> (usize, Verb) {
    let mut worst = (at, first);
    let mut joined = false;
    for (place, word) in words.iter().enumerate().skip(at.saturating_add(1)) {
        match (word.as_str(), verb_in_any_form(word)) {
            ("," | "and" | "or" | "then", _) => joined = true,
            (_, Some(verb)) if joined => {
                if verb.class > worst.1.class {
                    worst = (place, verb);
                }
                joined = false;
            }
            _ => break,
        }
    }
    worst
}

fn is_in(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}
