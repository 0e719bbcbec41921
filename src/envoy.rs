//! The filter in its host. What names proxy-wasm is in `sdk` alone; everything else speaks to a
//! [`Host`] and runs natively against any.

pub mod counters;
mod credentials;
pub mod filter;
pub mod host;
pub mod ids;
mod list;
mod metrics;
pub mod plugin;
#[cfg(target_family = "wasm")]
pub mod sdk;
mod waiting;
pub mod watch;

pub use filter::{Filter, Flow};
pub use host::{Broken, Host};
pub use plugin::Plugin;
