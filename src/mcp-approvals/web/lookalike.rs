//! Letters that look like others: words that mix alphabets, and words that only look as if they were ASCII.
//!
//! The tables are Unicode's own (UTS 39). Ordinary text in any language is not marked: the letters of one
//! word must come from two alphabets, or a word must imitate an ASCII one in a place where ASCII is expected.

use std::collections::HashMap;
use std::ops::Range;

use unicode_script::{Script, UnicodeScript as _};
use unicode_security::{GeneralSecurityProfile as _, MixedScript as _};

use super::unseen;

/// The most marks in one text.
const MAX_MARKS: usize = 32;

/// ASCII punctuation that structures an address. A character that looks like one of these can hide where an
/// address leads.
const STRUCTURE: &str = "/\\.:@?#&=%";

/// A run of letters that are not what they seem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Where it is in the text, in bytes
    pub place: Range<usize>,
    /// What it is: the name of its alphabet, or a code point
    pub label: String,
}

/// Finds the odd letters of `text`, at most 32 runs. With `name`, the text is a name, an address or a key,
/// where look-alikes are less likely to be ordinary words.
pub fn find(text: &str, name: bool) -> Vec<Odd> {
    let mut found = Vec::new();
    if text.is_ascii() {
        return found;
    }
    let alone = !text.trim().contains(char::is_whitespace);
    for token in text.split(char::is_whitespace).filter(|token| !token.is_ascii()) {
        let start = offset(text, token);
        let place = Place { name, alone, address: is_address(token), ascii: has_ascii_letter(token) };
        for word in words(token).filter(|word| !word.is_ascii()) {
            let at = start.saturating_add(offset(token, word));
            if let Some(oddity) = oddity(word, place) {
                mark(&mut found, word, at, oddity);
            }
        }
        mark_signs(&mut found, token, start, name);
        if found.len() >= MAX_MARKS {
            found.truncate(MAX_MARKS);
            break;
        }
    }
    found.sort_by_key(|odd| odd.place.start);
    found
}

