//! Which entry of a section decides.

use std::cmp::Reverse;

use super::{Pattern, Patterns};

/// The entries of one section of a policy. For a name, the exact entry decides, else the pattern with the
/// most literal characters.
#[derive(Debug, Clone)]
pub struct Section<T>(Patterns<T>);

impl<T> Default for Section<T> {
    fn default() -> Self {
        Self(Patterns::default())
    }
}

impl<T> Section<T> {
    /// Makes a section of entries. Where two patterns overlap with equally many literal characters, the
    /// earlier one decides; a document that has such a pair is refused before.
    #[must_use]
    pub fn new(mut entries: Vec<(Pattern, T)>) -> Self {
        entries.sort_by_key(|(pattern, _)| (!pattern.is_exact(), Reverse(pattern.literals())));
        Self(Patterns::new(entries))
    }

    /// Returns the entry that decides on `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name)
    }

    /// Returns the entry that decides on `name`, with its pattern.
    #[must_use]
    pub fn pair(&self, name: &str) -> Option<(&Pattern, &T)> {
        self.0.pair(name)
    }

    /// Returns the number of the entry that decides on `name`.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<usize> {
        self.0.number(name)
    }

    /// Returns the entry with this number, with its pattern.
    #[must_use]
    pub fn at(&self, number: usize) -> Option<(&Pattern, &T)> {
        self.0.at(number)
    }

    /// Tells whether an exact entry names this.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.0.has_exact(name)
    }

    /// Tells whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Walks all entries with their patterns.
    pub fn entries(&self) -> impl Iterator<Item = (&Pattern, &T)> {
        self.0.iter()
    }

    /// Returns how many units of work it takes at most to find the entry that decides on a name of this many
    /// bytes.
    #[must_use]
    pub fn work(&self, length: usize) -> usize {
        self.0.work(length)
    }

    /// Walks all entries, to change them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.values_mut()
    }

    /// Returns how many units of work one search for a name of this many bytes takes at most.
    #[must_use]
    pub fn work_of_one(&self, length: usize) -> usize {
        self.0.work_of_one(length)
    }

    /// Returns how many units of work it takes at most to compare every pattern with a text of this many bytes.
    #[must_use]
    pub fn work_of_all(&self, length: usize) -> usize {
        self.0.work_of_all(length)
    }

    /// Walks all entries.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_name_beats_a_pattern_and_more_literals_beat_fewer() {
        let entries = ["*", "get_*", "get_a*", "get_ab"].map(|text| (Pattern::new(text), text));
        let section = Section::new(entries.to_vec());
        for (name, expected) in [("x", "*"), ("get_x", "get_*"), ("get_ax", "get_a*"), ("get_ab", "get_ab")] {
            assert_eq!(section.get(name), Some(&expected), "{name}");
            assert_eq!(section.pair(name).map(|(pattern, _)| pattern.as_str()), Some(expected), "{name}");
        }
    }
}
