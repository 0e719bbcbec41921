//! Tables of keys: which keys an object of a document can have, and what they take.
//!
//! One table serves the reader, its messages, and other descriptions of the document, such as the pages in docs/ or a
//! JSON Schema. A reader names a key by a variant of the table's enum, so a reader of a key that is not in
//! the table does not compile.

use std::fmt;

/// An object of a document.
pub struct Object {
    /// What messages call the object
    pub expected: &'static str,
    /// How many of its keys must be there
    pub holds: Holds,
    /// Its keys, in the order in which messages list them
    pub keys: &'static [Key],
}

/// A table only equals itself. Tables can refer back to themselves, so they are not compared key by key.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Object {}

impl fmt::Debug for Object {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Object({})", self.expected)
    }
}

/// How many keys an object must have. Those that are [required](Key::required) count separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Any number
    Any,
    /// One or more
    Some,
    /// Exactly one
    One,
}

/// A key of an object.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name
    pub name: &'static str,
    /// What belongs under it
    pub takes: Takes,
    /// Whether every object must have it
    pub required: bool,
}

/// What people are told about a key. It is separate from [`Key`], which keeps it out of a module that only
/// reads documents.
#[derive(Debug, PartialEq, Eq)]
pub struct Note {
    /// What the key means, in one line
    pub meaning: &'static str,
    /// What applies without it
    pub absent: Absent,
}

/// What applies where a key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The document is refused
    Refused,
    /// Nothing
    Nothing,
    /// The same as with this value, which is JSON text
    As(&'static str),
    /// What these words describe
    Means(&'static str),
}

/// What belongs at one place of a document. Messages describe it by its `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Any value
    Anything,
    /// A string
    Text,
    /// A string that is not empty
    Filled,
    /// One of these strings
    Words(&'static [&'static str]),
    /// A whole number
    Integer {
        /// The least
        least: u32,
        /// The most
        most: u32,
    },
    /// A number above 0, with up to six decimals, below 1.8e13
    Positive,
    /// A number
    Number,
    /// `true` or `false`
    Boolean,
    /// A list, and what each element is
    List(&'static Takes),
    /// An object with these keys
    Object(&'static Object),
    /// An object with any keys, and what belongs under each
    Named(&'static Takes),
    /// A JSON Schema, as far as calls are judged by it
    Schema,
    /// One of these
    Either(&'static [Takes]),
    /// The second, which messages describe in these words
    Said(&'static str, &'static Takes),
}

/// The keys of one object, as an enum that `object!` makes beside the object's table.
pub trait Keys: Copy {
    /// What the object is
    const EXPECTED: &'static Takes;

    /// A note on each key of the table
    const NOTES: &'static [Note];

    /// Returns the table.
    fn object() -> &'static Object;

    /// Returns the key's index in the table.
    fn index(self) -> usize;
}

/// Returns the words of a list of pairs, each a word and its meaning.
#[must_use]
pub const fn words<T: Copy, const N: usize>(list: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        #[expect(clippy::indexing_slicing, reason = "it is below the length of both")]
        {
            words[index] = list[index].0;
        }
        index = index.saturating_add(1);
    }
    words
}

/// Makes a table of keys and the enum that names them.
macro_rules! object {
    (
        $(#[$about:meta])*
        $table:ident, $keys:ident: $expected:literal, $holds:ident;
        $($key:ident $name:literal: $takes:expr, $absent:expr, $meaning:literal;)+
    ) => {
        $(#[$about])*
        pub static $table: $crate::document::Object = $crate::document::Object {
            expected: $expected,
            holds: $crate::document::Holds::$holds,
            keys: &[$($crate::document::Key {
                name: $name,
                takes: $takes,
                required: matches!($absent, $crate::document::Absent::Refused),
            }),+],
        };

        #[doc = concat!("The keys of [`", stringify!($table), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub(crate) enum $keys { $($key),+ }

        impl $crate::document::Keys for $keys {
            const EXPECTED: &'static $crate::document::Takes = &$crate::document::Takes::Object(&$table);

            const NOTES: &'static [$crate::document::Note] =
                &[$($crate::document::Note { meaning: $meaning, absent: $absent }),+];

            fn object() -> &'static $crate::document::Object {
                &$table
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(crate) use object;
