//! The approval service: holds calls that somebody has to approve, and what was decided of them.

mod model;

fn main() {}
