//! The protocol of a rate limit service, `envoy.service.ratelimit.v3`: the question about a call, and the answer.
//!
//! The service holds the tallies that several proxies share, and nothing else: each question says what the limits
//! are. It knows no callers, only digests of them. [`guard`](crate::guard) acts on the answer.

mod answer;
mod memory;
mod request;
mod tally;
mod wire;

pub use answer::{Answer, Failure, MOST_BYTES, Outcome, Standing, Status, read};
pub use memory::MemoryService;
pub use request::{Descriptor, METHOD, Request, SERVICE, Unit, grpc_service};
pub use tally::{Tallies, Tally};

#[cfg(test)]
mod tests;
