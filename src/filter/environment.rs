//! The environment of a case in a proxy: its shared data and its clock.

use std::cell::OnceCell;

use mcp_policy_engine::guard::Environment;
use mcp_policy_engine::limit::Places;
use mcp_policy_engine::rate_limit::Tallies;

use crate::counters::SharedData;
use crate::host::{Process, SharedMemory};
use crate::worker::Worker;

/// What a case needs while it takes its steps. The clock and the secret each cost a host call, so they are
/// fetched once, and only when needed.
#[derive(Debug)]
pub(crate) struct HostEnvironment<'h, H> {
    store: SharedData<'h, H>,
    worker: &'h Worker,
    now_ns: OnceCell<Option<u64>>,
}

impl<'h, H> HostEnvironment<'h, H> {
    pub(crate) fn new(host: &'h H, worker: &'h Worker) -> Self {
        Self { store: SharedData(host), worker, now_ns: OnceCell::new() }
    }

    /// Returns the host.
    pub(crate) fn host(&self) -> &'h H {
        let SharedData(host) = &self.store;
        host
    }
}

impl<'h, H: Process + SharedMemory> Environment for HostEnvironment<'h, H> {
    type Store = SharedData<'h, H>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn places(&self) -> Result<&Places, &'static str> {
        self.worker.places(self.host())
    }

    fn tallies(&self) -> Option<&Tallies> {
        Some(self.worker.tallies())
    }

    fn now_ns(&self) -> Option<u64> {
        *self.now_ns.get_or_init(|| self.host().now_ns())
    }
}
