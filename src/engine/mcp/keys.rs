//! Keys that one server reads as a protocol key and another does not.
//!
//! Go's `encoding/json` matches keys after Unicode case folding, C libraries cut them at a NUL. A
//! filter that looks for `name` alone would judge one tool and let the server run another.

use std::borrow::Cow;

use crate::json::{TextMap, Value, is_visible};
use crate::text::fold;

/// The key whose value clients in JavaScript can read members from that the object itself does not have: a copy of the
/// object, key by key, makes it the prototype.
pub(super) const PROTOTYPE: &str = "__proto__";

/// What an object holds under one protocol key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'d> {
    pub key: &'static str,
    /// The first value under the key
    pub value: Option<Value<'d>>,
    /// Whether the key stands more than once
    pub repeated: bool,
    /// Byte offset of the first value under another spelling of the key
    pub respelled: Option<usize>,
}

impl<'d> Member<'d> {
    fn add(&mut self, value: Value<'d>) {
        self.repeated = self.value.is_some();
        self.value.get_or_insert(value);
    }
}

/// Finds the members of an object under `keys`, in one walk. Without an object they are all absent.
pub(super) fn pick<'d, const N: usize>(
    object: impl Into<Option<Value<'d>>>,
    keys: [&'static str; N],
) -> [Member<'d>; N] {
    let mut members = keys.map(|key| Member { key, value: None, repeated: false, respelled: None });
    if let Some(object) = object.into() {
        fill(&mut members, object);
    }
    members
}

fn fill<'d>(members: &mut [Member<'d>], object: Value<'d>) {
    for (plain, key, value) in object.keyed_plainly() {
        let Some(plain) = plain else {
            note(members, &key.string().unwrap_or_default(), value);
            continue;
        };
        let mut others_alike = false;
        let known = members.iter_mut().find(|member| {
            let as_long = member.key.len() == plain.len();
            others_alike |= as_long;
            as_long && member.key.as_bytes() == plain
        });
        match known {
            Some(member) => member.add(value),
            // Nothing but the case of visible characters folds.
            None if !others_alike && is_visible(plain) => {}
            None => note(members, &key.string().unwrap_or_default(), value),
        }
    }
}

fn note<'d>(members: &mut [Member<'d>], key: &str, value: Value<'d>) {
    let alike = |member: &&mut Member<'d>| {
        member.key.len() == key.len() && (member.key == key || member.key.eq_ignore_ascii_case(key))
    };
    if let Some(member) = members.iter_mut().find(alike) {
        if member.key == key {
            member.add(value);
        } else {
            member.respelled.get_or_insert(value.span().start);
        }
    } else if !folds_case_alone(key) && cut(key).len() <= LONGEST {
        // Most keys differ in the first character, so folding the rest of them would be in vain.
        let alike =
            |member: &&mut Member<'d>| member.key != key && fold::text(member.key).eq(fold::text(cut(key)));
        for member in members.iter_mut().filter(alike) {
            member.respelled.get_or_insert(value.span().start);
        }
    }
}

/// The longest spelling of a protocol key, in bytes: the longest protocol key has less than 64.
const LONGEST: usize = 3 * 64;

/// Tells whether a key is ASCII without a NUL, of which nothing folds but the case.
fn folds_case_alone(key: &str) -> bool {
    key.bytes().all(|byte| matches!(byte, 0x01..=0x7f))
}

/// Tells whether `key` is another spelling of the protocol key `of`: not equal to it, but equal
/// after Unicode case folding (full folding, the Turkic i included) or after cutting at a NUL.
#[must_use]
pub fn is_variant(key: &str, of: &str) -> bool {
    if key == of {
        return false;
    }
    if folds_case_alone(key) && of.is_ascii() {
        return key.eq_ignore_ascii_case(of);
    }
    let cut = cut(key);
    if cut.len() > longest_variant(of.len()) {
        return false;
    }
    fold::text(cut).eq(fold::text(of))
}

/// Returns how many bytes another spelling of a key of `length` bytes has at most, up to its first NUL. The widest are
/// those of `ΐ`, a character of 2 bytes, which is also three of 7 bytes.
fn longest_variant(length: usize) -> usize {
    length.saturating_mul(4)
}

/// Returns the part of a key that C libraries see.
fn cut(key: &str) -> &str {
    key.split('\0').next().unwrap_or_default()
}

/// Returns a key as a server may see it that ignores case and cuts keys at a NUL.
#[must_use]
pub fn folded(key: &str) -> String {
    if folds_case_alone(key) { key.to_ascii_lowercase() } else { fold::text(cut(key)).collect() }
}

/// Returns a key of which at most the case of ASCII letters is left to ignore: the same key, or what a server may see in
/// its place that ignores case and cuts keys at a NUL.
#[must_use]
pub fn folded_beyond_ascii(key: &str) -> Cow<'_, str> {
    if folds_case_alone(key) { key.into() } else { folded(key).into() }
}

/// The units of work of folding one byte of a key that is not ASCII.
const BYTE: usize = 6;

/// Returns how many units of work it takes at most to fold a key.
#[must_use]
pub fn work(key: &str) -> usize {
    if folds_case_alone(key) { (key.len() >> 3).saturating_add(3) } else { key.len().saturating_mul(BYTE) }
}

/// Returns how many units of work it takes at most to tell whether `key` is another spelling of `of`.
#[must_use]
pub fn work_beside(key: &str, of: &str) -> usize {
    if folds_case_alone(key) && of.is_ascii() {
        return (key.len() >> 3).saturating_add(4);
    }
    let cut = cut(key).len();
    if cut > longest_variant(of.len()) {
        return (key.len() >> 1).saturating_add(4);
    }
    // Both are folded, until they differ.
    cut.saturating_add(3).saturating_mul(2 * BYTE)
}

/// The folded forms of a set of names: finds the name that a key is another spelling of.
#[derive(Debug, Clone, Default)]
pub struct Spellings {
    folded: TextMap,
    longest: usize,
}

impl Spellings {
    /// Folds these names. A name's number is its position.
    #[must_use]
    pub fn of<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let folded: Vec<String> = names.map(|name| fold::text(name).collect()).collect();
        let folded = TextMap::of(folded.iter().map(String::as_str));
        let longest = longest_variant(folded.longest());
        Self { folded, longest }
    }

    /// Returns the number of the first name that `key` equals after folding; `None` if there is none. The
    /// names must not contain `key` itself.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<usize> {
        if self.folded.is_empty() || cut(key).len() > self.longest {
            return None;
        }
        self.folded.get(&folded(key))
    }

    /// Returns how many units of work it takes at most to look for `key`.
    #[must_use]
    pub fn work(&self, key: &str) -> usize {
        // Its end is looked for.
        if cut(key).len() > self.longest {
            (key.len() >> 1).saturating_add(2)
        } else {
            work(key).saturating_add(self.folded.work(key))
        }
    }
}

#[cfg(test)]
mod tests;
