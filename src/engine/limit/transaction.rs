//! How a call's charges get into the store: all of them or none, without a lock.
//!
//! First all keys are read and all limits are checked. Most refusals happen here, before anything is
//! written. Then the keys are written one after another by compare-and-swap. If another worker has
//! written a key in between, the limits under that key are checked again. All charges except those under the
//! last key are written as pending. If a limit under a later key has no room after all, the pending charges
//! are withdrawn. Once the last key is written, they are settled. Most calls need one key, so there is
//! nothing to settle: they take one read and one write.
//!
//! If a tally without room has pending charges, the refusal is not certain, because they may be
//! withdrawn. The tally is then checked again, a bounded number of times. All workers write keys in the
//! same order, and wait only for keys after those where they have pending charges, so there is no
//! deadlock.

use super::Few;
use super::amount::Amount;
use super::bucket::{Bucket, Receipt};
use super::charge::{Charge, Line, Why};
use super::place::Place;
use super::store::{Store, Unavailable};
use super::tally::{NoRoom, Standing, Usage};

/// How often a write is tried. If one fails, a write of another worker has succeeded.
const SWAPS: u32 = 512;

/// How often, in all, a call waits for another worker's pending charges.
const WAITS: u32 = 256;

/// Why a transaction ends without a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Refused { index: usize, retry_after_seconds: Option<u64> },
    Unavailable { why: Why, index: usize },
}

/// The reads and writes that charge one call.
pub(super) struct Transaction<'a, S: Store + ?Sized> {
    store: &'a S,
    now_ns: u64,
    waits: u32,
    pub(super) retries: u32,
    /// One for each charge, in their order.
    pub(super) standings: Few<Standing>,
}

/// What a key held, and the version that a write must find.
pub(super) struct Loaded<V> {
    bucket: Bucket,
    version: V,
    /// Whether this content was checked already, and all limits under the key have room.
    judged: bool,
}

/// The room that a call lacks.
#[derive(Default)]
struct Shortage {
    /// The first charge whose limit has no room, and the seconds until all limits have room; `None` if never
    refused: Option<(usize, Option<u64>)>,
    /// The first charge whose counter finds no room in its bucket
    full: Option<usize>,
    /// Whether at least one of the two would remain even if all pending charges were withdrawn
    certain: bool,
}

