//! Why a text is not JSON, or is JSON that parsers read differently.

use std::fmt;

/// Why bytes are not a JSON text in UTF-8 (RFC 8259), and where the error is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Byte offset
    pub at: usize,
    /// What is wrong there
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}", self.what, self.at)
    }
}

/// Something that RFC 8259 allows and that parsers read in different ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Byte offset
    pub at: usize,
    /// What kind of defect
    pub kind: DefectKind,
}

/// The kinds of defects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefectKind {
    /// A key occurs twice in one object, compared after unescaping
    DuplicateKey,
    /// More than [`MAX_DEPTH`](super::MAX_DEPTH) arrays and objects within one another
    TooDeep,
    /// Half of a surrogate pair in a string
    LoneSurrogate,
    /// A number that servers round, refuse or make infinite
    UnfitNumber,
}

impl DefectKind {
    /// Names the defect in one word, for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateKey => "duplicate_key",
            Self::TooDeep => "too_deep",
            Self::LoneSurrogate => "lone_surrogate",
            Self::UnfitNumber => "unfit_number",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DefectKind::DuplicateKey => "an object has the same key twice",
            DefectKind::TooDeep => "arrays and objects nest deeper than 100 levels",
            DefectKind::LoneSurrogate => "a string holds half of a surrogate pair",
            DefectKind::UnfitNumber => "a number is outside the range of 64-bit integers and doubles",
        };
        write!(out, "{what}, at byte {}", self.at)
    }
}
