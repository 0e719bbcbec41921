//! A search for all literals that a name begins with.

use std::collections::BTreeMap;

/// The numbers of patterns, ascending, by a literal that they share.
pub(super) type Groups = BTreeMap<Vec<u8>, Vec<usize>>;

/// Adds a pattern, whose number is larger than those before, to the group of a literal.
pub(super) fn add(groups: &mut Groups, literal: Vec<u8>, number: usize) {
    groups.entry(literal).or_default().push(number);
}

/// Groups of patterns, found by any name that begins with their literal.
///
/// Literals and names are sequences of bytes that are read in one direction: forwards for the prefixes of
/// patterns, backwards for their suffixes.
#[derive(Debug, Clone, Default)]
pub(super) struct Affixes {
    /// In the order of their literals
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    literal: Vec<u8>,
    /// The place of the group with the longest other literal that this one begins with
    shorter: Option<usize>,
    /// Ascending
    numbers: Vec<usize>,
}

impl Affixes {
    /// Makes the search for these groups; those without a pattern are left out.
    pub fn new(sorted: Groups) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        // The last group, and the groups whose literals it begins with. The literals are in order, so the
        // next one begins with no others.
        let mut open: Vec<usize> = Vec::new();
        for (literal, numbers) in sorted.into_iter().filter(|(_, numbers)| !numbers.is_empty()) {
            let begins =
                |place: &usize| groups.get(*place).is_some_and(|group| literal.starts_with(&group.literal));
            while open.last().is_some_and(|place| !begins(place)) {
                open.pop();
            }
            let shorter = open.last().copied();
            open.push(groups.len());
            groups.push(Group { literal, shorter, numbers });
        }
        Self { groups }
    }

    /// Walks the numbers that belong to each literal that `name` begins with.
    ///
    /// One binary search finds the last literal that does not sort behind the name. Every literal that the
    /// name begins with is this one, or sorts before it and is the beginning of it.
    pub fn of(&self, name: impl Iterator<Item = u8> + Clone) -> impl Iterator<Item = &[usize]> {
        let behind = self.groups.partition_point(|group| group.literal.iter().copied().le(name.clone()));
        let last = behind.checked_sub(1).and_then(|place| self.groups.get(place));
        let common = last.map_or(0, |group| {
            group.literal.iter().copied().zip(name).take_while(|(own, other)| own == other).count()
        });
        std::iter::successors(last, |group| self.groups.get(group.shorter?))
            .skip_while(move |group| group.literal.len() > common)
            .map(|group| group.numbers.as_slice())
    }

    /// Returns how many patterns share one literal at most.
    pub fn largest_group(&self) -> usize {
        self.groups.iter().map(|group| group.numbers.len()).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_literal_that_a_name_begins_with_is_found() {
        let literals = ["", "a", "ab", "abc", "abd", "b", "get_", "get_a", "get_b", "h"];
        let numbered = literals.iter().enumerate();
        let affixes =
            Affixes::new(numbered.map(|(number, text)| (text.as_bytes().to_vec(), vec![number])).collect());
        for (name, expected) in [
            ("", &[""][..]),
            ("a", &["a", ""]),
            ("abcd", &["abc", "ab", "a", ""]),
            ("abe", &["ab", "a", ""]),
            ("ac", &["a", ""]),
            ("get_c", &["get_", ""]),
            ("get_bb", &["get_b", "get_", ""]),
            ("get", &[""]),
            ("z", &[""]),
        ] {
            let found: Vec<&str> =
                affixes.of(name.bytes()).flatten().map(|number| literals[*number]).collect();
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(Affixes::default().of("a".bytes()).count(), 0);
    }
}
