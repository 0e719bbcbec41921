//! The configured plugin: the same in every worker, and immutable.

use std::borrow::Cow;
use std::sync::Arc;

use mcp_policy_engine::document;
use mcp_policy_engine::json;
use mcp_policy_engine::policy::{Faults, Grant, Mode, Policy};

/// The filter state that contains the audit record. Access logs print it with
/// `%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)%`.
const AUDIT_STATE: &str = "mcp_policy_audit";

/// The same for a policy in shadow mode, so that it can run beside the policy in force.
const SHADOW_STATE: &str = "mcp_policy_shadow";

/// A policy, and what follows from it for every request.
#[derive(Debug)]
pub struct Plugin {
    /// The policy
    pub policy: Arc<Policy>,
    /// See [`Policy::header_names`]
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
        let headers = policy.header_names();
        let expires = policy.grants.iter().any(Grant::has_term);
        Ok(Self { policy: Arc::new(policy), headers, expires })
    }

    /// Returns whether the filter may change bodies. Only a policy with approvals requires that, and none in shadow
    /// mode does.
    #[must_use]
    pub fn changes_bodies(&self) -> bool {
        self.policy.approvals.is_some() && self.policy.mode == Mode::Enforce
    }

    /// Returns the name of the filter state for records.
    #[must_use]
    pub fn record_state(&self) -> &'static str {
        match self.policy.mode {
            Mode::Enforce => AUDIT_STATE,
            Mode::Shadow => SHADOW_STATE,
        }
    }
}

/// Returns the server of a configuration, even if that has a fault; `None` if it cannot be read.
#[must_use]
pub fn server_of(configuration: &[u8]) -> Option<String> {
    let source = document::Source::new(configuration, &mut Faults::default())?;
    let document = json::read(&source.text).ok()?;
    match document.root().is_object().then(|| document.root().get("server"))? {
        Some(server) => server.string().map(Cow::into_owned),
        None => Some("default".to_owned()),
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
