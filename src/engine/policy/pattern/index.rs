//! A search for the first pattern that a name matches, which tries only a few candidates.

use super::Pattern;
use super::affixes::{Affixes, Groups, add};

/// An ordered list of patterns. A pattern's number is its position in the list. Exact patterns are found by
/// their text, the others by their prefix or their suffix.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    patterns: Vec<Pattern>,
    /// The exact patterns by their text
    exact: Groups,
    /// The number of the first pattern with `*`; `None` if all are exact
    first_with_star: Option<usize>,
    /// Patterns that are found by their prefix
    beginnings: Affixes,
    /// The other patterns, which are found by their suffix, reversed
    endings: Affixes,
    /// The letters of each pattern; empty if every group is so small that checking letters is not worth it
    letters: Vec<Letters>,
}

/// How many patterns with one prefix or suffix are tried without checking their letters first.
const FEW: usize = 4;

impl Index {
    /// Makes the search for these patterns.
    pub fn new(patterns: Vec<Pattern>) -> Self {
        let (mut exact, mut prefixes, mut suffixes) = (Groups::new(), Groups::new(), Groups::new());
        for (number, pattern) in patterns.iter().enumerate() {
            match pattern.ends() {
                None => add(&mut exact, pattern.as_str().into(), number),
                Some((prefix, suffix)) => {
                    add(&mut prefixes, prefix.into(), number);
                    add(&mut suffixes, suffix.bytes().rev().collect(), number);
                }
            }
        }
        let (beginnings, endings) = by_rarer_end(&patterns, prefixes, suffixes);
        let letters = match beginnings.largest_group().max(endings.largest_group()) > FEW {
            true => patterns.iter().map(Letters::of_pattern).collect(),
            false => Vec::new(),
        };
        let first_with_star = patterns.iter().position(|pattern| !pattern.is_exact());
        Self { patterns, exact, first_with_star, beginnings, endings, letters }
    }

    /// Returns the patterns in their order.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Returns the number of the first pattern that `name` fits.
    pub fn first(&self, name: &str) -> Option<usize> {
        self.find(name, &|_| true)
    }

    /// Returns the number of the first pattern that `name` fits and whose number `accepts` accepts.
    pub fn find(&self, name: &str, accepts: &dyn Fn(usize) -> bool) -> Option<usize> {
        let exact = self
            .exact
            .get(name.as_bytes())
            .and_then(|numbers| numbers.iter().copied().find(|number| accepts(*number)));
        let Some(first_with_star) = self.first_with_star else { return exact };
        if exact.is_some_and(|exact| exact < first_with_star) {
            return exact;
        }
        let letters = if self.letters.is_empty() { Letters::ALL } else { Letters::of_name(name) };
        let fits = |number: &usize| {
            self.letters.get(*number).is_none_or(|own| own.are_in(letters))
                && self.patterns.get(*number).is_some_and(|pattern| pattern.matches(name))
                && accepts(*number)
        };
        let first = |numbers: &[usize]| numbers.iter().copied().find(fits);
        let beginning = self.beginnings.of(name.bytes()).filter_map(first);
        let ending = self.endings.of(name.bytes().rev()).filter_map(first);
        exact.into_iter().chain(beginning).chain(ending).min()
    }

    /// Tells whether one of the exact patterns equals `name`.
    pub fn has_exact(&self, name: &str) -> bool {
        self.exact.contains_key(name.as_bytes())
    }
}

/// Each pattern is in a group of its prefix and a group of its suffix. Keeps it only in the smaller of the
/// two.
fn by_rarer_end(patterns: &[Pattern], mut prefixes: Groups, mut suffixes: Groups) -> (Affixes, Affixes) {
    let crowd = |groups: &Groups| {
        let mut crowd = vec![0; patterns.len()];
        for numbers in groups.values() {
            for number in numbers {
                if let Some(count) = crowd.get_mut(*number) {
                    *count = numbers.len();
                }
            }
        }
        crowd
    };
    let by_prefix: Vec<bool> =
        crowd(&prefixes).iter().zip(crowd(&suffixes)).map(|(before, behind)| *before <= behind).collect();
    let is_by_prefix = |number: &usize| by_prefix.get(*number).is_some_and(|by_prefix| *by_prefix);
    prefixes.values_mut().for_each(|numbers| numbers.retain(is_by_prefix));
    suffixes.values_mut().for_each(|numbers| numbers.retain(|number| !is_by_prefix(number)));
    (Affixes::new(prefixes), Affixes::new(suffixes))
}

/// The set of bytes in a text, modulo 64. If a name lacks a letter of a pattern, it does not fit the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Letters(u64);

impl Letters {
    const ALL: Self = Self(u64::MAX);
    /// A longer name contains the letters of most patterns anyway, so checking them would exclude few.
    const LONGEST_NAME: usize = 128;

    fn of_pattern(pattern: &Pattern) -> Self {
        Self(pattern.as_str().bytes().filter(|byte| *byte != b'*').fold(0, Self::with))
    }

    fn of_name(name: &str) -> Self {
        if name.len() > Self::LONGEST_NAME {
            return Self::ALL;
        }
        Self(name.bytes().fold(0, Self::with))
    }

    fn are_in(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    fn with(letters: u64, byte: u8) -> u64 {
        letters | 1_u64.wrapping_shl(u32::from(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(texts: &[&str]) -> Index {
        Index::new(texts.iter().map(|text| Pattern::new(text)).collect())
    }

    #[test]
    fn the_first_pattern_that_a_name_fits_is_found() {
        let texts = ["ab", "*_x", "get_*", "*z*", "get_a", "get_*_x", "a*", "*y*", "*w*", "*v*", "*", "zz"];
        let index = index(&texts);
        assert!(!index.letters.is_empty());
        for (name, expected) in [
            ("ab", "ab"),
            ("abc", "a*"),
            ("get_a", "get_*"),
            ("get_a_x", "*_x"),
            ("get_z", "get_*"),
            ("put_z", "*z*"),
            ("zz", "*z*"),
            ("v", "*v*"),
            ("", "*"),
            ("é", "*"),
        ] {
            assert_eq!(index.first(name).map(|number| texts[number]), Some(expected), "{name}");
        }
        assert_eq!(Index::default().first(""), None);
    }

    #[test]
    fn patterns_that_share_a_prefix_are_told_apart_by_their_suffix() {
        let texts: Vec<String> = (0..20).map(|number| format!("get_*_{number}")).collect();
        let index = index(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((index.beginnings.largest_group(), index.endings.largest_group()), (0, 1));
        assert_eq!(index.first("get_x_17"), Some(17));
    }
}
