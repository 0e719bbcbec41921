//! What a store keeps of pinned tools: a mark for each pin, and the number of changes that lists of the server have shown.
//!
//! A client can hold an answer back until after the server has changed a tool. So the mark of a changed tool has the number
//! of the change, and only the answer to a request that began after it opens the tool. The numbers are counts, not times,
//! because a clock can be set back.

use crate::limit::{Store, Unavailable};
use crate::policy::{Pin, Pins};

/// How the value of a pin's key begins if a list has shown the tool otherwise. The number of the change follows, in 8 bytes.
const CHANGED: &[u8] = b"changed";

/// The value if a list has shown the tool as it is pinned, after it was shown otherwise.
pub(super) const RESTORED: &[u8] = b"restored";

/// How often a worker tries to write. Each failure means that another worker has written.
const TRIES: u32 = 16;

/// What is known of a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The last list with the tool has shown it as it is pinned, or there was none
    Open,
    /// A list has shown it otherwise. The number is that of the change; `None` if nobody knows when it was
    Changed(Option<u64>),
}

impl Mark {
    fn read(value: Option<Vec<u8>>) -> Self {
        match value {
            None => Self::Open,
            Some(value) if value == RESTORED => Self::Open,
            Some(value) => Self::Changed(value.strip_prefix(CHANGED).and_then(number)),
        }
    }

    /// Returns the value that stands for a change.
    pub(super) fn changed(change: Option<u64>) -> Vec<u8> {
        let number = change.map(u64::to_le_bytes);
        [CHANGED, number.as_ref().map_or(&[], <[u8; 8]>::as_slice)].concat()
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// Returns whether the last list with the tool of a pin has shown it otherwise.
///
/// # Errors
/// [`Unavailable`] if the store cannot tell.
pub fn is_changed<S: Store + ?Sized>(store: &S, pin: &Pin) -> Result<bool, Unavailable> {
    is_changed_at(store, &pin.key)
}

pub(super) fn is_changed_at<S: Store + ?Sized>(store: &S, key: &str) -> Result<bool, Unavailable> {
    let (value, _) = store.read(key)?;
    Ok(Mark::read(value) != Mark::Open)
}

/// Returns how many changes of pinned tools lists have shown so far. A request for the tools that begins now can open those
/// tools whose change is among them. `None` if the store cannot tell.
pub fn changes<S: Store + ?Sized>(store: &S, pins: &Pins) -> Option<u64> {
    match store.read(pins.changes_key()) {
        Ok((None, _)) => Some(0),
        Ok((Some(value), _)) => number(&value),
        Err(Unavailable) => None,
    }
}

/// Counts a change. Returns its number; `None` if it cannot be counted.
pub(in crate::decide) fn count_change<S: Store + ?Sized>(store: &S, pins: &Pins) -> Option<u64> {
    for _ in 0..TRIES {
        let (value, version) = store.read(pins.changes_key()).ok()?;
        let next = value.map_or(Some(0), |value| number(&value))?.checked_add(1)?;
        if store.swap(pins.changes_key(), &next.to_le_bytes(), version).ok()? {
            return Some(next);
        }
        store.pause();
    }
    None
}

/// Notes that a list shows a tool otherwise than it is pinned, with the number of this change. Returns whether that is
/// news: the last list has shown the tool as it is pinned.
///
/// # Errors
/// [`Unavailable`] if it cannot be stored.
pub(in crate::decide) fn close<S: Store + ?Sized>(
    store: &S,
    pin: &Pin,
    change: Option<u64>,
) -> Result<bool, Unavailable> {
    for _ in 0..TRIES {
        let (value, version) = store.read(&pin.key)?;
        let known = Mark::read(value);
        let is_later = match known {
            Mark::Open => true,
            // Nobody knows when that was, so the mark stays.
            Mark::Changed(None) => false,
            Mark::Changed(Some(known)) => change.is_none_or(|change| known < change),
        };
        if !is_later {
            return Ok(false);
        }
        if store.swap(&pin.key, &Mark::changed(change), version)? {
            return Ok(known == Mark::Open);
        }
        store.pause();
    }
    Err(Unavailable)
}

/// Notes that an answer shows a tool as it is pinned. `began` is what [`changes`] returned when its request began. Returns
/// whether that is news.
///
/// # Errors
/// [`Unavailable`] if it cannot be stored.
pub(in crate::decide) fn open<S: Store + ?Sized>(
    store: &S,
    pins: &Pins,
    pin: &Pin,
    began: u64,
) -> Result<bool, Unavailable> {
    let (value, version) = store.read(&pin.key)?;
    // If another list was seen meanwhile, that one decides.
    match Mark::read(value) {
        Mark::Open => Ok(false),
        Mark::Changed(Some(change)) if began < change => Ok(false),
        Mark::Changed(Some(_)) => store.swap(&pin.key, RESTORED, version),
        // The mark gets a number, so that the answer to a later request can open the tool.
        Mark::Changed(None) => {
            if let Some(change) = count_change(store, pins) {
                store.swap(&pin.key, &Mark::changed(Some(change)), version)?;
            }
            Ok(false)
        }
    }
}
