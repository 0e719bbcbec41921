//! The question: what a call adds to which tallies, and what these may hold.

use prost::Message as _;

use super::Tally;
use super::wire::{self, EnvoyGrpc, GrpcService};
use crate::limit::Window;

/// The service's name.
pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";

/// The name of its method.
pub const METHOD: &str = "ShouldRateLimit";

/// How many bytes a domain and a descriptor take in a question, or a few less.
const LONG_DOMAIN: usize = 32;
const LONG_DESCRIPTOR: usize = 96;

/// A question to the rate limit service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The domain in the service's configuration
    pub domain: String,
    /// One for each tally
    pub descriptors: Vec<Descriptor>,
}

/// What a call adds to one tally, and what that may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// The tally
    pub tally: Tally,
    /// The most hits that may fall within a window
    pub most: u32,
    /// The window
    pub unit: Unit,
    /// How many hits the call adds
    pub adds: u32,
    /// Whether the hits are added. Otherwise the service only tells how many are left
    pub charges: bool,
}

/// A window of the service: aligned to the epoch in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// `SECOND`
    Second,
    /// `MINUTE`
    Minute,
    /// `HOUR`
    Hour,
    /// `DAY`
    Day,
}

impl Unit {
    /// Returns the unit of a window's length; `None` if the service has no such window.
    #[must_use]
    pub fn of(window: Window) -> Option<Self> {
        [Self::Second, Self::Minute, Self::Hour, Self::Day]
            .into_iter()
            .find(|unit| unit.seconds() == window.seconds())
    }

    /// Returns the length in seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// Returns the number in `envoy.type.v3.RateLimitUnit`, which is also that of the unit of a current limit.
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Second => 1,
            Self::Minute => 2,
            Self::Hour => 3,
            Self::Day => 4,
        }
    }
}

impl Request {
    /// Writes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(
            self.descriptors.len().saturating_mul(LONG_DESCRIPTOR).saturating_add(LONG_DOMAIN),
        );
        wire::bytes(&mut out, 1, self.domain.as_bytes());
        let mut most_hits = 0;
        for Descriptor { tally, most, unit, adds, charges } in &self.descriptors {
            let hits = if *charges { *adds } else { 0 };
            most_hits = most_hits.max(hits);
            let limit = wire::Limit { requests_per_unit: *most, unit: unit.number() };
            wire::descriptor(&mut out, (&tally.of_policy, &tally.of_caller), limit, hits);
        }
        // Services from before 2025 ignore the hits of a descriptor. They count this instead: too much for some
        // tallies, never too little.
        wire::varint(&mut out, 3, most_hits);
        out
    }

    /// Returns roughly how many bytes of memory it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let descriptors = self.descriptors.len().saturating_mul(size_of::<Descriptor>());
        size_of::<Self>().saturating_add(self.domain.len()).saturating_add(descriptors)
    }
}

/// Writes an `envoy.config.core.v3.GrpcService` that leads to a cluster of Envoy's. Envoy takes a name too, but first
/// tries to read it as this message, and stops if a name happens to be one.
#[must_use]
pub fn grpc_service(cluster: &str, authority: &str) -> Vec<u8> {
    let envoy_grpc = EnvoyGrpc { cluster_name: cluster.to_owned(), authority: authority.to_owned() };
    GrpcService { envoy_grpc: Some(envoy_grpc) }.encode_to_vec()
}
