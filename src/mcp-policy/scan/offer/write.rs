//! Writes an offer as a file that can be read again.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Kind, Offer, Tool};
use crate::outcome::Failure;
use crate::scan::layout;

/// Writes an offer as one page: a `tools/list` result, with the other lists and what the server says of itself beside the
/// tools. Reading it gives the same offer, without what the server says in place of a list.
///
/// # Errors
/// It cannot be written as JSON.
pub fn document(offer: &Offer) -> Result<String, Failure> {
    let failure = |error| Failure::new(format!("cannot write the definitions: {error}"));
    let mut page: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    let about = [("name", &offer.server), ("version", &offer.version)];
    let about: Map<String, Value> =
        about.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?)))).collect();
    if !about.is_empty() {
        page.insert("serverInfo", Part::About(Value::Object(about)));
    }
    if let Some(instructions) = &offer.instructions {
        page.insert("instructions", Part::About(json!(instructions)));
    }
    let tools = offer.tools.iter().map(element).collect::<Result<_, _>>().map_err(failure)?;
    page.insert(Kind::Tools.member(), Part::List(tools));
    for (kind, list) in [
        (Kind::Resources, &offer.resources),
        (Kind::Templates, &offer.templates),
        (Kind::Prompts, &offer.prompts),
    ] {
        if !list.is_empty() {
            let elements = list.iter().map(|item| Element::Read(&item.whole));
            page.insert(kind.member(), Part::List(elements.collect()));
        }
    }
    let text = serde_json::to_string_pretty(&page).map_err(failure)?;
    Ok(layout::visible(&text) + "\n")
}

/// A member of the page.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Part<'o> {
    About(Value),
    List(Vec<Element<'o>>),
}

/// An element of a list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Element<'o> {
    Read(&'o Value),
    /// With the numbers as the server sent them
    Sent(&'o RawValue),
}

fn element(tool: &Tool) -> Result<Element<'_>, serde_json::Error> {
    match tool.beyond {
        Some(_) => serde_json::from_str(&tool.sent).map(Element::Sent),
        None => Ok(Element::Read(&tool.whole)),
    }
}
