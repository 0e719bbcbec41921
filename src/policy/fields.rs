//! Objects of the document, key by key: what is not asked for is unknown.

use std::borrow::Cow;

use super::fault::{Faults, Path};
use crate::json::Value;

/// An object that is being read. Keys are taken by name; [`close`](Self::close) reports the rest.
pub struct Fields<'d> {
    path: Path,
    entries: Vec<(Cow<'d, str>, Value<'d>)>,
    known: Vec<&'static str>,
}

impl<'d> Fields<'d> {
    /// Opens the object at `path`; notes a fault and returns `None` where there is none.
    pub fn open(value: Value<'d>, path: &Path, faults: &mut Faults) -> Option<Self> {
        if !value.is_object() {
            faults.unfit(path, "an object", value);
            return None;
        }
        Some(Self { path: path.clone(), entries: value.entries().collect(), known: Vec::new() })
    }

    /// Takes the value of `key` and its place.
    pub fn take(&mut self, key: &'static str) -> Option<(Value<'d>, Path)> {
        self.known.push(key);
        let value = self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| *value)?;
        Some((value, self.path.key(key)))
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

    /// Takes one of a few words.
    pub fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        faults: &mut Faults,
    ) -> Option<T> {
        let (value, path) = self.take(key)?;
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
        let number = value.number().and_then(|text| text.parse::<u32>().ok());
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

    /// Takes an object whose keys are names of the user's own, in their order.
    pub fn named(&mut self, key: &'static str, faults: &mut Faults) -> Vec<(Cow<'d, str>, Value<'d>, Path)> {
        let Some((value, path)) = self.take(key) else { return Vec::new() };
        if !value.is_object() {
            faults.unfit(&path, "an object", value);
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

/// Notes every key that stands twice, at any depth.
pub fn refuse_duplicates(value: Value<'_>, path: &Path, faults: &mut Faults) {
    let mut seen = std::collections::BTreeSet::new();
    for (key, member) in value.entries() {
        let path = path.key(&key);
        refuse_duplicates(member, &path, faults);
        if !seen.insert(key) {
            faults.add(&path, "duplicate key");
        }
    }
    for (index, element) in value.elements().enumerate() {
        refuse_duplicates(element, &path.index(index), faults);
    }
}
