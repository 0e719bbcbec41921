//! Envoy's shared data as the store of counters.

use crate::host::{Broken, Process, SharedMemory};
use mcp_policy_engine::limit::{Store, Unavailable};

/// Where the proxy keeps the secret that places its counters.
const SECRET_KEY: &str = "mcp-policy/1/secret";

/// Where the proxy keeps the digest of the policy that a worker last complained of.
const REPORTED_KEY: &str = "mcp-policy/1/told";

// Envoy inserts an absent key whatever the token, and takes 0 for "do not compare". Its tokens count
// up from 1, so this one holds against no present key: of two first writers one finds it taken.
const ABSENT: u32 = u32::MAX;

/// The shared data of one proxy. All workers of it share them, across configuration updates; the
/// `vm_id` in Envoy's configuration tells apart what should not be shared.
#[derive(Debug)]
pub struct SharedData<'h, H>(pub &'h H);

impl<H: SharedMemory> Store for SharedData<'_, H> {
    type Version = u32;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u32), Unavailable> {
        let Self(host) = self;
        match host.shared(key) {
            Ok((Some(value), Some(token))) => Ok((Some(value), token)),
            Ok((None, None)) => Ok((None, ABSENT)),
            // A value without a token, or a token without a value, is nothing to count on.
            Ok(_) | Err(Broken) => Err(Unavailable),
        }
    }

    fn swap(&self, key: &str, value: &[u8], version: u32) -> Result<bool, Unavailable> {
        let Self(host) = self;
        host.set_shared(key, value, Some(version)).map_err(|Broken| Unavailable)
    }
}

/// Returns the secret of this proxy, made by the first worker that asks for it.
///
/// # Errors
/// [`Unavailable`] while shared data cannot be used.
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

/// Tells whether this worker is the first of its proxy to complain of the policy with this digest.
/// Where shared data cannot be used it is: said twice is better than not at all.
pub fn is_first_to_report<H: SharedMemory>(host: &H, digest: &str) -> bool {
    let store = SharedData(host);
    match store.read(REPORTED_KEY) {
        Ok((Some(told), _)) if told == digest.as_bytes() => false,
        Ok((_, version)) => store.swap(REPORTED_KEY, digest.as_bytes(), version).unwrap_or(true),
        Err(Unavailable) => true,
    }
}
