//! Writes an offer as a file that can be read again.

use serde_json::{Map, Value, json};

use super::{Item, Kind, Offer};
use crate::outcome::Failure;
use crate::scan::layout;

/// Writes an offer as one page: a `tools/list` result, with the other lists and what the server says of itself beside the
/// tools. Reading it gives the same offer, without what the server says in place of a list.
///
/// # Errors
/// It cannot be written as JSON.
pub fn document(offer: &Offer) -> Result<String, Failure> {
    let mut page = Map::new();
    let about = [("name", &offer.server), ("version", &offer.version)];
    let about: Map<String, Value> =
        about.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))).collect();
    if !about.is_empty() {
        page.insert("serverInfo".to_owned(), Value::Object(about));
    }
    if let Some(instructions) = &offer.instructions {
        page.insert("instructions".to_owned(), json!(instructions));
    }
    let whole = |items: &[Item]| items.iter().map(|item| item.whole.clone()).collect::<Vec<_>>();
    for (kind, list) in [
        (Kind::Tools, offer.tools.iter().map(|tool| tool.whole.clone()).collect()),
        (Kind::Resources, whole(&offer.resources)),
        (Kind::Templates, whole(&offer.templates)),
        (Kind::Prompts, whole(&offer.prompts)),
    ] {
        if kind == Kind::Tools || !list.is_empty() {
            page.insert(kind.member().to_owned(), Value::Array(list));
        }
    }
    let text = serde_json::to_string_pretty(&page)
        .map_err(|error| Failure::new(format!("cannot write the definitions: {error}")))?;
    Ok(layout::visible(&text) + "\n")
}
