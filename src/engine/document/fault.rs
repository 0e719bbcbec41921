//! Faults: what is wrong with a document, and where.

use std::collections::BTreeSet;
use std::ops::Range;

use super::keys::Takes;
use super::part::Part;
use super::path::Path;
use super::wrong::{Found, Wrong};

/// One thing that is wrong with a document. Its text is `path: what is wrong`, one line.
///
/// A reader of another kind of file has a `W` of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<W = Wrong> {
    /// The path of the part that is wrong or missing
    pub path: Path,
    /// The bytes that are wrong: a value, a key that should not be there, or the object that lacks a key.
    /// `None` if the document did not come as text.
    pub place: Option<Range<usize>>,
    /// Whether the key is wrong, not its value. A tool that finds the part by its path needs to know
    pub of_key: bool,
    /// What is wrong, and what would be right
    pub wrong: W,
}

/// Everything that is wrong with one document, each fault one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults<W = Wrong> {
    list: Vec<Fault<W>>,
    paths: BTreeSet<Path>,
}

impl<W> Default for Faults<W> {
    fn default() -> Self {
        Self { list: Vec::new(), paths: BTreeSet::new() }
    }
}

impl<W> Faults<W> {
    /// Notes a fault.
    #[cold]
    #[inline(never)]
    pub fn push(&mut self, fault: Fault<W>) {
        self.paths.insert(fault.path.clone());
        self.list.push(fault);
    }

    /// Notes a fault whose place is not known.
    pub fn note(&mut self, path: &Path, wrong: impl Into<W>) {
        self.push(Fault { path: path.clone(), place: None, of_key: false, wrong: wrong.into() });
    }

    /// Tells whether something is wrong at `path` itself.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }

    /// Tells whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Walks the faults in the order in which they were found.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Fault<W>> {
        self.list.iter()
    }
}

impl Faults {
    /// Notes that a value is wrong.
    #[cold]
    #[inline(never)]
    pub fn add(&mut self, part: &Part<'_>, wrong: impl Into<Wrong>) {
        self.push(Fault { path: part.path.clone(), place: part.place(), of_key: false, wrong: wrong.into() });
    }

    /// Notes that the key of a value is wrong: it should not be there, or should have another name.
    #[cold]
    #[inline(never)]
    pub fn add_key(&mut self, part: &Part<'_>, wrong: impl Into<Wrong>) {
        let (path, place) = (part.path.clone(), part.key_place());
        self.push(Fault { path, place, of_key: true, wrong: wrong.into() });
    }

    /// Notes that a value is not what belongs there, unless a fault at its path is known already: a number
    /// that a Struct has changed is one fault, not two.
    #[cold]
    #[inline(never)]
    pub fn unfit(&mut self, part: &Part<'_>, expected: &'static Takes) {
        if !self.has(&part.path) {
            self.add(part, Wrong::Unfit { expected, found: Found::new(part.value) });
        }
    }

    /// Returns `read`, and notes that the value is [unfit](Self::unfit) if there is nothing in it.
    pub fn fit<T>(&mut self, part: &Part<'_>, read: Option<T>, expected: &'static Takes) -> Option<T> {
        if read.is_none() {
            self.unfit(part, expected);
        }
        read
    }
}
