//! Objects of a document, read key by key.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::fault::{Fault, Faults};
use super::keys::{Key, Keys, Object, Takes};
use super::part::Part;
use super::wrong::Wrong;

/// An object that is being read. Its reader takes every key of the table, present or not, and then
/// [closes](Self::close) it.
pub struct Fields<'d, K> {
    open: Open<'d>,
    keys: PhantomData<K>,
}

impl<'d, K: Keys> Fields<'d, K> {
    /// Opens an object; notes a fault and returns `None` if the value is not an object.
    pub fn open(part: &Part<'d>, faults: &mut Faults) -> Option<Self> {
        faults.fit(part, part.value.is_object().then_some(()), K::EXPECTED)?;
        Some(Self { open: Open { part: part.clone(), object: K::object(), taken: 0 }, keys: PhantomData })
    }

    /// Returns the object.
    pub fn part(&self) -> &Part<'d> {
        &self.open.part
    }

    /// Tells whether one of `keys` is there, without taking it.
    pub fn has_any(&self, keys: &[K]) -> bool {
        keys.iter().any(|key| self.open.find(key.index()).is_some())
    }

    /// Takes the value under a key.
    pub fn take(&mut self, key: K) -> Option<Part<'d>> {
        self.open.take(key.index())
    }

    /// Takes the value under a key; notes a fault if the key is required and missing.
    pub fn need(&mut self, key: K, faults: &mut Faults) -> Option<Part<'d>> {
        self.open.need(key.index(), faults)
    }

    /// Notes that a key is missing, and that `expected` belongs under it.
    pub fn missing(&self, key: K, expected: &'static Takes, faults: &mut Faults) {
        self.open.missing(key.index(), expected, faults);
    }

    /// Takes the value under a key and reads it; notes a fault if `read` returns `None`.
    pub fn read<T>(
        &mut self,
        key: K,
        read: impl FnOnce(&Part<'d>) -> Option<T>,
        faults: &mut Faults,
    ) -> Option<T> {
        let part = self.need(key, faults)?;
        faults.fit(&part, read(&part), self.open.takes(key.index()))
    }

    /// Takes a string, which may be empty.
    pub fn text(&mut self, key: K, faults: &mut Faults) -> Option<String> {
        self.read(key, |part| part.value.string().map(Cow::into_owned), faults)
    }

    /// Takes a string that is not empty.
    pub fn name(&mut self, key: K, faults: &mut Faults) -> Option<String> {
        let filled = |text: &Cow<'_, str>| !text.is_empty();
        self.read(key, |part| part.value.string().filter(filled).map(Cow::into_owned), faults)
    }

    /// Takes one of a few words and returns its meaning: `absent` without the key, `None` where it is another
    /// word.
    pub fn word<T: Copy>(
        &mut self,
        key: K,
        words: &[(&'static str, T)],
        absent: T,
        faults: &mut Faults,
    ) -> Option<T> {
        let Some(part) = self.take(key) else { return Some(absent) };
        faults.fit(&part, meaning(&part, words), self.open.takes(key.index()))
    }

    /// Takes an integer within the bounds of the table.
    pub fn count(&mut self, key: K, faults: &mut Faults) -> Option<u32> {
        self.open.count(key.index(), faults)
    }

    /// Takes the elements of a list; notes a fault if the value is not a list.
    pub fn list(&mut self, key: K, faults: &mut Faults) -> Vec<Part<'d>> {
        self.open.list(key.index(), faults)
    }

    /// Takes the names and values of an object in their order; notes a fault if the value is not an object.
    pub fn named(&mut self, key: K, faults: &mut Faults) -> Vec<(Cow<'d, str>, Part<'d>)> {
        self.open.named(key.index(), faults)
    }

    /// Notes a fault for every key of the object that is unknown.
    pub fn close(self, faults: &mut Faults) {
        self.open.close(faults);
    }
}

/// Returns the meaning of a word; `None` if the value is none of the words.
pub fn meaning<T: Copy>(part: &Part<'_>, words: &[(&'static str, T)]) -> Option<T> {
    let text = part.value.string()?;
    words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
}

/// An object that is being read, whatever its table. Keys are indices into the table.
///
/// Readers call these functions in about a hundred places, once per document. Inlining them would only make
/// the module larger.
struct Open<'d> {
    part: Part<'d>,
    object: &'static Object,
    /// A bit for each key that was taken
    taken: u64,
}

impl<'d> Open<'d> {
    fn key(&self, index: usize) -> Option<&'static Key> {
        self.object.keys.get(index)
    }

    fn takes(&self, index: usize) -> &'static Takes {
        self.key(index).map_or(&Takes::Anything, |key| &key.takes)
    }

    #[inline(never)]
    fn find(&self, index: usize) -> Option<Part<'d>> {
        self.part.member(self.key(index)?.name)
    }

    #[inline(never)]
    fn take(&mut self, index: usize) -> Option<Part<'d>> {
        self.taken |= bit(index);
        self.find(index)
    }

    #[inline(never)]
    fn need(&mut self, index: usize, faults: &mut Faults) -> Option<Part<'d>> {
        let found = self.take(index);
        let key = self.key(index)?;
        if found.is_none() && key.required {
            self.missing(index, &key.takes, faults);
        }
        found
    }

    #[inline(never)]
    fn missing(&self, index: usize, expected: &'static Takes, faults: &mut Faults) {
        let Some(key) = self.key(index) else { return };
        let (path, place) = (self.part.path.key(key.name), self.part.place());
        faults.push(Fault { path, place, of_key: false, wrong: Wrong::Missing { expected } });
    }

    #[inline(never)]
    fn count(&mut self, index: usize, faults: &mut Faults) -> Option<u32> {
        let part = self.need(index, faults)?;
        let number = part.whole().and_then(|number| u32::try_from(number).ok());
        let takes = self.takes(index);
        let fits = number.filter(|number| match takes {
            Takes::Integer { least, most } => (least..=most).contains(&number),
            _ => false,
        });
        faults.fit(&part, fits, takes)
    }

    #[inline(never)]
    fn list(&mut self, index: usize, faults: &mut Faults) -> Vec<Part<'d>> {
        let Some(part) = self.need(index, faults) else { return Vec::new() };
        if !part.value.is_array() {
            faults.unfit(&part, self.takes(index));
        }
        part.elements().collect()
    }

    #[inline(never)]
    fn named(&mut self, index: usize, faults: &mut Faults) -> Vec<(Cow<'d, str>, Part<'d>)> {
        let Some(part) = self.need(index, faults) else { return Vec::new() };
        if !part.value.is_object() {
            faults.unfit(&part, self.takes(index));
        }
        part.members().collect()
    }

    #[inline(never)]
    fn close(self, faults: &mut Faults) {
        let all = self.object.keys.len();
        debug_assert_eq!(usize::try_from(self.taken.count_ones()), Ok(all), "{:?}", self.object);
        for (key, part) in self.part.members() {
            let index = self.object.keys.iter().position(|known| known.name == key);
            // A key that nobody took is refused even if the table has it: it must not look as if it applied.
            if index.is_none_or(|index| self.taken & bit(index) == 0) {
                let wrong = Wrong::UnknownKey { key: key.into_owned(), object: self.object };
                faults.add_key(&part, wrong);
            }
        }
    }
}

fn bit(index: usize) -> u64 {
    u32::try_from(index).ok().and_then(|index| 1_u64.checked_shl(index)).unwrap_or_default()
}
