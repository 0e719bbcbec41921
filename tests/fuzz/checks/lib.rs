//! What the fuzz targets check. Each module is the check of one target, unless its comment says otherwise; a check
//! panics if it fails.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a check that fails panics"
)]

pub mod approval;
pub mod document;
pub mod guarded;
pub mod lists;
pub mod mutation;
pub mod normal;
#[allow(missing_docs, dead_code, reason = "the engine's own tests use it, too")]
#[path = "../../engine/properties/oracle.rs"]
pub mod oracle;
pub mod patterns;
pub mod programs;
pub mod rate_limit;
pub mod reader;
pub mod readers;
#[allow(missing_docs, reason = "the engine's own tests use it, too")]
#[path = "../../engine/properties/readings.rs"]
pub mod readings;
pub mod schema;
pub mod shown;
pub mod sse;
#[allow(missing_docs, reason = "the engine's own tests use it, too")]
#[path = "../../engine/properties/stream_readers.rs"]
pub mod stream_readers;
pub mod struct_config;
pub mod work;
