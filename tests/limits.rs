//! Limits keep their promises: as data, in time, and with other workers in between.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

#[path = "limits/contract.rs"]
mod contract;
#[path = "limits/interleaving.rs"]
mod interleaving;
#[path = "limits/promises.rs"]
mod promises;
#[allow(dead_code, reason = "only its shared data is used here")]
#[path = "host/proxy.rs"]
mod proxy;
#[path = "limits/schedule.rs"]
mod schedule;
#[path = "limits/shared_data.rs"]
mod shared_data;
#[path = "limits/threads.rs"]
mod threads;

use mcp_policy_filter::limit::MemoryStore;

#[test]
fn memory_keeps_the_contract() {
    contract::hold(MemoryStore::new);
}
