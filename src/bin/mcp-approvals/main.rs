//! The approval service: holds calls that somebody has to approve, and what was decided of them.

mod access;
mod app;
mod clock;
mod config;
mod desk;
mod feed;
mod journal;
mod metrics;
mod model;
mod password;
mod secret;
mod sign_in;
mod store;
mod throttle;
mod visitor;
mod web;

fn main() {}
