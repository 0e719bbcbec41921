//! Tests of the engine alone: what it reads, judges and counts, without a proxy.

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

mod approvals;
mod cases;
mod conditions;
mod documents;
mod identity;
mod keys;
mod language;
mod layers;
mod limits;
mod names;
mod places;
mod policies;
mod properties;
mod reader;
mod records;
mod regex;
mod resources;
mod rule_keys;
mod schema;
mod shared;
mod work;
