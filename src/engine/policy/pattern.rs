//! Names with `*`, and which entry of a section decides.

use std::collections::BTreeMap;
use std::fmt;

/// A name in which `*` stands for any run of characters and everything else for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Makes a pattern; every text is one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Tells whether the pattern has no characters at all, so that only the empty name fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self(text) = self;
        text.is_empty()
    }

    /// Tells whether the pattern stands for exactly one name.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let Self(text) = self;
        !text.contains('*')
    }

    /// Tells whether `name` fits, byte for byte.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Self(text) = self;
        let mut parts = text.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            // The leftmost place of a part leaves the most room for the parts behind it.
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = behind;
        }
        rest.ends_with(last)
    }

    /// Counts the characters that stand for themselves.
    #[must_use]
    pub fn literals(&self) -> usize {
        let Self(text) = self;
        text.chars().filter(|char| *char != '*').count()
    }

    /// Tells whether some name fits both patterns.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let (Self(left), Self(right)) = (self, other);
        let right: Vec<char> = right.chars().collect();
        // met[j]: what was read of `left` and the first j characters of `right` have a name in common.
        let mut met = vec![true];
        met.extend(right.iter().scan(true, |stars, char| {
            *stars &= *char == '*';
            Some(*stars)
        }));
        for own in left.chars() {
            let mut beside = own == '*' && met.first() == Some(&true);
            let mut row = vec![beside];
            for (char, pair) in right.iter().zip(met.windows(2)) {
                let (diagonal, above) = (pair.first() == Some(&true), pair.last() == Some(&true));
                beside = if own == '*' || *char == '*' { above || beside } else { own == *char && diagonal };
                row.push(beside);
            }
            met = row;
        }
        met.last() == Some(&true)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        out.write_str(text)
    }
}

/// Finds every pair of patterns (by their numbers) that overlap with equally many literal characters:
/// neither would be the one that decides.
pub(super) fn ambiguous<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Vec<(usize, usize)> {
    let mut ambiguous = Vec::new();
    let mut earlier: Vec<(usize, usize, &Pattern)> = Vec::new();
    for (number, pattern) in patterns.into_iter().enumerate().filter(|(_, pattern)| !pattern.is_exact()) {
        let literals = pattern.literals();
        for (first, _, other) in earlier.iter().filter(|(_, others, _)| *others == literals) {
            if pattern.overlaps(other) {
                ambiguous.push((*first, number));
            }
        }
        earlier.push((number, literals, pattern));
    }
    ambiguous
}

/// The entries of one section of a policy, of which exactly one decides on a name.
#[derive(Debug, Clone)]
pub struct Section<T> {
    exact: BTreeMap<String, T>,
    /// Most literal characters first.
    patterns: Vec<(Pattern, T)>,
}

impl<T> Default for Section<T> {
    fn default() -> Self {
        Self { exact: BTreeMap::new(), patterns: Vec::new() }
    }
}

impl<T> Section<T> {
    /// Makes a section of entries.
    ///
    /// # Errors
    /// Every pair of patterns (by their numbers) that overlap with equally many literal
    /// characters: neither would be the one that decides.
    pub fn new(entries: Vec<(Pattern, T)>) -> Result<Self, Vec<(usize, usize)>> {
        let ambiguous = ambiguous(entries.iter().map(|(pattern, _)| pattern));
        if !ambiguous.is_empty() {
            return Err(ambiguous);
        }
        let mut section = Self::default();
        for (pattern, entry) in entries {
            if pattern.is_exact() {
                section.exact.insert(pattern.to_string(), entry);
            } else {
                section.patterns.push((pattern, entry));
            }
        }
        section.patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.literals()));
        Ok(section)
    }

    /// Returns the entry that decides on `name`: the exact one, else the pattern with the most
    /// literal characters.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.exact.get(name).or_else(|| {
            self.patterns.iter().find(|(pattern, _)| pattern.matches(name)).map(|(_, entry)| entry)
        })
    }

    /// Tells whether an exact entry names this.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.exact.contains_key(name)
    }

    /// Tells whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }

    /// Walks all entries.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.exact.values().chain(self.patterns.iter().map(|(_, entry)| entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_and_the_rest_for_itself() {
        for (pattern, name, expected) in [
            ("get_*", "get_x", true),
            ("get_*", "get_", true),
            ("get_*", "Get_x", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "acb", false),
            ("*ab", "aab", true),
            ("a**b", "ab", true),
            ("é*", "é€", true),
            ("a.b", "axb", false),
            ("a", "a ", false),
            ("[a]*", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_overlap_when_a_name_fits_both() {
        for (left, right, expected) in [
            ("get_*", "*_get", true),
            ("a*", "b*", false),
            ("a*c", "ab*", true),
            ("*a", "*b", false),
            ("a*b", "a*c", false),
            ("*x*", "*y*", true),
            ("*", "*", true),
            ("**", "a", true),
            ("ab", "a*c", false),
            ("a*a", "a", false),
        ] {
            let (left, right) = (Pattern::new(left), Pattern::new(right));
            assert_eq!(left.overlaps(&right), expected, "{left} {right}");
            assert_eq!(right.overlaps(&left), expected, "{right} {left}");
        }
    }

    #[test]
    fn an_exact_name_beats_a_pattern_and_more_literals_beat_fewer() {
        let entries = ["*", "get_*", "get_a*", "get_ab"].map(|text| (Pattern::new(text), text));
        let section = Section::new(entries.to_vec()).unwrap();
        for (name, expected) in [("x", "*"), ("get_x", "get_*"), ("get_ax", "get_a*"), ("get_ab", "get_ab")] {
            assert_eq!(section.get(name), Some(&expected), "{name}");
        }
    }

    #[test]
    fn equally_literal_patterns_that_overlap_are_ambiguous() {
        let entries = ["a*", "*b", "c*"].map(|text| (Pattern::new(text), ()));
        assert_eq!(Section::new(entries.to_vec()).err(), Some(vec![(0, 1), (1, 2)]));
    }
}
