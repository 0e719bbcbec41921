//! The service that counts limits for several proxies.

use super::approvals::plain;
use super::keys;
use super::words::FAILURES;
use crate::document::{Faults, Fields, Part};

/// How to reach the rate limit service, and what applies without its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedLimits {
    /// The name of the cluster in Envoy
    pub cluster: String,
    /// `:authority`
    pub authority: String,
    /// The domain in the service's configuration
    pub domain: String,
    /// How long an answer may take
    pub timeout_ms: u32,
    /// What happens to a call without a valid answer
    pub on_failure: OnFailure,
}

/// What happens to a call about which the rate limit service gives no valid answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// It is refused
    #[default]
    Deny,
    /// This proxy counts it alone, with the same limits
    Local,
}

/// Reads the key `shared_limits` of a document.
pub(super) fn shared_limits(part: &Part<'_>, faults: &mut Faults) -> Option<SharedLimits> {
    let mut fields = Fields::<keys::SharedLimits>::open(part, faults)?;
    let cluster = fields.read(keys::SharedLimits::Cluster, plain, faults);
    let authority = fields.read(keys::SharedLimits::Authority, plain, faults);
    let domain = fields.read(keys::SharedLimits::Domain, plain, faults);
    let timeout_ms = fields.count(keys::SharedLimits::TimeoutMs, faults).unwrap_or(50);
    let on_failure = fields.word(keys::SharedLimits::OnFailure, &FAILURES, OnFailure::default(), faults);
    fields.close(faults);
    let cluster = cluster?;
    Some(SharedLimits {
        authority: authority.unwrap_or_else(|| cluster.clone()),
        cluster,
        domain: domain.unwrap_or_else(|| "mcp-policy".to_owned()),
        timeout_ms,
        on_failure: on_failure.unwrap_or_default(),
    })
}
