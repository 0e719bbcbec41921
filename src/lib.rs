//! Policy enforcement for the Model Context Protocol in Envoy.
//!
//! The engine is pure Rust and runs natively: [`json`] reads text strictly, [`mcp`] knows the
//! protocol, [`policy`] holds the document, [`schema`] what it says of arguments, [`decide`] judges, [`approval`] asks a person, [`limit`] counts, and [`guard`] takes
//! one request through all of them. [`envoy`] joins that to a host.

pub mod approval;
pub mod audit;
pub mod decide;
pub mod denial;
pub mod envoy;
pub mod guard;
pub mod identity;
pub mod json;
pub mod limit;
pub mod mcp;
pub mod policy;
pub mod schema;

/// The module's entry point, which the host calls once in each VM.
#[cfg(target_family = "wasm")]
mod module {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| crate::envoy::sdk::root());
    }}
}
