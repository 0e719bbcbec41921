//! Objects of the document, key by key: what is not asked for is unknown.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::fault::{Faults, Path};
use crate::json::{self, DefectKind, Fit, Kind, Value};
use crate::limit::Amount;

/// An object that is being read. Keys are taken by name; [`close`](Self::close) reports the rest.
pub struct Fields<'d> {
    path: Path,
    entries: Vec<(Cow<'d, str>, Value<'d>)>,
    known: Vec<&'static str>,
}

impl<'d> Fields<'d> {
    /// Opens the object at `path`; notes a fault and returns `None` where there is none, but
    /// something else than what is `expected`.
    pub fn open(value: Value<'d>, path: &Path, expected: &str, faults: &mut Faults) -> Option<Self> {
        if !value.is_object() {
            faults.unfit(path, expected, value);
            return None;
        }
        Some(Self { path: path.clone(), entries: value.entries().collect(), known: Vec::new() })
    }

    /// Takes the value of `key` and its place.
    pub fn take(&mut self, key: &'static str) -> Option<(Value<'d>, Path)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let value = self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| *value)?;
        Some((value, self.path.key(key)))
    }

    /// Returns the place of `key`, whether it is there or not.
    pub fn place(&self, key: &str) -> Path {
        self.path.key(key)
    }

    /// Tells whether one of `keys` is there, without taking it.
    pub fn has_any(&self, keys: &[&str]) -> bool {
        self.entries.iter().any(|(name, _)| keys.contains(&name.as_ref()))
    }

    /// Takes a string.
    pub fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<Cow<'d, str>> {
        let (value, path) = self.take(key)?;
        let text = value.string();
        if text.is_none() {
            faults.unfit(&path, "a string", value);
        }
        text
    }

    /// Takes one of a few words, or `absent` where there is none; `None` where it is another word.
    pub fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        absent: T,
        faults: &mut Faults,
    ) -> Option<T> {
        let Some((value, path)) = self.take(key) else { return Some(absent) };
        let text = value.string();
        let found = words.iter().find(|(word, _)| Some(*word) == text.as_deref());
        if found.is_none() {
            faults.unfit(&path, &alternatives(words.iter().map(|(word, _)| *word)), value);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Takes an integer from 1 to `most`.
    pub fn count(&mut self, key: &'static str, most: u32, faults: &mut Faults) -> Option<u32> {
        let (value, path) = self.take(key)?;
        let number = whole(value, faults).and_then(|number| u32::try_from(number).ok());
        let fits = number.filter(|number| (1..=most).contains(number));
        if fits.is_none() {
            faults.unfit(&path, &format!("an integer from 1 to {most}"), value);
        }
        fits
    }

    /// Takes a list; notes a fault where the value is none.
    pub fn list(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(Value<'d>, Path)> {
        let Some((value, path)) = self.take(key) else { return Vec::new() };
        if !value.is_array() {
            faults.unfit(&path, "a list", value);
        }
        value.elements().enumerate().map(|(index, element)| (element, path.index(index))).collect()
    }

    /// Takes an object of names and what belongs to them, in their order; `expected` says what.
    pub fn named(
        &mut self,
        key: &'static str,
        expected: &str,
        faults: &mut Faults,
    ) -> Vec<(Cow<'d, str>, Value<'d>, Path)> {
        let Some((value, path)) = self.take(key) else { return Vec::new() };
        if !value.is_object() {
            faults.unfit(&path, expected, value);
        }
        let mut entries = Vec::new();
        for (name, value) in value.entries() {
            let path = path.key(&name);
            entries.push((name, value, path));
        }
        entries
    }

    /// Notes a fault for every key that nobody took.
    pub fn close(self, faults: &mut Faults) {
        for (key, _) in &self.entries {
            if !self.known.contains(&key.as_ref()) {
                let known = alternatives(self.known.iter().copied());
                faults.add(&self.path.key(key), format_args!("unknown key, expected {known}"));
            }
        }
    }
}

/// Writes "`a`, `b` or `c`".
fn alternatives(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Reads a whole number in any of its forms: a generator of JSON may write `60.0`, and a Struct keeps
/// no difference between the two.
pub fn whole(value: Value<'_>, faults: &Faults) -> Option<u64> {
    let micros = Amount::from_decimal(&faults.number(value)?).ok()?.micros();
    let one = Amount::ONE.micros();
    micros.checked_rem(one).filter(|rest| *rest == 0).and_then(|_| micros.checked_div(one))
}

/// Notes whatever two parsers could read in two ways, at any depth: keys that stand twice, and
/// strings and numbers that lose something where they are read. Returns where the text nests too deep.
pub fn refuse_ambiguity(value: Value<'_>, path: &Path, depth: usize, faults: &mut Faults) -> Option<usize> {
    match value.kind() {
        Kind::Array | Kind::Object if depth >= json::MAX_DEPTH => return Some(value.span().start),
        Kind::Number if json::fit(value.raw()) == Fit::Unfit && !faults.has(path) => {
            faults.add(path, "must be a number within 64-bit integers or doubles");
        }
        Kind::String { escaped: true } => {
            let document = json::read(value.raw().as_bytes());
            let defect = document.as_ref().ok().and_then(|document| document.defect());
            if defect.is_some_and(|defect| defect.kind == DefectKind::LoneSurrogate) {
                faults.add(path, "must not hold half of a surrogate pair");
            }
        }
        _ => {}
    }
    let below = depth.saturating_add(1);
    let mut too_deep = None;
    let mut seen = BTreeSet::new();
    let mut told = BTreeSet::new();
    for (key, member) in value.entries() {
        let path = path.key(&key);
        too_deep = too_deep.or(refuse_ambiguity(member, &path, below, faults));
        if !seen.insert(key.clone()) && told.insert(key) {
            faults.add(&path, "duplicate key, an object must have each key once");
        }
    }
    for (index, element) in value.elements().enumerate() {
        too_deep = too_deep.or(refuse_ambiguity(element, &path.index(index), below, faults));
    }
    too_deep
}
