//! Policy documents: the faults of each bad one, the meaning of each good one, and that JSON and a Struct are
//! read the same way. The documents are in `cases/documents.json` and, by subject, in `cases/documents/`.

mod damage;
mod faults;
mod generate;
mod meaning;
mod structs;
mod wire;

use std::path::Path;
use std::sync::LazyLock;

use mcp_policy_engine::json;
use mcp_policy_engine::policy::{Faults, Policy};

pub(super) use wire::structured;

/// The tables with their abbreviations expanded: the list of keys in each message about an unknown key.
static CASES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let text = include_str!("../cases/documents.json");
    let table: serde_json::Value = serde_json::from_str(text).unwrap();
    let known = table.get("known").and_then(serde_json::Value::as_object).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/documents");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let expanded = |text: String| {
        known.iter().fold(text, |text, (short, keys)| text.replace(short, keys.as_str().unwrap()))
    };
    std::iter::once(text.to_owned()).chain(texts).map(expanded).collect()
});

/// One entry of the table.
pub(super) struct Case {
    group: String,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    entry: serde_json::Value,
}

impl Case {
    fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.entry.get(key).and_then(serde_json::Value::as_array);
        list.into_iter().flatten().filter_map(serde_json::Value::as_str).collect()
    }
}

/// Reads an entry. The `document` is taken as text, because `serde_json` would lose its order. `text` and
/// `hex` hold documents that cannot be written there.
fn case(group: &str, value: json::Value<'_>) -> Case {
    let entry: serde_json::Value = serde_json::from_str(value.raw()).unwrap();
    let hex = |digits: &str| -> Vec<u8> {
        let bytes = (0..digits.len()).step_by(2).map(|at| digits.get(at..at.saturating_add(2)).unwrap());
        bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
    };
    let written = |key: &str| value.get(key).and_then(json::Value::string);
    let bytes = match (value.get("document"), written("text"), written("hex")) {
        (Some(document), None, None) => document.raw().as_bytes().to_vec(),
        (None, Some(text), None) => text.as_bytes().to_vec(),
        (None, None, Some(digits)) => hex(&digits),
        _ => panic!("{group}: one of document, text and hex: {}", value.raw()),
    };
    Case { group: group.to_owned(), name: written("name").unwrap().into_owned(), bytes, entry }
}

pub(super) fn refused() -> Vec<Case> {
    let read = |text: &String| -> Vec<Case> {
        let table = json::read(text.as_bytes()).unwrap();
        let groups = table.root().get("refused").into_iter().flat_map(json::Value::entries);
        groups.flat_map(|(group, cases)| cases.elements().map(move |entry| case(&group, entry))).collect()
    };
    CASES.iter().flat_map(read).collect()
}

fn accepted() -> Vec<Case> {
    let read = |text: &String| -> Vec<Case> {
        let table = json::read(text.as_bytes()).unwrap();
        let entries = table.root().get("accepted").into_iter().flat_map(|accepted| {
            assert!(accepted.is_array(), "`accepted` must be a list: {}", accepted.raw());
            accepted.elements()
        });
        entries.map(|entry| case("accepted", entry)).collect()
    };
    CASES.iter().flat_map(read).collect()
}

/// Returns the text of each fault.
fn messages(faults: &Faults) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

/// Reads a document and returns the policy, or the faults, as text.
fn outcome(bytes: &[u8]) -> Result<String, Vec<String>> {
    let read = Policy::from_bytes(bytes);
    read.map(|policy| format!("{policy:#?}")).map_err(|faults| messages(&faults))
}
