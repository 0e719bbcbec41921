//! The first of many patterns that a name fits.

use super::Pattern;
use super::index::Index;

/// The units of work of looking for one part of a pattern that stands between two `*`, whatever its length is.
const PART: usize = 24;

/// Patterns in an order, each with a value. It finds the first one that a name fits.
#[derive(Debug, Clone)]
pub struct Patterns<T> {
    index: Index,
    /// The values of the index's patterns
    values: Vec<T>,
    /// How many patterns have a `*`
    open: usize,
    /// How many of them have parts between two `*`, which a name is searched for
    searching: usize,
    /// How many such parts the patterns have together
    parts: usize,
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self { index: Index::default(), values: Vec::new(), open: 0, searching: 0, parts: 0 }
    }
}

impl<T> Patterns<T> {
    /// Makes the search for these patterns.
    #[must_use]
    pub fn new(entries: Vec<(Pattern, T)>) -> Self {
        let (patterns, values): (Vec<Pattern>, _) = entries.into_iter().unzip();
        let parts = patterns.iter().map(Pattern::parts).fold(0, usize::saturating_add);
        let searching = patterns.iter().filter(|pattern| pattern.parts() > 0).count();
        let open = patterns.iter().filter(|pattern| !pattern.is_exact()).count();
        Self { index: Index::new(patterns), values, open, searching, parts }
    }

    /// Returns the value of the first pattern that `name` fits.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.values.get(self.index.first(name)?)
    }

    /// Returns the first pattern that `name` fits, with its value.
    #[must_use]
    pub fn pair(&self, name: &str) -> Option<(&Pattern, &T)> {
        self.at(self.number(name)?)
    }

    /// Returns the number of the first pattern that `name` fits.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<usize> {
        self.index.first(name)
    }

    /// Returns the pattern with this number, with its value.
    #[must_use]
    pub fn at(&self, number: usize) -> Option<(&Pattern, &T)> {
        self.index.patterns().get(number).zip(self.values.get(number))
    }

    /// Returns the first value that `accepts` takes among those whose patterns `name` fits.
    pub fn find(&self, name: &str, accepts: impl Fn(&T) -> bool) -> Option<&T> {
        self.values.get(self.index.find(name, &|number| self.values.get(number).is_some_and(&accepts))?)
    }

    /// Tells whether one of the patterns is exact and stands for `name`.
    #[must_use]
    pub fn has_exact(&self, name: &str) -> bool {
        self.index.has_exact(name)
    }

    /// Tells whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns how many units of work it takes at most to find what decides on a name of this many bytes, which takes up to
    /// eight searches.
    #[must_use]
    pub fn work(&self, length: usize) -> usize {
        let each = self.open.saturating_mul(length.saturating_add(8));
        each.saturating_add(self.parts.saturating_mul(PART)).saturating_add(4)
    }

    /// Walks all values in the order of their patterns, to change them.
    pub fn values_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.values.iter_mut()
    }

    /// Returns how many units of work one search for a name of this many bytes takes at most.
    #[must_use]
    pub fn work_of_one(&self, length: usize) -> usize {
        match self.open {
            0 => (length >> 4).saturating_add(4),
            open => {
                let beginnings = length.saturating_mul(2);
                self.work_of_searches(length).saturating_add(open).saturating_add(beginnings)
            }
        }
    }

    /// Returns how many units of work it takes at most to compare every pattern with a text of this many bytes.
    #[must_use]
    pub fn work_of_all(&self, length: usize) -> usize {
        let each = self.values.len().saturating_mul(4).saturating_add(length);
        each.saturating_add(self.work_of_searches(length))
    }

    /// Returns how many units of work it takes at most to look for the parts of all patterns.
    fn work_of_searches(&self, length: usize) -> usize {
        let parts = self.parts.saturating_mul(PART >> 2);
        self.searching.saturating_mul(length.saturating_add(4)).saturating_add(parts)
    }

    /// Walks all patterns in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&Pattern, &T)> {
        self.index.patterns().iter().zip(&self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_not_accepted_gives_way_to_the_next() {
        let texts = ["a*", "ab", "ab", "*b", "*"];
        let patterns = Patterns::new(texts.iter().map(|text| (Pattern::new(text), *text)).collect());
        let mut refused: Vec<&str> = Vec::new();
        for expected in ["a*", "ab", "*b", "*"] {
            assert_eq!(patterns.find("ab", |value| !refused.contains(value)), Some(&expected));
            refused.push(expected);
        }
        assert_eq!(patterns.find("ab", |value| !refused.contains(value)), None);
    }
}