impl<'a, S: Store + ?Sized> Transaction<'a, S> {
    pub(super) fn new(store: &'a S, now_ns: u64, charges: &[Charge<'a>]) -> Self {
        let standings = charges.iter().map(|charge| {
            let unused = Usage { used: Amount::ZERO, max: charge.max, resets_in_seconds: 0 };
            Standing { before: unused, after: Ok(unused) }
        });
        Self { store, now_ns, waits: WAITS, retries: 0, standings: standings.collect() }
    }

    /// Reads all keys and checks all limits. Returns what the keys held, in the order of `lines`.
    pub(super) fn survey(&mut self, lines: &[Line<'a>]) -> Result<Few<Loaded<S::Version>>, Stop> {
        loop {
            let mut shortage = Shortage::default();
            let mut all = Few::new();
            for lines in by_key(lines) {
                let loaded = self.load(lines)?;
                self.judge(&loaded.bucket, lines, &mut shortage)?;
                all.push(Loaded { judged: true, ..loaded });
            }
            let Some(stop) = shortage.stop() else { return Ok(all) };
            self.wait(&shortage, stop)?;
        }
    }

    /// Charges everything or nothing.
    pub(super) fn commit(&mut self, lines: &[Line<'a>]) -> Result<Few<Receipt>, Stop> {
        let mut single = by_key(lines);
        if let (Some(key), None) = (single.next(), single.next()) {
            return self.commit_one(key);
        }
        let loaded = self.survey(lines)?;
        // A charge of zero is checked, but not written.
        let adds = |lines: &[Line<'_>]| lines.iter().any(|line| line.charge.amount > Amount::ZERO);
        let mut keys: Few<_> = by_key(lines).zip(loaded).filter(|(lines, _)| adds(lines)).collect();

        let last = keys.pop();
        let mut entered: Few<(&str, Few<Receipt>)> = Few::new();
        let mut done = Ok(Few::new());
        for (lines, loaded) in keys {
            match self.enter(lines, loaded, true) {
                Ok(receipts) => entered.push((key_of(lines), receipts)),
                Err(stop) => {
                    done = Err(stop);
                    break;
                }
            }
        }
        if let (Ok(_), Some((lines, loaded))) = (&done, last) {
            done = self.enter(lines, loaded, false);
        }
        let now_ns = self.now_ns;
        for (key, receipts) in entered {
            self.amend(key, |bucket| {
                for receipt in &receipts {
                    match done {
                        Ok(_) => bucket.settle(receipt),
                        Err(_) => bucket.withdraw(receipt, now_ns),
                    }
                }
            });
            if let Ok(all) = &mut done {
                all.extend(receipts);
            }
        }
        done
    }

    /// Charges a call whose limits are all under one key. They are checked and charged with one read.
    fn commit_one(&mut self, lines: &[Line<'a>]) -> Result<Few<Receipt>, Stop> {
        if lines.iter().all(|line| line.charge.amount == Amount::ZERO) {
            // A charge of zero is checked, but not written.
            return self.survey(lines).map(|_| Few::new());
        }
        let loaded = self.load(lines)?;
        self.enter(lines, loaded, false)
    }

    /// Charges what is under one key.
    fn enter(
        &mut self,
        lines: &[Line<'a>],
        mut loaded: Loaded<S::Version>,
        pending: bool,
    ) -> Result<Few<Receipt>, Stop> {
        let mut lost = 0_u32;
        loop {
            let mut shortage = Shortage::default();
            if !loaded.judged {
                self.judge(&loaded.bucket, lines, &mut shortage)?;
            }
            if let Some(stop) = shortage.stop() {
                self.wait(&shortage, stop)?;
            } else {
                let Loaded { mut bucket, version, .. } = loaded;
                let receipts = counters(lines)
                    .filter(|(_, amount, _)| *amount > Amount::ZERO)
                    .map(|(place, amount, _)| bucket.charge(place, self.now_ns, amount, pending))
                    .collect::<Option<Few<_>>>()
                    .ok_or_else(|| unavailable(Why::Unreadable, lines))?;
                match self.store.swap(key_of(lines), bucket.value(), version) {
                    Ok(true) => return Ok(receipts),
                    Ok(false) => lost = lost.saturating_add(1),
                    Err(Unavailable) => return Err(unavailable(Why::Store, lines)),
                }
                self.retries = self.retries.saturating_add(1);
                if lost >= SWAPS {
                    return Err(unavailable(Why::Contended, lines));
                }
            }
            loaded = self.load(lines)?;
        }
    }

    /// Checks the limits under one key, and adds those without room to `shortage`.
    fn judge(&mut self, bucket: &Bucket, lines: &[Line<'a>], shortage: &mut Shortage) -> Result<(), Stop> {
        let mut added = 0_usize;
        for (place, amount, lines) in counters(lines) {
            let tally =
                bucket.tally(place, self.now_ns).ok_or_else(|| unavailable(Why::Unreadable, lines))?;
            for Line { index, charge } in lines {
                let standing = tally.judge(self.now_ns, amount, charge.max);
                if let Err(NoRoom { retry_after_seconds }) = standing.after {
                    shortage.refuse(*index, retry_after_seconds);
                    shortage.certain |= !bucket.is_pending(place, self.now_ns);
                }
                if let Some(known) = self.standings.get_mut(*index) {
                    *known = standing;
                }
            }
            if amount > Amount::ZERO && !bucket.has_live(place, self.now_ns) {
                added = added.saturating_add(1);
                if bucket.live(self.now_ns).saturating_add(added) > place.room {
                    let index = lines.iter().map(|line| line.index).min();
                    shortage.full = shortage.full.into_iter().chain(index).min();
                    shortage.certain |= !bucket.any_pending(self.now_ns);
                }
            }
        }
        Ok(())
    }

    /// Waits for another worker to settle or withdraw its charges if that may end the shortage. Fails with
    /// `stop` if it cannot, or if the call has waited too often.
    fn wait(&mut self, shortage: &Shortage, stop: Stop) -> Result<(), Stop> {
        if shortage.certain {
            return Err(stop);
        }
        self.waits = self.waits.checked_sub(1).ok_or(stop)?;
        self.store.pause();
        Ok(())
    }

    /// Reads what is under one key.
    fn load(&mut self, lines: &[Line<'a>]) -> Result<Loaded<S::Version>, Stop> {
        self.read(key_of(lines)).map_err(|why| unavailable(why, lines))
    }

    fn read(&mut self, key: &str) -> Result<Loaded<S::Version>, Why> {
        for _ in 0..SWAPS {
            let (value, version) = self.store.read(key).map_err(|Unavailable| Why::Store)?;
            let (bucket, healed) = Bucket::read(value, self.now_ns).ok_or(Why::Unreadable)?;
            if !healed {
                return Ok(Loaded { bucket, version, judged: false });
            }
            match self.store.swap(key, bucket.value(), version) {
                Ok(true) => {}
                Ok(false) => self.retries = self.retries.saturating_add(1),
                Err(Unavailable) => return Err(Why::Store),
            }
        }
        Err(Why::Contended)
    }

    /// Settles or withdraws charges. If it fails they stay as they are: a charge that should have been
    /// withdrawn counts until its window has passed, and one that should have been settled is pending until
    /// it is stale.
    fn amend(&mut self, key: &str, change: impl Fn(&mut Bucket)) {
        for _ in 0..SWAPS {
            let Ok(Loaded { mut bucket, version, .. }) = self.read(key) else { return };
            change(&mut bucket);
            match self.store.swap(key, bucket.value(), version) {
                Ok(false) => self.retries = self.retries.saturating_add(1),
                Ok(true) | Err(Unavailable) => return,
            }
        }
    }
}

impl Shortage {
    fn refuse(&mut self, index: usize, retry: Option<u64>) {
        self.refused = Some(match self.refused {
            None => (index, retry),
            Some((first, longest)) => (first.min(index), longest.zip(retry).map(|(a, b)| a.max(b))),
        });
    }

    /// A refusal takes precedence over a full table, because it says when to retry.
    fn stop(&self) -> Option<Stop> {
        let refused =
            self.refused.map(|(index, retry_after_seconds)| Stop::Refused { index, retry_after_seconds });
        refused.or(self.full.map(|index| Stop::Unavailable { why: Why::Full, index }))
    }
}

fn by_key<'a, 'b>(lines: &'b [Line<'a>]) -> impl Iterator<Item = &'b [Line<'a>]> {
    lines.chunk_by(|one, two| one.charge.place.key() == two.charge.place.key())
}

/// Returns each counter with what the call adds to it, the largest amount of its charges.
fn counters<'a, 'b>(lines: &'b [Line<'a>]) -> impl Iterator<Item = (&'a Place, Amount, &'b [Line<'a>])> {
    lines.chunk_by(|one, two| one.charge.place.id == two.charge.place.id).filter_map(|lines| {
        let amount = lines.iter().map(|line| line.charge.amount).max()?;
        Some((lines.first()?.charge.place, amount, lines))
    })
}

fn key_of<'a>(lines: &[Line<'a>]) -> &'a str {
    lines.first().map_or("", |line| line.charge.place.key())
}

fn unavailable(why: Why, lines: &[Line<'_>]) -> Stop {
    let index = lines.iter().map(|line| line.index).min().unwrap_or_default();
    Stop::Unavailable { why, index }
}
