//! The pages, where a person approves or refuses one very call.

mod arguments;
mod clock;
mod odd;
mod text;
