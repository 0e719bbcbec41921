//! YAML text as a tree with places. What its scalars mean depends on the reader: see [`Schema`](super::scalar::Schema).

mod builder;
mod escapes;
mod span;

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScanError};

use builder::Builder;
pub use escapes::check_for_envoy;
use span::Offsets;

/// A value of a YAML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yaml {
    /// Its bytes in the text: without anchor and tag, without the header of a block scalar. The value of an alias
    /// has the place of its anchor
    pub span: Range<usize>,
    /// Its tag, if it is written: such as `tag:yaml.org,2002:str` or `!`
    pub tag: Option<String>,
    /// What it is
    pub kind: Kind,
}

/// What a value of a YAML document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A scalar
    Scalar {
        /// Its text, decoded
        text: String,
        /// Whether it is written without quotes and not as a block
        plain: bool,
    },
    /// A sequence
    List(Vec<Yaml>),
    /// A mapping: its keys and values in their order. A key can stand twice
    Object(Vec<(Yaml, Yaml)>),
}

/// Why a text is not read, and where the error is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Its bytes in the text
    pub at: Range<usize>,
    /// What is wrong, in one line
    pub message: String,
}

impl Malformed {
    /// Makes an error at this place.
    pub fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// Reads a text as YAML 1.2 and returns its documents. A document without content is a plain scalar without text.
///
/// # Errors
/// The first place that is no YAML, an alias without an anchor before it in the same document, values that nest too
/// deep, or aliases that expand to too many values.
pub fn read(text: &str) -> Result<Vec<Yaml>, Malformed> {
    let offsets = Offsets::of(text);
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::new(text);
    let mut documents = Vec::new();
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| malformed(text, &offsets, &error))?;
        let span = offsets.bytes(span.start.index())..offsets.bytes(span.end.index());
        match event {
            Event::DocumentStart(_) => builder = Builder::new(text),
            event => documents.extend(builder.add(event, span)?),
        }
    }
    Ok(documents)
}

fn malformed(text: &str, offsets: &Offsets, error: &ScanError) -> Malformed {
    let at = offsets.bytes(error.marker().index());
    let end = text
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(at, |char| at.saturating_add(char.len_utf8()));
    Malformed::new(at..end, format!("must be YAML, but {}", error.info()))
}
