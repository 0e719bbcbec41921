//! The section `resources`: rules by URI.

mod reach;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{EntryRules, Pattern, Patterns, Section};
use crate::mcp::uri;
use reach::Reach;

/// Rules by URI.
///
/// Servers find one resource under several spellings of its URI. So entries are also found by the
/// [folded](uri::Folded) form of a URI.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    section: Section<EntryRules>,
    /// The numbers of the entries whose patterns are not folded, under their folded patterns. The most specific pattern comes
    /// first
    folded: Patterns<Vec<usize>>,
    /// What is known of the pattern of each entry
    known: Vec<Known>,
    /// How many bytes the longest pattern has whose `*` could reach too far
    longest_bounded: Option<usize>,
}

/// What is known of the pattern of an entry.
#[derive(Debug, Clone)]
struct Known {
    /// How many literal characters it has, as it stands in the document or folded, whichever is fewer
    literals: usize,
    reach: Reach,
}

impl Resources {
    /// Makes the section of its entries.
    #[must_use]
    pub fn new(section: Section<EntryRules>) -> Self {
        let mut folded: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let (mut known, mut longest_bounded) = (Vec::new(), None);
        for (number, (pattern, _)) in section.entries().enumerate() {
            let text = uri::folded_entry(pattern.as_str());
            let literals = Pattern::new(&text).literals().min(pattern.literals());
            let reach = Reach::of(pattern);
            longest_bounded = longest_bounded.max(reach.is_bounded().then_some(pattern.as_str().len()));
            known.push(Known { literals, reach });
            if text != pattern.as_str() {
                folded.entry(text).or_default().push(number);
            }
        }
        let mut folded: Vec<(Pattern, Vec<usize>)> =
            folded.into_iter().map(|(text, numbers)| (Pattern::new(&text), numbers)).collect();
        let order = |pattern: &Pattern| (!pattern.is_exact(), Reverse(pattern.literals()));
        folded.sort_by_key(|(pattern, _)| order(pattern));
        Self { section, folded: Patterns::new(folded), known, longest_bounded }
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

    /// Returns the entry that decides on a URI, and how many literal characters another one must have at least to apply to
    /// [forms](uri::Folded::forms) of the URI: first to those with its query, then to those without. An entry that names a
    /// query behind an exact path decides alone on the forms without it.
    #[must_use]
    pub fn own(&self, uri: &str) -> Option<(&EntryRules, [Option<usize>; 2])> {
        let number = self.section.number(uri)?;
        let ((_, rules), known) = self.section.at(number).zip(self.known.get(number))?;
        let without = match known.reach.path_before_query() {
            Some(path) => (!path.is_exact()).then(|| known.literals.min(path.literals())),
            None => Some(known.literals),
        };
        Some((rules, [Some(known.literals), without]))
    }

    /// Returns why the entry that decides on a URI does not fit it, if its `*` reaches too far, as a whole sentence without its
    /// end.
    #[must_use]
    pub fn overreach(&self, uri: &str) -> Option<&'static str> {
        self.longest_bounded?;
        self.known.get(self.section.number(uri)?)?.reach.obstacle(uri)
    }

    /// Tells whether the entry with this number could allow a URI that begins with `host`, which is all [up to its
    /// host](uri::to_host).
    #[must_use]
    pub fn fits_host(&self, number: usize, host: &str) -> bool {
        self.known.get(number).is_some_and(|known| known.reach.fits_host(host))
    }

    /// Returns how many units of work it takes at most to find out whether a `*` reaches too far in a URI of this many bytes.
    #[must_use]
    pub fn work_of_reach(&self, length: usize) -> usize {
        // The parts are found. Each is compared with its own pattern, and the last one up to three times.
        let each = |pattern: usize| {
            pattern.saturating_mul(3).saturating_add(length.saturating_mul(2)).saturating_add(12)
        };
        self.longest_bounded.map_or(0, |pattern| each(pattern).saturating_mul(3))
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
