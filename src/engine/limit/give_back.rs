//! Giving charges back: for a call that was charged and then reached no server.

use super::bucket::{Bucket, Receipt};
use super::place::Layout;
use super::store::Store;

/// How often a write is tried. If one fails, a write of another worker has succeeded.
const SWAPS: u32 = 512;

/// What became of a call's charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GivenBack {
    /// How many charges no longer count. One that has left its window does not count anyway
    pub charges: usize,
    /// How many charges still count because the store failed, or other workers wrote first at every try
    pub failed: usize,
    /// How many writes were lost to other workers and made again
    pub retries: u32,
}

/// Gives back the charges of one call, each once and at most what was charged. The caller must not use a
/// receipt twice. Other workers may charge the same counters at the same time.
///
/// Unlike [`charge`](super::charge), this is not one step: a charge that cannot be given back does not keep
/// the others. Nothing is given back at a time before the charge, because the clock was stepped back and the
/// tallies may have been moved.
pub fn give_back<S: Store + ?Sized>(
    store: &S,
    layout: &Layout,
    (charged_ns, now_ns): (u64, u64),
    receipts: &[Receipt],
) -> GivenBack {
    let mut given = GivenBack::default();
    if now_ns < charged_ns {
        return GivenBack { failed: receipts.len(), ..given };
    }
    for receipt in receipts {
        let key = layout.key(receipt.id, receipt.in_table);
        match give_back_one(store, &key, now_ns, receipt, &mut given.retries) {
            Some(()) => given.charges = given.charges.saturating_add(1),
            None => given.failed = given.failed.saturating_add(1),
        }
    }
    given
}

fn give_back_one<S: Store + ?Sized>(
    store: &S,
    key: &str,
    now_ns: u64,
    receipt: &Receipt,
    retries: &mut u32,
) -> Option<()> {
    for _ in 0..SWAPS {
        let (value, version) = store.read(key).ok()?;
        let (mut bucket, healed) = Bucket::read(value, now_ns)?;
        if healed {
            // The tallies were moved, so the receipt's slot may be that of another charge.
            return None;
        }
        if !bucket.give_back(receipt, now_ns) || store.swap(key, bucket.value(), version).ok()? {
            return Some(());
        }
        *retries = retries.saturating_add(1);
    }
    None
}
