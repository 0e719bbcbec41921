//! Answers to the list methods, without what the caller can never use.
//!
//! Spans are removed from an answer, and nothing else changes: what the filter does not know
//! (`nextCursor`, `_meta`, fields of later revisions) stays byte for byte. [`filter`] edits one
//! JSON text, [`ListBody`] a JSON body in chunks, [`ListStream`] an SSE stream in chunks.

mod body;
mod stream;

use std::fmt;

use crate::json::{self, Defect, Document, Malformed, Value};

pub use super::method::ListKind;
pub use body::{ListBody, Shown, UNREADABLE, error_for};
pub use stream::ListStream;

use super::edit::Edits;
use super::keys::{self, Member};
use super::method::{self, List};

/// Tells whether the caller may see the element of this name, URI or URI template.
pub type Keep<'k> = dyn FnMut(ListKind, &str) -> bool + 'k;

/// An answer after filtering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtered {
    /// The new text, or `None` where the answer stays as it is
    pub bytes: Option<Vec<u8>>,
    /// How many elements are gone
    pub removed: usize,
}

/// Why an answer cannot be shown: a client could read a list in it that the filter does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no JSON text
    Malformed(Malformed),
    /// It holds a list, and somewhere a key that stands twice
    Duplicate(Defect),
    /// A key that the filter reads stands twice, or in another spelling
    Ambiguous(&'static str),
    /// The member of this key is not what MCP makes it
    Mistyped(&'static str),
    /// It is larger than this many bytes, and was not read
    TooLarge(usize),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(out, "{malformed}"),
            Self::Duplicate(defect) => write!(out, "{defect}"),
            Self::Ambiguous(key) => write!(out, "`{key}` stands twice, or in another spelling"),
            Self::Mistyped(key) => write!(out, "`{key}` has the wrong type"),
            Self::TooLarge(limit) => write!(out, "the answer is larger than {limit} bytes"),
        }
    }
}

/// Removes from the answer to a list request every element that is not kept, and every element
/// without a string to keep it by. A `result.cacheScope` becomes `"private"`, and is added where
/// `result.ttlMs` stands alone, since the list is now this caller's own (MCP 2026-07-28, Caching).
/// Errors, requests, notifications and results without the list stay as they are; of an array of
/// messages (MCP 2025-03-26) each is treated so.
///
/// # Errors
/// [`Unreadable`] where a client could find another list than the one filtered here.
pub fn filter(
    answer: &[u8],
    kind: ListKind,
    keep: &mut dyn FnMut(&str) -> bool,
) -> Result<Filtered, Unreadable> {
    filter_lists(answer, |list| list.kind == kind, &mut |_, name| keep(name))
}

/// Does what [`filter`] does where the request is not known, as on a resumed stream: every list
/// that `result` holds is filtered as what its key says.
///
/// # Errors
/// As for [`filter`].
pub fn filter_any(answer: &[u8], keep: &mut Keep<'_>) -> Result<Filtered, Unreadable> {
    filter_lists(answer, |_| true, keep)
}

fn filter_lists(
    answer: &[u8],
    wanted: impl Fn(&List) -> bool,
    keep: &mut Keep<'_>,
) -> Result<Filtered, Unreadable> {
    let document = json::read(answer).map_err(Unreadable::Malformed)?;
    let root = document.root();
    let mut edits = Edits::default();
    if root.is_array() {
        for message in root.elements() {
            filter_message(&document, message, &wanted, keep, &mut edits)?;
        }
    } else {
        filter_message(&document, root, &wanted, keep, &mut edits)?;
    }
    let removed = edits.removed();
    Ok(Filtered { bytes: edits.apply(document.text()), removed })
}

fn filter_message(
    document: &Document<'_>,
    message: Value<'_>,
    wanted: &impl Fn(&List) -> bool,
    keep: &mut Keep<'_>,
    edits: &mut Edits<'_>,
) -> Result<(), Unreadable> {
    let [result] = keys::pick(message, ["result"]);
    let Some(result) = sound(result)? else { return Ok(()) };
    if !result.is_object() {
        return Err(Unreadable::Mistyped("result"));
    }
    let mut caching = None;
    for list in method::lists().filter(|list| wanted(list)) {
        let [elements, scope, lifetime] = keys::pick(result, [list.member, "cacheScope", "ttlMs"]);
        let Some(elements) = sound(elements)? else { continue };
        if !elements.is_array() {
            return Err(Unreadable::Mistyped(list.member));
        }
        // Duplicate keys deep inside a tool result or a notification are not the filter's to judge.
        if let Some(duplicate) = document.duplicate() {
            return Err(Unreadable::Duplicate(duplicate.clone()));
        }
        caching = Some((scope, lifetime));
        retain(list, elements, keep, edits)?;
    }
    match caching {
        Some((scope, lifetime)) => make_private(scope, lifetime, edits),
        None => Ok(()),
    }
}

fn retain(
    list: &List,
    elements: Value<'_>,
    keep: &mut Keep<'_>,
    edits: &mut Edits<'_>,
) -> Result<(), Unreadable> {
    let mut spans = Vec::new();
    for element in elements.elements() {
        let [name] = keys::pick(element, [list.key]);
        let name = sound(name)?.and_then(Value::string);
        spans.push((element.span(), name.is_some_and(|name| keep(list.kind, &name))));
    }
    edits.retain(&spans);
    Ok(())
}

/// Keeps a shared cache from showing this caller's list to another.
fn make_private(scope: Member<'_>, lifetime: Member<'_>, edits: &mut Edits<'_>) -> Result<(), Unreadable> {
    match sound(scope)? {
        Some(scope) if scope.string().as_deref() == Some("private") => {}
        Some(scope) => edits.replace(scope.span(), r#""private""#),
        // The schema's comment makes an absent scope public; without `ttlMs` nothing is cached.
        None => {
            if let Some(lifetime) = sound(lifetime)? {
                let end = lifetime.span().end;
                edits.replace(end..end, r#","cacheScope":"private""#);
            }
        }
    }
    Ok(())
}

/// Returns the value of a member in which every parser finds the same one.
fn sound(member: Member<'_>) -> Result<Option<Value<'_>>, Unreadable> {
    if member.repeated || member.respelled.is_some() {
        return Err(Unreadable::Ambiguous(member.key));
    }
    Ok(member.value)
}

/// Reads the id of an answer as it stands there, or `None` where it has no single one. For the
/// error that takes the answer's place.
fn id_of(answer: &[u8]) -> Option<String> {
    let document = json::read(answer).ok()?;
    let [id] = keys::pick(document.root(), ["id"]);
    let id = sound(id).ok()??;
    (id.string().is_some() || id.number().is_some()).then(|| id.raw().to_owned())
}

#[cfg(test)]
mod tests;
