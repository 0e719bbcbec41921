//! The store of counters, in the host's shared memory (proxy-wasm: shared data).

use std::hash::{Hash as _, Hasher as _};

use siphasher::sip::SipHasher13;

use crate::host::{Broken, Process, SharedMemory};
use mcp_policy_engine::limit::{Store, Unavailable};
use mcp_policy_engine::text::hex;

/// The key of the secret that determines where counters are stored.
const SECRET_KEY: &str = "mcp-policy/1/secret";

/// The beginning of the keys that hold what a worker last reported; a hash of what it was about follows.
const REPORTED: &str = "mcp-policy/1/told/";

// Envoy inserts an absent key with any token, and 0 means "do not compare". Its tokens count up from 1, so
// this token matches no existing key: if two workers write a new key, the second one fails.
const ABSENT: u32 = u32::MAX;

/// The key of the number of buckets into which the table of counters is divided. All filters of the proxy must
/// agree on it, or they would look for one counter in two places.
const TABLE_KEY: &str = "mcp-policy/2/table";

/// The shared data of one proxy. All its workers share it, and it survives configuration updates. Plugins
/// share data if they have the same `vm_id` in Envoy's configuration.
#[derive(Debug)]
pub struct SharedData<'h, H>(pub &'h H);

impl<H: SharedMemory> Store for SharedData<'_, H> {
    type Version = u32;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u32), Unavailable> {
        let Self(host) = self;
        match host.shared(key) {
            Ok((Some(value), Some(token))) => Ok((Some(value), token)),
            Ok((None, None)) => Ok((None, ABSENT)),
            // A value without a token, or a token without a value, cannot be used.
            Ok(_) | Err(Broken) => Err(Unavailable),
        }
    }

    fn swap(&self, key: &str, value: &[u8], version: u32) -> Result<bool, Unavailable> {
        let Self(host) = self;
        host.set_shared(key, value, Some(version)).map_err(|Broken| Unavailable)
    }
}

/// Returns the secret of this proxy. The first worker that asks for it creates it.
///
/// # Errors
/// [`Unavailable`] if shared data cannot be used.
pub fn secret<H: SharedMemory + Process>(host: &H) -> Result<[u8; 16], Unavailable> {
    let store = SharedData(host);
    let (value, version) = store.read(SECRET_KEY)?;
    if let Some(value) = value {
        return value.try_into().map_err(|_| Unavailable);
    }
    let made = host.random();
    if store.swap(SECRET_KEY, &made, version)? {
        return Ok(made);
    }
    let (value, _) = store.read(SECRET_KEY)?;
    value.and_then(|value| value.try_into().ok()).ok_or(Unavailable)
}

/// Returns into how many buckets the table of counters of this proxy is divided. The first worker that asks
/// decides: with its own number, `buckets`.
///
/// # Errors
/// [`Unavailable`] if shared data cannot be used.
pub fn buckets<H: SharedMemory>(host: &H, buckets: u32) -> Result<u32, Unavailable> {
    let store = SharedData(host);
    let read = |value: Vec<u8>| value.try_into().map(u32::from_le_bytes).map_err(|_| Unavailable);
    let (value, version) = store.read(TABLE_KEY)?;
    if let Some(value) = value {
        return read(value);
    }
    if store.swap(TABLE_KEY, &buckets.to_le_bytes(), version)? {
        return Ok(buckets);
    }
    let (value, _) = store.read(TABLE_KEY)?;
    value.ok_or(Unavailable).and_then(read)
}

/// Returns whether this worker is the first of its proxy to report `what` about a subject since something else was
/// reported about it. Returns `true` if shared data cannot be used: two reports are better than none.
///
/// Each subject takes a key that is never deleted, so subjects must come from policies.
pub fn is_first_to_report<H: SharedMemory>(host: &H, subject: &[&str], what: &str) -> bool {
    let store = SharedData(host);
    let mut hasher = SipHasher13::new();
    subject.iter().for_each(|part| part.hash(&mut hasher));
    let key = [REPORTED, &hex(&hasher.finish().to_be_bytes())].concat();
    match store.read(&key) {
        Ok((Some(reported), _)) if reported == what.as_bytes() => false,
        Ok((_, version)) => store.swap(&key, what.as_bytes(), version).unwrap_or(true),
        Err(Unavailable) => true,
    }
}
