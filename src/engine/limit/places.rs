//! The places of a policy's counters, each found once.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use super::place::{Counter, Layout, Place, Scope};

/// Keeps the places of global and grant counters once they were asked for. Those of principals and
/// sessions, of which callers can make any number, are found anew each time.
///
/// What is kept is bounded by the policy: a place for each counter and grant that met in a call, and a
/// pointer for each grant of each counter that was charged. One worker owns it.
pub struct Places {
    layout: Layout,
    grants: usize,
    /// One for each counter, and in it the slots of that counter, made when it is first charged.
    counters: Box<[OnceCell<Slots>]>,
}

/// The global place of a counter, that without a grant, and those of the grants in their order.
type Slots = Box<[OnceCell<Box<Place>>]>;

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

    /// Returns the place of `counter`.
    ///
    /// `number` stands for its server, name and window, and `grant` for the name of the grant that applies
    /// to the caller, `None` where there is none. Both count from 0, and must stand for the same in every
    /// call. With a number that is out of range the place is found anew each time.
    #[must_use]
    pub fn place(&self, counter: &Counter<'_>, number: usize, grant: Option<usize>) -> Cow<'_, Place> {
        match self.slot(counter.scope, number, grant) {
            Some(slot) => Cow::Borrowed(slot.get_or_init(|| Box::new(self.layout.place(counter)))),
            None => Cow::Owned(self.layout.place(counter)),
        }
    }

    fn slot(&self, scope: Scope<'_>, number: usize, grant: Option<usize>) -> Option<&OnceCell<Box<Place>>> {
        let at = match (scope, grant) {
            (Scope::Global, _) => 0,
            (Scope::Grant(_), None) => 1,
            (Scope::Grant(_), Some(grant)) => grant.checked_add(2)?,
            (Scope::Principal { .. } | Scope::Session { .. }, _) => return None,
        };
        self.counters.get(number)?.get_or_init(|| empty(self.grants.saturating_add(2))).get(at)
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
        Counter { server: "s", name: ["calls", "spend"][number], window, scope }
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
    fn what_callers_choose_and_numbers_out_of_range_are_found_anew() {
        let places = places();
        let session = Scope::Session { grant: "one", session: b"x" };
        let principal = Scope::Principal { grant: "one", principal: b"x" };
        for (scope, number, grant) in [
            (session, 0, Some(0)),
            (principal, 0, Some(0)),
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
