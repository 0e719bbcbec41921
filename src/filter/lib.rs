//! The filter: connects the engine to a host, one [`Filter`] for each HTTP stream.
//!
//! Only `shell` uses proxy-wasm. Everything else uses the traits of [`host`] and also runs natively, for
//! example with the fake host of the tests.

#[cfg(any(target_family = "wasm", test))]
mod allocator;
#[cfg(any(target_family = "wasm", test))]
mod compare;
pub mod counters;
mod credentials;
mod environment;
pub mod filter;
mod header_map;
pub mod host;
pub mod ids;
mod list;
mod metrics;
pub mod plugin;
mod sessions;
#[cfg(target_family = "wasm")]
pub mod shell;
mod waiting;
pub mod watch;
pub mod worker;

pub use filter::Filter;
pub use host::Flow;
pub use host::{Broken, Host};
pub use plugin::Plugin;
pub use worker::Worker;

/// The module's entry point, which the host calls once in each VM.
#[cfg(target_family = "wasm")]
mod module {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(crate::shell::root);
    }}
}