/// Writes the name of the alphabet, or the code point, after each run of odd letters.
pub fn labeled(text: &str, name: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for odd in find(text, name) {
        out.push_str(text.get(from..odd.place.end).unwrap_or_default());
        out.push_str(&format!("⟨{}⟩", odd.label));
        from = odd.place.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Reduces a name to what a hurried reader sees. Names that look alike have the same result: it ignores
/// case, unseen characters, spaces, `-` and `_`, and treats look-alikes as equal.
pub fn appearance(name: &str) -> String {
    let seen: String = name
        .chars()
        .filter(|char| !matches!(char, ' ' | '_' | '-') && unseen::name(*char).is_none())
        .collect();
    let alike: String = unicode_security::skeleton(&seen).collect();
    let lower: String = alike.chars().flat_map(char::to_lowercase).collect();
    // A small letter may have another look-alike than its capital.
    unicode_security::skeleton(&lower).flat_map(char::to_lowercase).collect()
}

/// Where a word stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// In a name or a key
    name: bool,
    /// In a text without spaces
    alone: bool,
    /// In an address, such as a URL
    address: bool,
    /// In a token with ASCII letters or digits
    ascii: bool,
}

/// What is odd about a word.
#[derive(Debug, Clone, Copy)]
enum Oddity {
    /// It looks like this ASCII word, so every other letter is odd
    Imitation,
    /// It mixes alphabets; most of its letters are of this one
    Mixture(Script),
}

impl Oddity {
    /// Returns whether a letter of the word is odd.
    fn includes(self, char: char) -> bool {
        match self {
            Self::Imitation => !char.is_ascii(),
            Self::Mixture(main) => is_letter_of_a_script(char) && char.script() != main,
        }
    }
}

/// Returns what is odd about a word, if anything is.
fn oddity(word: &str, place: Place) -> Option<Oddity> {
    let imitates = unicode_security::skeleton(word).all(|char| char.is_ascii());
    let scripts = scripts(word);
    let mixed = !word.is_single_script() && !is_mixed_by_custom(&scripts);
    let latin = scripts.keys().all(|script| *script == Script::Latin);
    let expected = if word.chars().all(|char| char.is_ascii() || char.identifier_allowed()) && latin {
        // Letters of one language, such as `ı` and `þ`.
        place.address || place.name
    } else {
        place.address || place.name || place.alone || place.ascii
    };
    if imitates && (mixed || expected) {
        return Some(Oddity::Imitation);
    }
    let main = scripts.iter().max_by_key(|(script, count)| (**count, **script == Script::Latin));
    main.filter(|_| mixed).map(|(script, _)| Oddity::Mixture(*script))
}

/// Returns how many letters of each alphabet a word has.
fn scripts(word: &str) -> HashMap<Script, usize> {
    let mut scripts = HashMap::new();
    for char in word.chars().filter(|char| is_letter_of_a_script(*char)) {
        let count: &mut usize = scripts.entry(char.script()).or_default();
        *count = count.saturating_add(1);
    }
    scripts
}

fn is_letter_of_a_script(char: char) -> bool {
    !matches!(char.script(), Script::Common | Script::Inherited | Script::Unknown)
}

/// Returns whether these alphabets are mixed in ordinary words: those of Chinese, Japanese and Korean, with
/// Latin letters or without.
fn is_mixed_by_custom(scripts: &HashMap<Script, usize>) -> bool {
    use Script::{Bopomofo, Han, Hangul, Hiragana, Katakana, Latin};
    scripts.keys().all(|script| matches!(script, Latin | Han | Hiragana | Katakana | Bopomofo | Hangul))
}

/// Adds each run of odd letters of one word.
fn mark(found: &mut Vec<Odd>, word: &str, at: usize, oddity: Oddity) {
    let mut last: Option<(Range<usize>, Script)> = None;
    let mut runs = Vec::new();
    for (index, char) in word.char_indices() {
        if runs.len() >= MAX_MARKS {
            break;
        }
        let script = char.script();
        let end = index.saturating_add(char.len_utf8());
        match &mut last {
            Some((place, of)) if oddity.includes(char) && *of == script => place.end = end,
            _ => {
                runs.extend(last.take());
                last = oddity.includes(char).then_some((index..end, script));
            }
        }
    }
    runs.extend(last);
    for (place, script) in runs {
        let first = word.get(place.clone()).and_then(|run| run.chars().next()).unwrap_or_default();
        let place = at.saturating_add(place.start)..at.saturating_add(place.end);
        found.push(Odd { place, label: label(script, first) });
    }
}

/// Adds the signs that look like ASCII punctuation.
fn mark_signs(found: &mut Vec<Odd>, token: &str, at: usize, name: bool) {
    let mut before: Option<char> = None;
    let mut chars = token.char_indices().peekable();
    while let Some((index, char)) = chars.next() {
        let after = chars.peek().map(|(_, char)| *char);
        let within = [before, after].iter().all(|near| near.is_some_and(|char| char.is_ascii_alphanumeric()));
        if !char.is_ascii() && !char.is_alphanumeric() && unseen::name(char).is_none() && (name || within) {
            let mut text = [0; 4];
            let mut alike = unicode_security::skeleton(char.encode_utf8(&mut text));
            let imitates = |like: char| if within { STRUCTURE.contains(like) } else { like.is_ascii() };
            if alike.next().is_some_and(imitates) && alike.next().is_none() {
                let start = at.saturating_add(index);
                let place = start..start.saturating_add(char.len_utf8());
                found.push(Odd { place, label: label(Script::Common, char) });
            }
        }
        before = Some(char);
    }
}

fn label(script: Script, first: char) -> String {
    match script {
        Script::Common | Script::Inherited | Script::Unknown | Script::Latin if !first.is_ascii() => {
            format!("U+{:04X}", u32::from(first))
        }
        script => script.full_name().replace('_', " "),
    }
}

/// Returns the words of a token: runs of letters, digits and accents.
fn words(token: &str) -> impl Iterator<Item = &str> {
    let part = |char: char| char.is_alphanumeric() || matches!(char.script(), Script::Inherited);
    token.split(move |char: char| !part(char) || unseen::name(char).is_some()).filter(|word| !word.is_empty())
}

/// Returns whether a token has the form of a URL, a domain or an e-mail address.
fn is_address(token: &str) -> bool {
    let mut dots = token.split('.').map(|part| {
        let edge = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
        (edge(part.chars().next()), edge(part.chars().next_back()))
    });
    let mut before = dots.next().is_some_and(|(_, last)| last);
    let dotted = dots.any(|(first, last)| std::mem::replace(&mut before, last) && first);
    token.contains("://") || token.contains('@') || dotted
}

fn has_ascii_letter(token: &str) -> bool {
    token.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Returns where `part`, a slice of `whole`, starts in it.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(whole.as_ptr().addr())
}

#[cfg(test)]
mod tests;
