//! The filter: one HTTP stream at a time, joined to a host.
//!
//! `shell` alone names proxy-wasm; everything else speaks to a [`Host`] and runs natively against any.

#[cfg(any(target_family = "wasm", test))]
mod allocator;
pub mod counters;
mod credentials;
mod environment;
pub mod filter;
pub mod host;
pub mod ids;
mod list;
mod metrics;
pub mod plugin;
#[cfg(target_family = "wasm")]
pub mod shell;
mod waiting;
pub mod watch;
pub mod worker;

pub use filter::{Filter, Flow};
pub use host::{Broken, Host};
pub use plugin::Plugin;
pub use worker::Worker;

/// The module's entry point, which the host calls once in each VM.
#[cfg(target_family = "wasm")]
mod module {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| crate::shell::root());
    }}
}
