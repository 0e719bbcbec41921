//! The section `resources`: rules by URI.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{EntryRules, Pattern, Patterns, Section};
use crate::mcp::uri;

/// Rules by URI.
///
/// Servers find one resource under several spellings of its URI. So entries are also found by the
/// [folded](uri::Folded) form of a URI.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    section: Section<EntryRules>,
    /// The numbers of the entries whose patterns are not folded, under their folded patterns. The most specific entry, as it
    /// stands in the document, comes first
    folded: Patterns<Vec<usize>>,
    /// How many literal characters each entry has, as it stands in the document or folded, whichever is fewer
    literals: Vec<usize>,
}

impl Resources {
    /// Makes the section of its entries.
    #[must_use]
    pub fn new(section: Section<EntryRules>) -> Self {
        let mut folded: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut literals = Vec::new();
        for (number, (pattern, _)) in section.entries().enumerate() {
            let mut fewest = pattern.literals();
            for text in uri::folded_entry(pattern.as_str()) {
                if text != pattern.as_str() {
                    fewest = Pattern::new(&text).literals().min(fewest);
                    folded.entry(text).or_default().push(number);
                }
            }
            literals.push(fewest);
        }
        let mut folded: Vec<(Pattern, Vec<usize>)> =
            folded.into_iter().map(|(text, numbers)| (Pattern::new(&text), numbers)).collect();
        // The entries of a section are numbered by how specific they are.
        folded.sort_by_key(|(pattern, numbers)| (Reverse(pattern.is_exact()), numbers.first().copied()));
        Self { section, folded: Patterns::new(folded), literals }
    }

    /// Returns the entries as they stand in the document.
    #[must_use]
    pub fn section(&self) -> &Section<EntryRules> {
        &self.section
    }

    /// Walks the rules of all entries, to replace them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, EntryRules> {
        self.section.iter_mut()
    }

    /// Returns how many literal characters an entry of the document has when it is folded. For a name, that is the entry
    /// that decides on it.
    #[must_use]
    pub fn literals(&self, name: &str) -> usize {
        self.section.number(name).and_then(|number| self.literals.get(number)).copied().unwrap_or_default()
    }

    /// Returns the entries that could decide on a URI of which `form` is a [folded form](uri::Folded::forms).
    pub fn behind(&self, form: &str) -> impl Iterator<Item = (&Pattern, &EntryRules)> {
        let folded = self.folded.get(form).into_iter().flatten();
        self.section.pair(form).into_iter().chain(folded.filter_map(|number| self.section.at(*number)))
    }

    /// Returns how many units of work it takes at most to find an entry by its folded pattern, up to eight times, for a URI of
    /// this many bytes.
    #[must_use]
    pub fn work_of_folded(&self, length: usize) -> usize {
        self.folded.work(length)
    }

    /// Returns how many units of work it takes at most to find an entry by its folded pattern once, for a URI of this many
    /// bytes.
    #[must_use]
    pub fn work_of_one_folded(&self, length: usize) -> usize {
        self.folded.work_of_one(length)
    }
}
