//! The pages, where a person approves or refuses one very call.

mod account;
mod approval;
mod arguments;
mod assets;
mod badge;
mod clock;
mod decision;
mod frame;
mod history;
mod odd;
mod text;
mod trouble;
mod waiting;
#[cfg(test)]
mod tests;
