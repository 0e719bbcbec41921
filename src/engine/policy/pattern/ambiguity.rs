//! Patterns of which neither would decide.

use std::collections::BTreeSet;

use super::Pattern;
use super::affixes::{Affixes, Groups, add};

/// Finds every pair of patterns (by their numbers) that overlap with equally many literal characters.
pub fn ambiguous(patterns: &[Pattern]) -> Vec<(usize, usize)> {
    let prefixes = Ends::new(patterns, |prefix, _| prefix.into());
    let suffixes = Ends::new(patterns, |_, suffix| suffix.bytes().rev().collect());
    // The end that fewer share leaves fewer pairs to compare.
    let by_prefix = prefixes.groups.largest_group() <= suffixes.groups.largest_group();
    let Ends { groups, literals } = if by_prefix { prefixes } else { suffixes };
    let mut pairs = BTreeSet::new();
    for (number, literal) in literals {
        // Two patterns overlap only if the literal of one begins with the literal of the other.
        for near in groups.of(literal.iter().copied()).flatten().filter(|near| **near != number) {
            let (Some(pattern), Some(other)) = (patterns.get(number), patterns.get(*near)) else { continue };
            if pattern.literals() == other.literals() && pattern.overlaps(other) {
                pairs.insert((number.max(*near), number.min(*near)));
            }
        }
    }
    pairs.into_iter().map(|(second, first)| (first, second)).collect()
}

/// One end of each pattern with `*`.
struct Ends {
    groups: Affixes,
    /// By the number of the pattern
    literals: Vec<(usize, Vec<u8>)>,
}

impl Ends {
    /// Takes what `literal` makes of the prefix and the suffix of a pattern.
    fn new(patterns: &[Pattern], literal: fn(&str, &str) -> Vec<u8>) -> Self {
        let (mut groups, mut literals) = (Groups::new(), Vec::new());
        for (number, pattern) in patterns.iter().enumerate() {
            if let Some((prefix, suffix)) = pattern.ends() {
                let literal = literal(prefix, suffix);
                add(&mut groups, literal.clone(), number);
                literals.push((number, literal));
            }
        }
        Self { groups: Affixes::new(groups), literals }
    }
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
            // By their suffixes, as all have one prefix.
            (&["*ab", "*cb", "*b*", "*a*b", "*b*a"], &[(0, 3), (1, 3)]),
        ] {
            let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(text)).collect();
            assert_eq!(ambiguous(&patterns), expected, "{patterns:?}");
        }
    }
}
