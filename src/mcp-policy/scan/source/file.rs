//! Offers in files.

use mcp_policy_engine::document::Position;
use mcp_policy_engine::json::{self, DefectKind};
use serde_json::Value;

use crate::input::File;
use crate::outcome::Failure;
use crate::scan::offer::{Kind, Offer, add_page};

/// What a file may hold, for messages.
const EXPECTED: &str = "expected a `tools/list` result such as `{\"tools\": [...]}`, a response that holds one, a list of tools, or a list of results";

/// Reads the offer in a file; `-` is stdin.
///
/// # Errors
/// The file cannot be read, or does not hold an offer: its name, and the place and what would be right.
pub fn read(argument: &str) -> Result<Offer, Failure> {
    let file = File::read(argument)?;
    let name = &file.name;
    let at = |at: usize, what: &dyn std::fmt::Display| {
        let position = Position::of(file.text.as_bytes(), at);
        Failure::new(format!("{name}:{}:{}: {what}", position.line, position.column))
    };
    let document = json::read(file.text.as_bytes())
        .map_err(|malformed| at(malformed.at, &format!("is not JSON: {}", malformed.what)))?;
    // A bound beyond 64 bits is a number of its schema, which only has to be near enough.
    let defect = document.defect().filter(|defect| defect.kind != DefectKind::UnfitNumber);
    if let Some(defect) = defect.or_else(|| document.duplicate()) {
        let text = defect.to_string();
        return Err(at(defect.at, &text.split(", at byte").next().unwrap_or(&text)));
    }
    let value: Value = serde_json::from_str(&file.text)
        .map_err(|error| Failure::new(format!("{name}:{}:{}: {error}", error.line(), error.column())))?;
    let mut offer = Offer { verbatim: true, ..Offer::default() };
    add(&mut offer, &value, "").map_err(|wrong| Failure::new(format!("{name}: {wrong}")))?;
    Ok(offer)
}

/// Adds what a value holds, which stands at `path`.
fn add(offer: &mut Offer, value: &Value, path: &str) -> Result<(), String> {
    let here = if path.is_empty() { "document" } else { path };
    match value {
        Value::Array(elements) => {
            let is_page = |element: &Value| {
                ["tools", "result", "error", "resources", "resourceTemplates", "prompts"]
                    .iter()
                    .any(|key| element.get(key).is_some())
            };
            if !elements.is_empty() && elements.iter().all(is_page) {
                return elements
                    .iter()
                    .enumerate()
                    .try_for_each(|(index, page)| add(offer, page, &format!("{path}[{index}]")));
            }
            add_page(offer, Kind::Tools, value, path)
        }
        Value::Object(members) => {
            let dot = if path.is_empty() { "" } else { "." };
            if let Some(result) = members.get("result") {
                return add(offer, result, &format!("{path}{dot}result"));
            }
            if members.contains_key("error") && !members.contains_key("tools") {
                return Err(format!("{here}: is the answer of a server that refused: it lists nothing"));
            }
            about_server(offer, value);
            let mut lists = 0_usize;
            for kind in Kind::ALL {
                if let Some(list) = members.get(kind.member()) {
                    add_page(offer, kind, list, &format!("{path}{dot}{}", kind.member()))?;
                    lists = lists.saturating_add(1);
                }
            }
            if lists == 0 { Err(format!("{here}: {EXPECTED}")) } else { Ok(()) }
        }
        _ => Err(format!("{here}: {EXPECTED}")),
    }
}

/// Reads what some files say of the server.
fn about_server(offer: &mut Offer, value: &Value) {
    let text = |pointers: [&str; 2]| {
        let found = pointers.iter().find_map(|pointer| value.pointer(pointer).and_then(Value::as_str));
        found.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    offer.server = offer.server.take().or_else(|| text(["/serverInfo/name", "/server"]));
    offer.version = offer.version.take().or_else(|| text(["/serverInfo/version", "/version"]));
    offer.instructions =
        offer.instructions.take().or_else(|| text(["/instructions", "/serverInfo/instructions"]));
}
