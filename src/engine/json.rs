//! Strict reading of JSON: text to a flat tree that keeps every byte's place.
//!
//! One reader serves requests, list answers and the policy document. It differs from a general
//! parser in what it remembers: the span of every value (an id is echoed byte for byte, a list is
//! edited in place), the text of every number (they compare exactly), and every defect that makes
//! two parsers read one text in two ways, such as a key that stands twice.

pub mod canonical;
mod compact;
mod compare;
pub mod decimal;
mod defect;
mod document;
mod duplicate;
mod node;
mod number;
mod read;
mod scan;
mod text;
mod texts;
mod writer;

pub use compact::compact;
pub use compare::{Doubt, Known, KnownSet, Sent};
pub use defect::{Defect, DefectKind, Malformed};
pub use document::{Document, Elements, Entries, Value};
pub use node::Kind;
pub use number::{Fit, fit};
pub use read::{MAX_DEPTH, read};
pub(crate) use scan::{is_visible, line_end, plain_end, separator, visible_end};
pub use text::{is_unseen, quote, unescape};
pub use texts::TextMap;
pub use writer::{ObjectWriter, push_string};
