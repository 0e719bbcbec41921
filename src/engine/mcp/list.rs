//! Lists in a server's answers, without what the caller can never use.
//!
//! A list is known by its shape, not by the request: a `result` with a member such as `tools`. Spans are removed
//! from an answer, and nothing else changes: what the filter does not know (`nextCursor`, `_meta`, fields of later
//! revisions) stays byte for byte. [`filter`] edits one JSON text, [`ListBody`] a body of JSON in chunks,
//! [`ListStream`] an event stream in chunks.

mod answer;
mod body;
mod stream;

use std::fmt;

use crate::json::{self, Defect, Document, Malformed, Value};

pub use super::method::ListKind;
pub use answer::{Awaited, Bounds, Shown, UNREADABLE, error_for};
pub use body::ListBody;
pub use stream::{ListStream, OLD_TRANSPORT};

use super::edit::Edits;
use super::keys::{self, Member};
use super::method::{self, List};
use crate::work;

/// An element of a list in an answer.
#[derive(Debug, Clone, Copy)]
pub struct Element<'d> {
    /// The kind of the list
    pub kind: ListKind,
    /// Its name, URI or URI template; `None` if there is none in which every parser finds the same text
    pub name: Option<&'d str>,
    /// The element itself, in which no key stands twice; `None` if one does
    pub value: Option<Value<'d>>,
    /// The id of the message with the list, if the message has one
    pub id: Option<Value<'d>>,
}

/// Tells whether the caller may see an element. One without a name or a value cannot be read, and is not shown whatever
/// this tells.
pub type Keep<'k> = dyn FnMut(Element<'_>) -> bool + 'k;

/// An answer after filtering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtered {
    /// The new text, or `None` where the answer stays as it is
    pub bytes: Option<Vec<u8>>,
    /// How many elements are gone
    pub removed: usize,
    /// Why one of them could not be read
    pub unreadable: Option<Unreadable>,
}

/// Why an answer, or one element of a list, cannot be shown: a client could read something in it that the
/// filter does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no JSON text
    Malformed(Malformed),
    /// It holds a key that stands twice
    Duplicate(Defect),
    /// A key that the filter reads stands twice, or in another spelling
    Ambiguous(&'static str),
    /// It has a key that is a prototype for clients in JavaScript
    Prototype,
    /// The member of this key is not what MCP makes it
    Mistyped(&'static str),
    /// It has more than this many bytes
    TooLarge(usize),
    /// Its headers do not say that it is plain JSON or a plain event stream
    Encoded,
    /// It takes more work to judge its elements than one answer may cause
    Laborious,
}

impl Unreadable {
    /// Names the cause in one word, for metrics and records.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Duplicate(_) => "duplicate_key",
            Self::Ambiguous(_) => "key_spelling",
            Self::Prototype => "prototype_key",
            Self::Mistyped(_) => "wrong_type",
            Self::TooLarge(_) => "too_large",
            Self::Encoded => "encoding",
            Self::Laborious => work::CAUSE,
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(out, "{malformed}"),
            Self::Duplicate(defect) => write!(out, "{defect}"),
            Self::Ambiguous(key) => write!(out, "`{key}` stands twice, or in another spelling"),
            Self::Prototype => write!(out, "it has the key `{}`", keys::PROTOTYPE),
            Self::Mistyped(key) => write!(out, "`{key}` has the wrong type"),
            Self::TooLarge(limit) => write!(out, "the list has more than {limit} bytes"),
            Self::Encoded => out.write_str(
                "by its `content-type` and `content-encoding` it is neither plain JSON in UTF-8 nor a plain \
                 event stream",
            ),
            Self::Laborious => {
                out.write_str("it takes more work to judge its elements than one answer may cause")
            }
        }
    }
}

/// Removes from every list that an answer holds each element that is not kept, and each one without a string
/// to keep it by. An element that two parsers can read in two ways is removed too, and is the reason for
/// [`Filtered::unreadable`]. A `result.cacheScope` becomes `"private"`, and is added where `result.ttlMs` stands
/// alone, since the list is now this caller's own (MCP 2026-07-28, Caching). Errors, requests, notifications and
/// results without a list stay as they are; of an array of messages (MCP 2025-03-26) each is treated so.
///
/// # Errors
/// [`Unreadable`] where a client could find another list than the one filtered here.
pub fn filter(answer: &[u8], keep: &mut Keep<'_>) -> Result<Filtered, Unreadable> {
    let document = json::read(answer).map_err(Unreadable::Malformed)?;
    let mut filtering = Filtering { document: &document, keep, edits: Edits::default(), unreadable: None };
    let root = document.root();
    let mut lists = 0_usize;
    if root.is_array() {
        for message in root.elements() {
            lists = lists.saturating_add(filtering.message(message)?);
        }
    } else {
        lists = filtering.message(root)?;
    }
    let Filtering { edits, unreadable, .. } = filtering;
    let removed = edits.removed();
    let bytes = edits.apply(document.text());
    // Duplicate keys deep inside a tool's result or a notification are not the filter's to judge.
    if let Some(duplicate) = document.duplicate()
        && lists > 0
    {
        let left = json::read(bytes.as_deref().unwrap_or(answer)).map_err(Unreadable::Malformed)?;
        if left.duplicate().is_some() {
            return Err(Unreadable::Duplicate(duplicate.clone()));
        }
    }
    Ok(Filtered { bytes, removed, unreadable })
}

