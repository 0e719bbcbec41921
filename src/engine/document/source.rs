//! The bytes that a proxy hands over, as JSON text.

use std::borrow::Cow;

use super::fault::{Fault, Faults};
use super::part::Notation;
use super::path::Path;
use super::position::Position;
use super::structured::{self, Unreadable};
use super::wrong::Wrong;
use crate::json;

/// A document as JSON text.
#[derive(Debug)]
pub struct Source<'b> {
    /// The text
    pub text: Cow<'b, [u8]>,
    /// How it was written
    pub notation: Notation,
}

impl<'b> Source<'b> {
    /// Reads the bytes of a document as JSON, or else as a `google.protobuf.Struct` in wire form. Notes a
    /// fault and returns `None` if they are neither.
    pub fn new(bytes: &'b [u8], faults: &mut Faults) -> Option<Self> {
        if bytes.is_empty() {
            faults.push(Fault {
                path: Path::default(),
                place: Some(0..0),
                of_key: false,
                wrong: Wrong::Empty,
            });
            return None;
        }
        let Err(malformed) = json::read(bytes) else {
            return Some(Self { text: Cow::Borrowed(bytes), notation: Notation::Json });
        };
        // The wire form of a Struct begins with the tag of its first field; it is never valid JSON.
        let converted = match bytes.first() {
            Some(b'\n') => structured::to_json(bytes, faults),
            _ => Err(Unreadable::NoStruct),
        };
        match converted {
            Ok(json) => {
                return Some(Self { text: Cow::Owned(json.into_bytes()), notation: Notation::Struct });
            }
            Err(Unreadable::TooDeep) => faults.note(&Path::default(), Wrong::TooDeepForStruct),
            Err(Unreadable::NoStruct) => faults.push(no_json(&malformed, bytes)),
        }
        None
    }
}

fn no_json(malformed: &json::Malformed, bytes: &[u8]) -> Fault {
    let at = Position::of(bytes, malformed.at);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let yaml = first.is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'#'));
    let wrong = Wrong::NotJson { what: malformed.what, at, yaml };
    Fault { path: Path::default(), place: Some(malformed.at..malformed.at), of_key: false, wrong }
}
