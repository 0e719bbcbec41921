//! Limits: the contract as data, windows over time, and concurrent workers.

mod contract;
mod give_back;
mod interleaving;
mod promises;
mod races;
mod schedule;
mod shared_data;
mod threads;

use mcp_policy_engine::limit::MemoryStore;

#[test]
fn the_memory_store_keeps_the_contract() {
    contract::hold(MemoryStore::new);
}
