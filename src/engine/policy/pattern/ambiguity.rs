//! Patterns of which neither would decide.

use std::collections::BTreeSet;

use super::Pattern;
use super::affixes::{Affixes, Groups, add};

/// Finds every pair of patterns (by their numbers) that overlap with equally many literal characters.
pub fn ambiguous(patterns: &[Pattern]) -> Vec<(usize, usize)> {
    let starred = || {
        let numbered = patterns.iter().enumerate();
        numbered.filter_map(|(number, pattern)| Some((number, pattern, pattern.ends()?.0)))
    };
    let mut prefixes = Groups::new();
    for (number, _, prefix) in starred() {
        add(&mut prefixes, prefix.into(), number);
    }
    let prefixes = Affixes::new(prefixes);
    let mut pairs = BTreeSet::new();
    for (number, pattern, prefix) in starred() {
        // Two patterns overlap only if the prefix of one begins with the prefix of the other.
        for near in prefixes.of(prefix.bytes()).flatten().filter(|near| **near != number) {
            let is_ambiguous =
                |other: &Pattern| other.literals() == pattern.literals() && other.overlaps(pattern);
            if patterns.get(*near).is_some_and(is_ambiguous) {
                pairs.insert((number.max(*near), number.min(*near)));
            }
        }
    }
    pairs.into_iter().map(|(second, first)| (first, second)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equally_literal_patterns_that_overlap_are_ambiguous() {
        for (patterns, expected) in [
            (&["a*", "*b", "c*"][..], &[(0, 1), (1, 2)][..]),
            (&["ab*", "a*", "a*x", "b*x"], &[(0, 2)]),
            (&["a*b", "a*c", "ab", "ab"], &[]),
            (&["é*", "*a"], &[(0, 1)]),
        ] {
            let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(text)).collect();
            assert_eq!(ambiguous(&patterns), expected, "{patterns:?}");
        }
    }
}
