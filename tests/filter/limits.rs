//! Limits keep their promises: as data, in time, and with other workers in between.

mod contract;
mod interleaving;
mod promises;
mod schedule;
mod shared_data;
mod threads;

use mcp_policy_engine::limit::MemoryStore;

#[test]
fn the_memory_store_keeps_the_contract() {
    contract::hold(MemoryStore::new);
}
