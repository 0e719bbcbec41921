//! What can be wrong with a document.
//!
//! What can be wrong with rules, with schemas, and with sources and grants is in `rule.rs`, `schema.rs` and `identity.rs`.

use super::identity::InIdentity;
use super::keys::{Object, Takes};
use super::position::Position;
use super::rule::InRule;
use super::schema::InSchema;
use crate::json::{Defect, Kind, Value};

/// How many characters of a faulty value are kept: one more than a message quotes.
const KEPT: usize = 41;

/// What is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    // The text
    /// There is no text
    Empty,
    /// The text is not JSON
    NotJson {
        /// Why
        what: &'static str,
        /// Where
        at: Position,
        /// Whether it looks like YAML
        yaml: bool,
    },
    /// Arrays and objects nest too deep to be read, with the position where the whole document was read
    TooDeep(Option<Position>),
    /// A Struct nests too deep to be read
    TooDeepForStruct,
    /// A Struct has no JSON text
    NoTextOfStruct,
    /// Something else that two parsers read in two ways
    Defect(Defect),

    // Values
    /// A value is not what belongs there
    Unfit {
        /// What belongs there
        expected: &'static Takes,
        /// What is there
        found: Found,
    },
    /// A number is beyond 64-bit integers and doubles
    UnfitNumber,
    /// A string holds half of a surrogate pair
    LoneSurrogate,
    /// A number of a Struct is infinite or NaN
    NotFinite,
    /// A Struct may have changed an integer
    Inexact,
    /// A string of a Struct may have been a number
    MaybeNumber,
    /// A boolean of a Struct may have been a word
    MaybeWord,
    /// A string is empty
    EmptyString,

    // Keys
    /// A key is missing
    Missing {
        /// What belongs under it
        expected: &'static Takes,
    },
    /// The object cannot have such a key
    UnknownKey {
        /// The key
        key: String,
        /// The table of the object's keys
        object: &'static Object,
    },
    /// A key stands twice
    DuplicateKey,

    // Layers above
    /// Something is wrong with a rule
    Rule(InRule),
    /// Something is wrong with a schema
    Schema(InSchema),
    /// Something is wrong with sources of identity or grants
    Identity(InIdentity),
}

impl From<InRule> for Wrong {
    fn from(wrong: InRule) -> Self {
        Self::Rule(wrong)
    }
}

impl From<InIdentity> for Wrong {
    fn from(wrong: InIdentity) -> Self {
        Self::Identity(wrong)
    }
}

impl From<InSchema> for Wrong {
    fn from(wrong: InSchema) -> Self {
        Self::Schema(wrong)
    }
}

/// What stands where something else belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The message leaves it out, since it may be a secret or would not help
    Untold,
    /// The beginning of a scalar's JSON text
    Scalar(String),
    /// An array or an object
    Compound(Kind),
}

impl Found {
    /// Describes a value.
    #[must_use]
    pub fn new(value: Value<'_>) -> Self {
        match value.kind() {
            kind @ (Kind::Array | Kind::Object) => Self::Compound(kind),
            _ => {
                let raw = value.raw();
                let end = raw.char_indices().nth(KEPT).map_or(raw.len(), |(at, _)| at);
                Self::Scalar(raw.get(..end).unwrap_or_default().to_owned())
            }
        }
    }
}
