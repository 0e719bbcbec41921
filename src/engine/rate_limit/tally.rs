//! The names of shared tallies: digests that are the same in all proxies.

use sha2::{Digest as _, Sha256};

use crate::limit::{Counter, Of, Scale, Scope};
use crate::text::hex;

/// The version of these names. All proxies that count together must use the same.
const VERSION: &[u8] = b"mcp-policy/1";

/// How many bytes of a digest are sent: no two names share them, whatever callers choose.
const SENT: usize = 16;

/// The name of one shared tally, in two parts of 32 hex digits. It contains nothing of a caller in clear.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tally {
    /// What the policy says about it: server, counter, window, scope, the path of its values, scale, and whether it
    /// counts apart
    pub of_policy: String,
    /// Whose it is: grant, principal and value
    pub of_caller: String,
}

impl Tally {
    /// Returns the name of a counter's tally that is counted in hits of this scale.
    #[must_use]
    pub fn new(counter: &Counter<'_>, scale: Scale) -> Self {
        let Counter { server, name, window, scope, of, shadow } = *counter;
        let (scope, grant, caller) = match scope {
            Scope::Global => ("global", None, None),
            Scope::Grant(grant) => ("grant", Some(grant), None),
            Scope::Principal { grant, principal } => ("principal", Some(grant), Some(principal)),
            Scope::Session { grant, session } => ("session", Some(grant), Some(session)),
        };
        let numbers = [u8::from(shadow.document), u8::from(shadow.rule), scale.decimals()];
        let of_policy = digest(&[
            Some(server.as_bytes()),
            Some(name.as_bytes()),
            Some(&window.seconds().to_be_bytes()),
            Some(scope.as_bytes()),
            of.map(|Of { path, .. }| path.as_bytes()),
            Some(&numbers),
        ]);
        let of_caller = digest(&[grant.map(str::as_bytes), caller, of.map(|Of { value, .. }| value)]);
        Self { of_policy, of_caller }
    }
}

/// Returns a digest of these parts. The length of each is hashed before it, so that no two lists of parts are one text.
fn digest(parts: &[Option<&[u8]>]) -> String {
    let mut hash = Sha256::new();
    hash.update(VERSION);
    for part in parts {
        // No part has this length.
        let length = part.map_or(u64::MAX, |part| u64::try_from(part.len()).unwrap_or(u64::MAX));
        hash.update(length.to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    let digest = hash.finalize();
    hex(digest.get(..SENT).unwrap_or(&digest))
}
