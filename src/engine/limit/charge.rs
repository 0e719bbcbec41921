//! Charging all limits of a call together, or none.

use super::Few;
use super::amount::Amount;
use super::bucket::Receipt;
use super::place::Place;
use super::store::Store;
use super::tally::Usage;
use super::transaction::{Stop, Transaction};

/// One limit of a call: what the call adds to a counter, and what the counter may hold.
///
/// If several charges of a call name one counter, it is charged once, with the largest amount, and held
/// against the `max` of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge<'a> {
    /// Where the counter is
    pub place: &'a Place,
    /// What the call adds
    pub amount: Amount,
    /// What the counter's window may hold
    pub max: Amount,
}

/// What became of a call's charges. `usages` has one entry per charge, in their order; `retries`
/// counts the writes that were lost to other workers and made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// All limits have room: all are charged, or, if only looked at, could be
    Charged {
        /// What is used with this call
        usages: Few<Usage>,
        /// What was charged, to give it back: one for each counter that the call adds to
        receipts: Few<Receipt>,
        /// Lost writes
        retries: u32,
    },
    /// A limit has no room: nothing is charged
    Refused {
        /// The first charge whose limit has no room
        index: usize,
        /// In how many seconds, at least 1, all limits have room if nothing else is charged; `None`
        /// if never, as the call alone is more than a limit's `max`
        retry_after_seconds: Option<u64>,
        /// What is used without this call
        usages: Few<Usage>,
        /// Lost writes
        retries: u32,
    },
    /// The call cannot be counted and must be denied. Nothing is charged, unless withdrawing failed too
    Unavailable {
        /// Why it cannot be counted
        why: Why,
        /// The charge that could not be made, or one of them
        index: usize,
        /// Lost writes
        retries: u32,
    },
}

/// Why a call cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// All entries of the counter's place are live
    Full,
    /// Other workers wrote first at every try
    Contended,
    /// The stored value is not of this format
    Unreadable,
    /// The store failed
    Store,
}

impl ChargeOutcome {
    /// Returns how many writes were lost to other workers and made again.
    #[must_use]
    pub fn retries(&self) -> u32 {
        match self {
            Self::Charged { retries, .. }
            | Self::Refused { retries, .. }
            | Self::Unavailable { retries, .. } => *retries,
        }
    }
}

impl Why {
    /// Returns the word for records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Contended => "contended",
            Self::Unreadable => "unreadable",
            Self::Store => "store",
        }
    }
}

/// Charges all of `charges` at `now_ns` (nanoseconds since the Unix epoch), or none of them.
///
/// Workers may do so at the same time: no charge is lost and none is made twice. If a worker's clock is
/// slightly behind the counter, the counter's latest time is used.
pub fn charge<S: Store + ?Sized>(store: &S, now_ns: u64, charges: &[Charge<'_>]) -> ChargeOutcome {
    run(store, now_ns, charges, Transaction::commit)
}

/// Tells what [`charge`] would do at `now_ns`, and charges nothing.
pub fn look<S: Store + ?Sized>(store: &S, now_ns: u64, charges: &[Charge<'_>]) -> ChargeOutcome {
    run(store, now_ns, charges, |transaction, charges| transaction.survey(charges).map(|_| Few::new()))
}

fn run<'a, S: Store + ?Sized>(
    store: &'a S,
    now_ns: u64,
    charges: &[Charge<'a>],
    act: impl FnOnce(&mut Transaction<'a, S>, &[Line<'a>]) -> Result<Few<Receipt>, Stop>,
) -> ChargeOutcome {
    let mut transaction = Transaction::new(store, now_ns, charges);
    let done = act(&mut transaction, &Line::sort(charges));
    let Transaction { retries, standings, .. } = transaction;
    match done {
        Ok(receipts) => {
            let usages = standings.iter().map(|standing| standing.after.unwrap_or(standing.before));
            ChargeOutcome::Charged { usages: usages.collect(), receipts, retries }
        }
        Err(Stop::Refused { index, retry_after_seconds }) => {
            let usages = standings.iter().map(|standing| standing.before);
            ChargeOutcome::Refused { index, retry_after_seconds, usages: usages.collect(), retries }
        }
        Err(Stop::Unavailable { why, index }) => ChargeOutcome::Unavailable { why, index, retries },
    }
}

/// A charge with its number among the call's charges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) index: usize,
    pub(super) charge: Charge<'a>,
}

impl<'a> Line<'a> {
    /// Sorts charges by key, so that workers that need several meet them in one order, and then by
    /// counter.
    fn sort(charges: &[Charge<'a>]) -> Few<Self> {
        let mut lines: Few<Self> =
            charges.iter().enumerate().map(|(index, charge)| Self { index, charge: *charge }).collect();
        if lines.len() > 1 {
            lines.sort_unstable_by_key(|line| (line.charge.place.key(), line.charge.place.id, line.index));
        }
        lines
    }
}
