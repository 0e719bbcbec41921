//! Any bytes as a policy document: it loads, or its faults name places that exist; twice the same; and a document that
//! loads judges requests about what it names.

use std::collections::BTreeSet;
use std::ops::Range;

use mcp_policy_engine::document::{Fault, Faults, Notation, Part, Position, structured};
use mcp_policy_engine::guard::Question;
use mcp_policy_engine::json::{self, Value};
use mcp_policy_engine::policy::Policy;
use serde_json::json;

use crate::guarded::Guarded;

/// How many requests one document judges at most.
const MOST_REQUESTS: usize = 24;

/// Values for the mutation. Most come from the corpus.
pub const FRAGMENTS: &[&str] = &[
    "\"args.a\"",
    "\"args.a[*].b\"",
    "\"args[\\\"a.b\\\"]\"",
    "\"claims.team\"",
    "\"principal\"",
    "\"tool\"",
    "\"grant\"",
    "\"eq\"",
    "\"in\"",
    "\"not_in\"",
    "\"regex\"",
    "\"glob\"",
    "\"contains\"",
    "\"exists\"",
    "\"lte\"",
    "\"require_approval\"",
    "\"deny\"",
    "\"allow\"",
    "\"shadow\"",
    "\"minute\"",
    "\"calendar\"",
    "\"session\"",
    "\"global\"",
    "\"get_*\"",
    "\"file:///a/*\"",
    "{\"path\":\"args.b\"}",
    "{\"all\":[{\"path\":\"args.a\",\"op\":\"eq\",\"value\":1}]}",
    "{\"counter\":\"c\",\"window\":\"day\",\"max\":5}",
    "\"^[a-z]+$\"",
    "{\"$ref\":\"#/$defs/a\"}",
    "{\"type\":\"string\",\"pattern\":\"^a\"}",
    "{\"enum\":[1,\"a\"]}",
    "\"CET-1CEST,M3.5.0,M10.5.0/3\"",
];

/// Checks one input.
pub fn check(bytes: &[u8]) {
    match (Guarded::new(bytes), Policy::from_bytes(bytes)) {
        (Ok(guarded), Ok(again)) => {
            assert_eq!(format!("{:?}", guarded.policy), format!("{again:?}"), "it loads in two ways");
            judge(&guarded, bytes);
        }
        (Err(faults), Err(again)) => {
            assert_eq!(faults, again, "it has other faults the second time");
            refused(bytes, &faults);
        }
        (first, _) => panic!("it loads only {} time", if first.is_ok() { "the first" } else { "the second" }),
    }
}

/// Checks the faults of a document.
fn refused(bytes: &[u8], faults: &Faults) {
    assert!(!faults.is_empty(), "there is no policy and no fault");
    let document = json::read(bytes).ok();
    let root = document.as_ref().map(|document| Part::root(document.root(), Notation::Json));
    let mut parts = Vec::new();
    if let Some(root) = &root {
        collect(root, &mut parts);
    }
    for fault in faults.iter() {
        let text = fault.to_string();
        assert!(!text.contains(char::is_control), "{text:?} is not one line");
        assert!(text.starts_with(&format!("{}: ", fault.path)), "{text} does not begin with {}", fault.path);
        if let Some(place) = &fault.place {
            assert!(place.start <= place.end && place.end <= bytes.len(), "{text}: {place:?}");
            let _ = Position::of(bytes, place.start);
        }
        if root.is_some() {
            assert!(is_in(fault, &parts), "{text}: {:?}", fault.place);
        }
    }
}

/// A part of a document: its path, its bytes, and those of its key, which are its own if it has none.
struct Found {
    path: String,
    value: Range<usize>,
    key: Range<usize>,
}

fn collect(part: &Part<'_>, parts: &mut Vec<Found>) {
    let value = part.place().expect("it came as text");
    parts.push(Found { path: part.path.to_string(), value, key: part.key_place().expect("it came as text") });
    part.members().for_each(|(_, member)| collect(&member, parts));
    part.elements().for_each(|element| collect(&element, parts));
}

/// Returns whether a fault's place is what its path says: a value, a key, or the object that lacks a key.
fn is_in(fault: &Fault, parts: &[Found]) -> bool {
    let Some(place) = &fault.place else { return false };
    let path = fault.path.to_string();
    if path == "document" {
        // What nests too deep has the path of the whole, because its own would be too long.
        return place.is_empty() || parts.iter().any(|found| *place == found.value || *place == found.key);
    }
    let there = |found: &&Found| found.path == path;
    let own = |found: &Found| if fault.of_key { found.key.clone() } else { found.value.clone() };
    if parts.iter().filter(there).any(|found| *place == own(found)) {
        return true;
    }
    let around = |found: &&Found| path.starts_with(&found.path) || found.path == "document";
    !fault.of_key && parts.iter().filter(around).any(|found| *place == found.value)
}

/// Sends requests about what the document names.
fn judge(guarded: &Guarded, bytes: &[u8]) {
    let text = match json::read(bytes) {
        Ok(document) => document.text().to_owned(),
        Err(_) => structured::to_json(bytes, &mut Faults::default()).expect("it loads, so it can be read"),
    };
    let document = json::read(text.as_bytes()).expect("it loads, so it is JSON");
    let mut names = BTreeSet::new();
    name(document.root(), &mut names);
    let approved = |question: &Question| match question {
        Question::Approval(text) => {
            serde_json::from_str::<serde_json::Value>(text).expect("a question is JSON");
            None
        }
        Question::Rates(_) => None,
    };
    let amount = json!({ "a": [{ "b": 1 }, "x", 2.5], "b": "a", "amount": 3, "url": "https://a.example/" });
    let others = ["ping", "tools/list", "initialize"].map(|method| (method.to_owned(), json!({})));
    let named = names.into_iter().take(MOST_REQUESTS).map(|(section, name)| {
        let name = name.replace('*', "a");
        match section {
            "tools" => ("tools/call".to_owned(), json!({ "name": name, "arguments": amount })),
            "prompts" => ("prompts/get".to_owned(), json!({ "name": name, "arguments": { "a": "x" } })),
            "resources" => ("resources/read".to_owned(), json!({ "uri": name })),
            _ => (name, json!({})),
        }
    });
    for (method, params) in others.into_iter().chain(named) {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        guarded.judge(body.as_bytes(), approved);
    }
}

/// Collects the keys of all sections, each with its section's key.
fn name<'d>(value: Value<'d>, names: &mut BTreeSet<(&'static str, String)>) {
    for (key, member) in value.entries() {
        if let Some(section) =
            ["tools", "prompts", "resources", "methods"].iter().find(|section| **section == key)
        {
            names.extend(member.entries().map(|(name, _)| (*section, name.into_owned())));
        }
        name(member, names);
    }
    value.elements().for_each(|element| name(element, names));
}
