//! The configured plugin: the same in every worker, and immutable.

use std::sync::Arc;

use mcp_policy_engine::mcp::headers::AUTHORITY;
use mcp_policy_engine::policy::{Faults, Grant, Policy, Source};

/// A policy, and what follows from it for every request.
#[derive(Debug)]
pub struct Plugin {
    /// The policy
    pub policy: Arc<Policy>,
    /// The names of the headers that this policy needs beside those that every policy does, in lower case: those
    /// that hold credentials, and the host that an approval is bound to
    pub headers: Vec<String>,
    /// Whether any grant begins or expires
    pub expires: bool,
}

impl Plugin {
    /// Reads a configuration. The result depends only on its bytes, so all workers accept or refuse the same.
    ///
    /// # Errors
    /// Every fault of the policy document.
    pub fn read(configuration: &[u8]) -> Result<Self, Faults> {
        let policy = Policy::from_bytes(configuration)?;
        let credentials = policy.identity.iter().filter_map(Source::header);
        let bound = policy.approvals.is_some().then_some(AUTHORITY);
        let headers = credentials.chain(bound).map(str::to_owned).collect();
        let expires = policy.grants.iter().any(Grant::has_term);
        Ok(Self { policy: Arc::new(policy), headers, expires })
    }

    /// Returns whether the filter may change bodies. Only a policy with approvals requires that.
    #[must_use]
    pub fn changes_bodies(&self) -> bool {
        self.policy.approvals.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_can_share_a_plugin() {
        fn shared<T: Send + Sync>() {}
        shared::<Plugin>();
    }
}
