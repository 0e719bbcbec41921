//! When one limit counts everything that another one counts: `check` and `diff` both compare limits so.

use mcp_policy_engine::limit::{Kind, Window};
use mcp_policy_engine::policy::{Adds, Scope};

/// Returns whether the callers who share a tally of `narrow` share one of `wide`, too.
pub fn scope_covers(wide: Scope, narrow: Scope) -> bool {
    match (wide, narrow) {
        (Scope::Global, _) | (Scope::Grant, Scope::Grant | Scope::Principal | Scope::Session) => true,
        (Scope::Grant | Scope::Principal | Scope::Session, _) => wide == narrow,
    }
}

/// Returns whether what counts within the window `short` counts within `long`, too.
pub fn window_covers(long: Window, short: Window) -> bool {
    match (long.kind(), short.kind()) {
        // A sliding window counts up to 4 % more than its length, so only one that is longer by more is certain.
        (Kind::Sliding, Kind::Sliding) => {
            long == short || long.seconds().saturating_mul(100) >= short.seconds().saturating_mul(104)
        }
        (Kind::Sliding, Kind::Calendar) => long.seconds() >= short.seconds(),
        (Kind::Calendar, Kind::Calendar) => long.seconds().checked_rem(short.seconds()) == Some(0),
        // At its boundary the longer window forgets what the shorter one still knows.
        (Kind::Calendar, Kind::Sliding) => false,
    }
}

/// Returns whether each call adds at least as much by `most` as by `least`.
pub fn adds_as_much(most: &Adds, least: &Adds) -> bool {
    match (most, least) {
        (Adds::Fixed(most), Adds::Fixed(least)) => most >= least,
        (most, least) => most == least,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_covers_those_within_it() {
        let all = [Scope::Global, Scope::Grant, Scope::Principal, Scope::Session];
        for (wide, covered) in
            [(all[0], &all[..]), (all[1], &all[1..]), (all[2], &all[2..3]), (all[3], &all[3..])]
        {
            let found: Vec<Scope> = all.into_iter().filter(|narrow| scope_covers(wide, *narrow)).collect();
            assert_eq!(found, covered, "{wide:?}");
        }
    }

    #[test]
    fn a_window_covers_those_that_end_within_it() {
        use Kind::{Calendar, Sliding};
        for (long, short, expected) in [
            ((60, Sliding), (60, Sliding), true),
            ((62, Sliding), (60, Sliding), false),
            ((63, Sliding), (60, Sliding), true),
            ((60, Sliding), (60, Calendar), true),
            ((59, Sliding), (60, Calendar), false),
            ((3600, Calendar), (60, Calendar), true),
            ((90, Calendar), (60, Calendar), false),
            ((86_400, Calendar), (1, Sliding), false),
        ] {
            let window = |(seconds, kind)| Window::new(seconds, kind).unwrap();
            assert_eq!(window_covers(window(long), window(short)), expected, "{long:?} {short:?}");
        }
    }
}
