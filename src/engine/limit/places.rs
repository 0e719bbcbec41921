//! The places of a policy's counters, each found once.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use siphasher::sip128::SipHasher13;

use super::place::{Counter, Layout, Place, Scope};

/// How many scopes there are under a grant: grant, principal, session.
const SCOPES: usize = 3;

/// Keeps what calls need to find their counters, so that each worker computes it once.
///
/// For global and grant counters this is the place itself; for those of principals, sessions and values, of
/// which callers can make any number, it is the hash of everything but the caller and the value.
///
/// The policy bounds what is kept: a place and two hashes for each counter and grant that met in a call, and
/// three pointers for each grant of each counter that was charged.
pub struct Places {
    layout: Layout,
    grants: usize,
    /// One for each counter, and in it the slots of that counter, made when it is first charged.
    counters: Box<[OnceCell<Slots>]>,
}

/// What is kept of a counter: its global place; then, for callers without a grant and for each grant, one
/// slot for each scope.
type Slots = Box<[OnceCell<Box<Kept>>]>;

#[derive(Debug)]
enum Kept {
    Place(Place),
    Prefix(SipHasher13),
}

impl Places {
    /// Makes an empty collection for a policy with so many counters and grants.
    #[must_use]
    pub fn new(layout: Layout, counters: usize, grants: usize) -> Self {
        Self { layout, grants, counters: empty(counters) }
    }

    /// Returns the layout that gives the places.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the place of `counter`, the same as [`Layout::place`].
    ///
    /// `number` stands for the counter's server, name and window, for the path of its values, and for whether
    /// it counts apart. `grant` stands for the name of the grant that applies to the caller; it is `None`
    /// where there is none. Both count from 0, and must mean the same in every call. Nothing is kept for
    /// numbers that are out of range.
    #[must_use]
    pub fn place(&self, counter: &Counter<'_>, number: usize, grant: Option<usize>) -> Cow<'_, Place> {
        let Some(slot) = self.slot(counter.scope, number, grant) else {
            return Cow::Owned(self.layout.place(counter));
        };
        match &**slot.get_or_init(|| Box::new(self.keep(counter))) {
            Kept::Place(place) => Cow::Borrowed(place),
            Kept::Prefix(prefix) => Cow::Owned(self.layout.place_behind(*prefix, counter)),
        }
    }

    fn keep(&self, counter: &Counter<'_>) -> Kept {
        if counter.is_of_document() {
            Kept::Place(self.layout.place(counter))
        } else {
            Kept::Prefix(self.layout.prefix(counter))
        }
    }

    fn slot(&self, scope: Scope<'_>, number: usize, grant: Option<usize>) -> Option<&OnceCell<Box<Kept>>> {
        let first = match grant {
            None => 1,
            Some(grant) => grant.checked_mul(SCOPES)?.checked_add(SCOPES)?.checked_add(1)?,
        };
        let at = match scope {
            Scope::Global => 0,
            Scope::Grant(_) => first,
            Scope::Principal { .. } => first.checked_add(1)?,
            Scope::Session { .. } => first.checked_add(2)?,
        };
        let slots = || empty(self.grants.saturating_add(1).saturating_mul(SCOPES).saturating_add(1));
        self.counters.get(number)?.get_or_init(slots).get(at)
    }
}

fn empty<T>(count: usize) -> Box<[OnceCell<T>]> {
    (0..count).map(|_| OnceCell::new()).collect()
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layout, grants, counters } = self;
        f.debug_struct("Places")
            .field("layout", layout)
            .field("counters", &counters.len())
            .field("grants", grants)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::window::{Kind, Window};
    use super::*;

    const GRANTS: [&str; 2] = ["one", "two"];

    fn places() -> Places {
        Places::new(Layout::new([7; 16], NonZeroU32::new(16).unwrap()), 2, GRANTS.len())
    }

    fn counter<'a>(number: usize, scope: Scope<'a>) -> Counter<'a> {
        let window = Window::new(60, Kind::Sliding).unwrap();
        Counter::new("s", ["calls", "spend"][number], window, scope)
    }

    #[test]
    fn the_places_of_the_document_are_those_of_the_layout_and_are_kept() {
        let places = places();
        let named = |grant: Option<usize>| Scope::Grant(grant.map_or("everybody", |grant| GRANTS[grant]));
        let mut keys = Vec::new();
        for number in 0..2 {
            for (scope, grant) in [
                (Scope::Global, None),
                (named(None), None),
                (named(Some(0)), Some(0)),
                (named(Some(1)), Some(1)),
            ] {
                let counter = counter(number, scope);
                let (first, second) =
                    (places.place(&counter, number, grant), places.place(&counter, number, grant));
                assert_eq!(*first, places.layout().place(&counter));
                let (Cow::Borrowed(first), Cow::Borrowed(second)) = (first, second) else {
                    panic!("{counter:?} is not kept")
                };
                assert!(std::ptr::eq(first, second));
                keys.push(first.key().to_owned());
            }
        }
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 8);
    }

    #[test]
    fn a_global_counter_has_one_place_under_all_grants() {
        let (places, counter) = (places(), counter(0, Scope::Global));
        let [one, two] = [Some(0), Some(1)].map(|grant| places.place(&counter, 0, grant));
        assert!(std::ptr::eq(&*one, &*two));
    }

    #[test]
    fn principals_and_sessions_find_their_own_places() {
        let places = places();
        for _ in 0..2 {
            for caller in [&b"x"[..], b"y", b""] {
                for (number, grant) in [(0, None), (0, Some(0)), (1, Some(0)), (1, Some(1))] {
                    let name = grant.map_or("everybody", |grant| GRANTS[grant]);
                    for scope in [
                        Scope::Principal { grant: name, principal: caller },
                        Scope::Session { grant: name, session: caller },
                    ] {
                        let counter = counter(number, scope);
                        let place = places.place(&counter, number, grant);
                        assert_eq!(*place, places.layout().place(&counter), "{counter:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_out_of_range_find_their_places_too() {
        let places = places();
        let session = Scope::Session { grant: "three", session: b"x" };
        for (scope, number, grant) in [
            (session, 2, Some(0)),
            (session, 0, Some(2)),
            (Scope::Global, 2, None),
            (Scope::Grant("three"), 0, Some(2)),
            (Scope::Grant("three"), 0, Some(usize::MAX)),
        ] {
            let counter = counter(0, scope);
            let place = places.place(&counter, number, grant);
            assert!(matches!(place, Cow::Owned(_)), "{scope:?}");
            assert_eq!(*place, places.layout().place(&counter));
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", places());
        assert!(shown.contains("counters: 2, grants: 2") && !shown.contains("7, 7"), "{shown}");
    }
}
