//! The charges of a call that was forwarded, to give them back if no server received it.

use super::Environment;
use crate::limit::{self, Few, GivenBack, Receipt};

/// What was charged for one call: the limits of all its rules, those in shadow mode included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Charged {
    at_ns: u64,
    receipts: Few<Receipt>,
}

impl Charged {
    /// Adds charges that were made at `now_ns`.
    pub(super) fn add(&mut self, now_ns: u64, receipts: Few<Receipt>) {
        self.at_ns = self.at_ns.max(now_ns);
        self.receipts.extend(receipts);
    }

    /// Returns whether nothing was charged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receipts.is_empty()
    }

    /// Gives everything back. What cannot be given back, without a clock for example, stays charged.
    pub fn give_back<E: Environment>(self, environment: &E) -> GivenBack {
        let Self { at_ns, receipts } = self;
        if receipts.is_empty() {
            return GivenBack::default();
        }
        match (environment.now_ns(), environment.places()) {
            (Some(now_ns), Ok(places)) => {
                limit::give_back(environment.store(), places.layout(), (at_ns, now_ns), &receipts)
            }
            _ => GivenBack { failed: receipts.len(), ..GivenBack::default() },
        }
    }
}
