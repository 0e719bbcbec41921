//! What the `configuration` of an Envoy filter holds.

use base64::Engine as _;
use mcp_policy_engine::json;
use mcp_policy_engine::policy::keys::DOCUMENT;

use super::has_document_key;
use crate::input::form;
use crate::input::node::{Node, Value};
use crate::input::places::{Place, Places};
use crate::input::source::Source;
use crate::input::yaml::Malformed;

/// The types of messages that the filter receives as they are meant.
const EXPECTED: &str = "`type.googleapis.com/google.protobuf.StringValue`, `…BytesValue` or `…Struct`";

/// What a filter receives.
pub(super) struct Configuration {
    /// The bytes
    pub(super) bytes: Vec<u8>,
    /// Where their parts stand
    pub(super) places: Places,
    /// Why Envoy refuses it, so that there are no bytes
    pub(super) problem: Option<Malformed>,
    /// Whether it looks like a policy document, good or not
    pub(super) is_document: bool,
}

impl Configuration {
    /// Makes what a filter without a configuration receives.
    pub(super) fn empty(place: Place) -> Self {
        Self { bytes: Vec::new(), places: Places::of_whole(place), problem: None, is_document: false }
    }

    fn wrong(place: Place, is_document: bool, message: impl Into<String>) -> Self {
        let problem = Some(Malformed::new(place.clone(), message));
        Self { problem, is_document, ..Self::empty(place) }
    }

    fn of_text(text: Source) -> Self {
        let bytes = text.text.clone().into_bytes();
        let is_document = is_document_text(&text.text);
        Self { bytes, places: Places::of_text(text), problem: None, is_document }
    }
}

/// Returns whether a value is a message with its type, as `Any` is written.
pub(super) fn is_message(node: &Node) -> bool {
    node.member("@type").is_some()
}

/// Reads a `configuration`, or says that a filter at `node` has none.
pub(super) fn of_envoy(node: &Node, is_there: bool, text: &Source) -> Configuration {
    let place = text.in_file(&node.span);
    if !is_there {
        return Configuration::empty(place);
    }
    let type_name =
        node.member("@type").and_then(Node::text).and_then(|url| url.rsplit_once('/')).map(|(_, name)| name);
    let value = node.member("value");
    // Envoy also takes these as messages of their own, which have the one field `value`.
    let value = match type_name {
        Some("google.protobuf.StringValue" | "google.protobuf.BytesValue") => {
            value.map(|value| value.member("value").unwrap_or(value))
        }
        _ => value,
    };
    match (type_name, value) {
        (Some("google.protobuf.Struct"), Some(Node { value: Value::Object(_), .. })) => {
            of_struct(value, text, place)
        }
        (Some("google.protobuf.StringValue"), Some(Node { value: Value::Text(held), span })) => {
            Configuration::of_text(Source::of_string(text, span, held.clone()))
        }
        (Some("google.protobuf.BytesValue"), Some(Node { value: Value::Text(held), span })) => {
            of_bytes(held, text.in_file(span))
        }
        (Some("google.protobuf.Struct"), found) => {
            let is_document = has_document_key(node);
            unfit(place, found, is_document, "an object: the policy", text)
        }
        (Some("google.protobuf.StringValue"), found) => {
            let is_document = has_document_key(node) || found.is_some_and(has_document_key);
            unfit(place, found, is_document, "a string: the policy as JSON", text)
        }
        (Some("google.protobuf.BytesValue"), found) => {
            unfit(place, found, false, "a string: base64 of the policy", text)
        }
        _ => {
            let is_document = has_document_key(node) || value.is_some_and(has_document_key);
            let at = node.member("@type").map_or(place, |name| text.in_file(&name.span));
            Configuration::wrong(at, is_document, format!("the type of the configuration must be {EXPECTED}"))
        }
    }
}

fn of_struct(value: Option<&Node>, text: &Source, place: Place) -> Configuration {
    let Some(root) = value else { return Configuration::empty(place) };
    Configuration {
        bytes: form::structure(root),
        places: Places::of_node(root, text),
        problem: None,
        is_document: has_document_key(root),
    }
}

fn of_bytes(held: &str, place: Place) -> Configuration {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    match engines.iter().find_map(|engine| engine.decode(held).ok()) {
        Some(bytes) => {
            let is_document = std::str::from_utf8(&bytes).is_ok_and(is_document_text);
            Configuration { bytes, places: Places::of_whole(place), problem: None, is_document }
        }
        None => Configuration::wrong(place, false, "must be base64"),
    }
}

fn unfit(
    place: Place,
    found: Option<&Node>,
    is_document: bool,
    expected: &str,
    text: &Source,
) -> Configuration {
    let (place, message) = match found {
        Some(found) => (text.in_file(&found.span), format!("must be {expected}")),
        None => (place, format!("`value` is missing, it must be {expected}")),
    };
    Configuration::wrong(place, is_document, message)
}

/// Returns whether a text looks like a policy document. One that is no JSON does if it has a key of a document in quotes.
fn is_document_text(text: &str) -> bool {
    match json::read(text.as_bytes()) {
        Ok(document) => DOCUMENT.keys.iter().any(|key| document.root().get(key.name).is_some()),
        Err(_) => DOCUMENT.keys.iter().any(|key| text.contains(&format!("\"{}\"", key.name))),
    }
}
