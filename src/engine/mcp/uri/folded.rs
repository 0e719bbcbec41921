//! The spelling that all spellings of a URI have in common.

use std::borrow::Cow;

use super::decode;
use crate::text::hex;

/// A URI as servers could read it: its percent-encoding is undone, and its ASCII letters are in lower case.
///
/// Servers decode percent-encoding, ignore the case of a host, and leave out a query whose names they do not know, and a
/// slash at the end. The C# SDK compares URIs with templates without regard to case. None of this is certain, so another
/// spelling is no obstacle.
#[derive(Debug)]
pub struct Folded<'u> {
    whole: Cow<'u, str>,
    /// Without the slash at the end of its path, if there is one
    short: Option<String>,
    /// How many bytes the fragment has, and how many the query and the fragment
    behind: [usize; 2],
}

/// How many forms of a URI there are at most.
const FORMS: usize = 8;

impl<'u> Folded<'u> {
    /// Folds a URI.
    #[must_use]
    pub fn of(uri: &'u str) -> Self {
        let parts = parts(uri);
        let folded =
            if is_folded(uri) { parts.map(Cow::Borrowed) } else { folded_parts(parts).map(Cow::Owned) };
        let [path, query, fragment] = &folded;
        let short = path.strip_suffix('/').map(|path| [path, query, fragment].concat());
        let behind = [fragment.len(), query.len().saturating_add(fragment.len())];
        let whole = if is_folded(uri) { uri.into() } else { folded.concat().into() };
        Self { whole, short, behind }
    }

    /// Returns the folded URI, and what is left of it without its fragment, its query, and a slash at the end. Each comes with
    /// whether it has the query.
    #[must_use]
    pub fn forms(&self) -> Vec<(&str, bool)> {
        let mut forms: Vec<(&str, bool)> = Vec::with_capacity(FORMS);
        for text in [Some(&*self.whole), self.short.as_deref()].into_iter().flatten() {
            let [located, path] = self.behind.map(|behind| {
                let length = text.len().saturating_sub(behind);
                text.get(..length).unwrap_or(text)
            });
            let query = located.len() > path.len();
            let stripped = located.strip_suffix('/').filter(|_| query).unwrap_or(located);
            for form in [(text, query), (located, query), (stripped, query), (path, false)] {
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        forms
    }
}

/// Returns how many [forms](Folded::forms) beside itself a URI has at most, and how many bytes each of them has at most.
#[must_use]
pub fn forms(uri: &str) -> (usize, usize) {
    let has_others = !is_folded(uri) || uri.ends_with('/') || uri.contains(['?', '#']);
    let longest = if uri.contains('*') { uri.len().saturating_mul(3) } else { uri.len() };
    (if has_others { FORMS } else { 0 }, longest)
}

/// Folds the text of an entry as URIs are folded, but a `*` stays one.
#[must_use]
pub fn folded_entry(text: &str) -> String {
    if !text.contains('*') {
        let [path, query, fragment] = &folded_parts(parts(text));
        return [path.strip_suffix('/').unwrap_or(path), query, fragment].concat();
    }
    let pieces: Vec<&str> = text.split('*').collect();
    let last = pieces.len().saturating_sub(1);
    let pieces = pieces.into_iter().enumerate().map(|(number, piece)| {
        let piece = decoded(piece);
        let piece = if number > 0 { uncut_start(&piece) } else { &piece };
        if number < last { uncut_end(piece) } else { without_slash(piece) }.to_ascii_lowercase()
    });
    pieces.collect::<Vec<_>>().join("*")
}

/// Leaves out the slash at the end of a text that has more than it.
fn without_slash(text: &str) -> &str {
    text.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(text)
}

/// Tells whether folding changes nothing of a URI but the slash at its end.
fn is_folded(uri: &str) -> bool {
    !uri.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'%' || byte == b'*')
}

/// Splits a URI before its query and before its fragment.
fn parts(uri: &str) -> [&str; 3] {
    let (located, fragment) = uri.split_at(uri.find('#').unwrap_or(uri.len()));
    let (path, query) = located.split_at(located.find('?').unwrap_or(located.len()));
    [path, query, fragment]
}

fn folded_parts([path, query, fragment]: [&str; 3]) -> [String; 3] {
    [path, query, fragment].map(|part| {
        let mut part = decoded(part);
        part.make_ascii_lowercase();
        part
    })
}

/// Undoes one layer of percent-encoding. What is not UTF-8 stays encoded. So does a `*`, which would look like that of a
/// pattern.
fn decoded(text: &str) -> String {
    if !text.contains(['%', '*']) {
        return text.to_owned();
    }
    let bytes = decode(text.as_bytes()).unwrap_or_else(|| text.into());
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for (number, piece) in chunk.valid().split('*').enumerate() {
            out.push_str(if number > 0 { "%2A" } else { "" });
            out.push_str(piece);
        }
        for byte in chunk.invalid() {
            out.push('%');
            out.push_str(&hex(&[*byte]).to_ascii_uppercase());
        }
    }
    out
}

/// Leaves out what a `*` in front of a text cuts from a character: in another spelling, it is not there.
fn uncut_start(text: &str) -> &str {
    let mut text = text;
    while text.starts_with('%') {
        text = text.get(3..).unwrap_or_default();
    }
    text
}

/// Leaves out what a `*` behind a text cuts from a character.
fn uncut_end(text: &str) -> &str {
    let mut text = text;
    while let Some((before, digits)) = text.rsplit_once('%')
        && digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        text = before;
    }
    text
}
