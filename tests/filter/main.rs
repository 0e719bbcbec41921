//! Tests of the filter on an in-memory proxy: what reaches the upstream, what the client gets, and what is
//! counted.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod decisions;
mod exchanges;
mod language;
mod limits;
mod proxy;
