//! Texts of the policy that are looked up by hash.

use std::collections::BTreeMap;

use super::duplicate::hash;

/// A map from texts of the policy to numbers. The time of a search depends on the length of what is looked
/// for alone.
#[derive(Debug, Clone, Default)]
pub struct TextMap {
    by_hash: BTreeMap<u32, Vec<(Box<str>, usize)>>,
    longest: usize,
}

impl TextMap {
    /// Makes a map from texts to their positions. Of equal texts the first one counts.
    #[must_use]
    pub fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut map = Self::default();
        texts.enumerate().for_each(|(number, text)| map.add(text, number));
        map
    }

    fn add(&mut self, text: &str, number: usize) {
        self.longest = self.longest.max(text.len());
        let same = self.by_hash.entry(hash(text.as_bytes())).or_default();
        if !same.iter().any(|(known, _)| **known == *text) {
            same.push((text.into(), number));
        }
    }

    /// Returns the number of a text.
    #[must_use]
    pub fn get(&self, text: &str) -> Option<usize> {
        if text.len() > self.longest {
            return None;
        }
        let same = self.by_hash.get(&hash(text.as_bytes()))?;
        same.iter().find(|(known, _)| **known == *text).map(|(_, number)| *number)
    }

    /// Tells whether the map contains no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// Returns the length of the longest text in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Returns how many units of work it takes at most to look for a text.
    #[must_use]
    pub fn work(&self, text: &str) -> usize {
        (text.len().min(self.longest) >> 2).saturating_add(6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_number_of_its_first_position() {
        let texts = ["a", "", "b", "a", "0123456789abcdef"];
        let map = TextMap::of(texts.into_iter());
        for (text, number) in [("a", 0), ("", 1), ("b", 2), ("0123456789abcdef", 4)] {
            assert_eq!(map.get(text), Some(number), "{text}");
        }
        for text in ["c", "aa", "0123456789abcdeg", "0123456789abcdef0"] {
            assert_eq!(map.get(text), None, "{text}");
        }
        assert_eq!(TextMap::default().get(""), None);
    }
}
