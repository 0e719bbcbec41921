//! Documents: their text, their parts, and what is wrong with them.
//!
//! [`Source`] turns bytes into JSON text. A [`Part`] is one value of it with its path. [`Fields`] reads an
//! object whose keys are in a table ([`Object`]). What is wrong becomes a [`Fault`]: a value with a path, a
//! place in the text, and a kind. Text is made of it by `Display` alone.

mod ambiguity;
mod fault;
mod fields;
mod identity;
mod keys;
mod message;
mod part;
mod path;
mod position;
mod rule;
mod schema;
mod source;
pub mod structured;
mod wrong;

pub use ambiguity::refuse_ambiguity;
pub use fault::{Fault, Faults};
pub use fields::{Fields, meaning};
pub use identity::InIdentity;
pub(crate) use keys::object;
pub use keys::{Absent, Holds, Key, Keys, Note, Object, Takes, words};
pub(crate) use message::shortened;
pub use part::{Notation, Part};
pub use path::Path;
pub use position::Position;
pub use rule::InRule;
pub use schema::InSchema;
pub use source::Source;
pub use wrong::{Found, Wrong};
