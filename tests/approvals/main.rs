//! Tests of the approval service as a separate process.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a failing test may panic"
)]

mod ask;
mod bounds;
mod record;
mod service;
mod shell;
mod start;
mod superseded;
mod tls;
mod wait;
mod webhooks;
