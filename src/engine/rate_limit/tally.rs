//! The names of shared tallies: digests that are the same in all proxies.

use std::cell::OnceCell;

use sha2::{Digest as _, Sha256};

use crate::limit::{Counter, Of, Scale, Scope};
use crate::text::hex;

/// The version of these names. All proxies that count together must use the same.
const VERSION: &[u8] = b"mcp-policy/1";

/// How many bytes of a digest are sent: no two names share them, whatever callers choose.
const SENT: usize = 16;

/// A digest as it is sent: 32 hex digits.
type Digits = [u8; 2 * SENT];

/// The name of one shared tally, in two parts of 32 hex digits. It contains nothing of a caller in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tally {
    /// What the policy says about it: server, counter, window, scope, the path of its values, scale, and whether it
    /// counts apart
    pub of_policy: Digits,
    /// Whose it is: grant, principal and value
    pub of_caller: Digits,
}

impl Tally {
    /// Returns the name of a counter's tally that is counted in hits of this scale.
    #[must_use]
    pub fn new(counter: &Counter<'_>, scale: Scale) -> Self {
        Self { of_policy: of_policy(counter, scale), of_caller: of_caller(counter) }
    }
}

/// The scopes that a shared counter can have: global, grant, principal.
const SCOPES: usize = 3;

/// Keeps the parts of names that depend on the policy alone, so that each worker hashes them once. The policy bounds what
/// is kept: three digests for each counter, and one for each grant.
#[derive(Debug)]
pub struct Tallies {
    /// For each counter, one for each scope
    of_policy: Box<[[OnceCell<Digits>; SCOPES]]>,
    /// That of global tallies, then of callers without a grant, then of each grant
    of_grants: Box<[OnceCell<Digits>]>,
}

impl Tallies {
    /// Makes an empty collection for a policy with so many counters and grants.
    #[must_use]
    pub fn new(counters: usize, grants: usize) -> Self {
        Self {
            of_policy: (0..counters).map(|_| Default::default()).collect(),
            of_grants: (0..grants.saturating_add(2)).map(|_| OnceCell::new()).collect(),
        }
    }

    /// Returns the same as [`Tally::new`]. `number` stands for the counter's server, name and window, for the path of its
    /// values, for its scale, and for whether it counts apart. `grant` stands for the name of the grant that applies to
    /// the caller; it is `None` where there is none. Both must mean the same in every call.
    #[must_use]
    pub fn name(&self, counter: &Counter<'_>, scale: Scale, number: usize, grant: Option<usize>) -> Tally {
        let (scope, of_grant) = match counter.scope {
            Scope::Global => (Some(0), Some(0)),
            Scope::Grant(_) => (Some(1), grant.map_or(Some(1), |grant| grant.checked_add(2))),
            Scope::Principal { .. } => (Some(2), None),
            Scope::Session { .. } => (None, None),
        };
        let of_policy_kept = scope.and_then(|scope| self.of_policy.get(number)?.get(scope));
        let of_caller_kept =
            of_grant.filter(|_| counter.of.is_none()).and_then(|of_grant| self.of_grants.get(of_grant));
        Tally {
            of_policy: kept(of_policy_kept, || of_policy(counter, scale)),
            of_caller: kept(of_caller_kept, || of_caller(counter)),
        }
    }
}

fn kept(slot: Option<&OnceCell<Digits>>, digest: impl FnOnce() -> Digits) -> Digits {
    match slot {
        Some(slot) => *slot.get_or_init(digest),
        None => digest(),
    }
}

/// Returns the digest of what the policy says about a tally.
fn of_policy(counter: &Counter<'_>, scale: Scale) -> Digits {
    let Counter { server, name, window, scope, of, shadow } = *counter;
    let scope = match scope {
        Scope::Global => "global",
        Scope::Grant(_) => "grant",
        Scope::Principal { .. } => "principal",
        Scope::Session { .. } => "session",
    };
    digest(&[
        Some(server.as_bytes()),
        Some(name.as_bytes()),
        Some(&window.seconds().to_be_bytes()),
        Some(scope.as_bytes()),
        of.map(|Of { path, .. }| path.as_bytes()),
        Some(&[u8::from(shadow.document), u8::from(shadow.rule), scale.decimals()]),
    ])
}

/// Returns the digest of whose a tally is.
fn of_caller(counter: &Counter<'_>) -> Digits {
    let (grant, caller) = match counter.scope {
        Scope::Global => (None, None),
        Scope::Grant(grant) => (Some(grant), None),
        Scope::Principal { grant, principal } => (Some(grant), Some(principal)),
        Scope::Session { grant, session } => (Some(grant), Some(session)),
    };
    digest(&[grant.map(str::as_bytes), caller, counter.of.map(|Of { value, .. }| value)])
}

/// Returns a digest of these parts. The length of each is hashed before it, so that no two lists of parts are one text.
fn digest(parts: &[Option<&[u8]>]) -> Digits {
    let mut hash = Sha256::new();
    hash.update(VERSION);
    for part in parts {
        // No part has this length.
        let length = part.map_or(u64::MAX, |part| u64::try_from(part.len()).unwrap_or(u64::MAX));
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    let digest = hash.finalize();
    let mut digits = [0; 2 * SENT];
    for (digit, of) in digits.iter_mut().zip(hex(&digest).bytes()) {
        *digit = of;
    }
    digits
}
