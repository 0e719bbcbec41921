//! The engine by itself: what is read, judged and counted, without any proxy.

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

mod conditions;
mod documents;
mod identity;
mod keys;
mod places;
mod policies;
mod properties;
mod reader;
mod records;
mod schema;