/// The filtering of one text.
struct Filtering<'d, 'k, 'l> {
    document: &'d Document<'d>,
    keep: &'k mut Keep<'l>,
    edits: Edits<'d>,
    unreadable: Option<Unreadable>,
}

impl<'d> Filtering<'d, '_, '_> {
    /// Filters the lists of one message. Returns how many there are.
    fn message(&mut self, message: Value<'d>) -> Result<usize, Unreadable> {
        let [result, id, prototype] = keys::pick(message, ["result", "id", keys::PROTOTYPE]);
        no_prototype(prototype)?;
        let Some(result) = sound(result)? else { return Ok(0) };
        if !result.is_object() {
            return Err(Unreadable::Mistyped("result"));
        }
        let [prototype] = keys::pick(result, [keys::PROTOTYPE]);
        no_prototype(prototype)?;
        let id = sound(id).ok().flatten();
        let mut lists = 0_usize;
        let mut caching = None;
        for list in method::lists() {
            let [elements, scope, lifetime] = keys::pick(result, [list.member, "cacheScope", "ttlMs"]);
            let Some(elements) = sound(elements)? else { continue };
            if !elements.is_array() {
                return Err(Unreadable::Mistyped(list.member));
            }
            caching = Some((scope, lifetime));
            lists = lists.saturating_add(1);
            self.retain(list, elements, id);
        }
        if let Some((scope, lifetime)) = caching {
            make_private(scope, lifetime, &mut self.edits)?;
        }
        Ok(lists)
    }

    fn retain(&mut self, list: &'static List, elements: Value<'d>, id: Option<Value<'d>>) {
        let mut spans = Vec::new();
        for element in elements.elements() {
            let kept = self.keeps(list, element, id).unwrap_or_else(|unreadable| {
                self.unreadable = Some(unreadable);
                false
            });
            spans.push((element.span(), kept));
        }
        self.edits.retain(&spans);
    }

    /// Tells whether an element stays, and filters the list that it has itself.
    fn keeps(
        &mut self,
        list: &'static List,
        element: Value<'d>,
        id: Option<Value<'d>>,
    ) -> Result<bool, Unreadable> {
        let duplicate = self.duplicate(element);
        let [name, prototype] = keys::pick(element, [list.key, keys::PROTOTYPE]);
        let named = sound(name);
        let prototype = no_prototype(prototype);
        let name = named.as_ref().ok().copied().flatten().and_then(Value::string);
        let value = Some(element).filter(|_| duplicate.is_none() && prototype.is_ok());
        let kept = (self.keep)(Element { kind: list.kind, name: name.as_deref(), value, id });
        if let Some(duplicate) = duplicate {
            return Err(Unreadable::Duplicate(duplicate));
        }
        prototype?;
        named?;
        if name.is_none() || !kept {
            return Ok(false);
        }
        if let Some(parts) = list.parts {
            let [elements] = keys::pick(element, [parts.member]);
            if let Some(elements) = sound(elements)? {
                self.retain(parts, elements, id);
            }
        }
        Ok(true)
    }

    /// Returns the first key that stands twice in an element.
    fn duplicate(&self, element: Value<'d>) -> Option<Defect> {
        let somewhere = self.document.duplicate()?;
        match json::read(element.raw().as_bytes()) {
            Ok(alone) => alone.duplicate().cloned(),
            // The document has been read, so its elements can be. Otherwise nothing shows that the key is not in this one.
            Err(_) => Some(somewhere.clone()),
        }
    }
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

/// Fails if there is a prototype: clients in JavaScript can find a list in it.
fn no_prototype(member: Member<'_>) -> Result<(), Unreadable> {
    if member.value.is_some() { Err(Unreadable::Prototype) } else { Ok(()) }
}

/// Returns the value of a member in which every parser finds the same one.
fn sound(member: Member<'_>) -> Result<Option<Value<'_>>, Unreadable> {
    if member.repeated || member.respelled.is_some() {
        return Err(Unreadable::Ambiguous(member.key));
    }
    Ok(member.value)
}

#[cfg(test)]
mod tests;
