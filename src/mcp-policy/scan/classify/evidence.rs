//! Why a tool is thought to be of a class.

use serde::Serialize;

use crate::scan::class::Class;

/// What a piece of evidence is: where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What the server says of the tool in `annotations`
    Annotation,
    /// The tool's name
    Name,
    /// The tool's description
    Description,
    /// A parameter of the tool
    Parameter,
    /// Nothing was found
    Nothing,
}

impl Kind {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Name => "name",
            Self::Description => "description",
            Self::Parameter => "parameter",
            Self::Nothing => "nothing",
        }
    }
}

/// One reason to think that a tool is of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it was found
    pub from: Kind,
    /// The word, the phrase, the parameter or the annotation. Never more of the server's text
    pub what: String,
    /// The class that it speaks for
    pub class: Class,
}

impl Evidence {
    /// Makes a piece of evidence.
    pub fn new(from: Kind, what: impl Into<String>, class: Class) -> Self {
        Self { from, what: what.into(), class }
    }
}
