//! Generates pairs of policies for resources that have several spellings.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{Call, Fate, fate};

/// What the documents have entries for.
const NAMES: [&str; 11] = [
    "file:///a%2Cb",
    "file:///a,b",
    "file:///a,*",
    "file:///a%2C*",
    "file:///*",
    "file:///a",
    "x://b?q=1",
    "x://b*",
    "x://b?*",
    "x://b",
    "x://*",
];

/// What is read.
const URIS: [&str; 10] = [
    "file:///a,b",
    "file:///a%2Cb",
    "file:///a,b?q",
    "file:///a?q=1",
    "file:///a",
    "x://b?q=1",
    "x://b",
    "x://b/",
    "x://b?q",
    "file:///a/../b",
];

/// Two documents with rules for resources, and reads of resources that have several spellings.
pub fn resources() -> impl Strategy<Value = ((Value, Value), Vec<Call>)> {
    // The document, and perhaps a grant with entries of its own.
    let layer = layers().boxed();
    let grants = select(vec![(false, false), (true, true), (true, false), (false, true)]);
    (layer.clone(), layer, grants).prop_map(|((old, new), (old_grant, new_grant), (had_grant, has_grant))| {
        let documents = (document(old, old_grant, had_grant), document(new, new_grant, has_grant));
        (documents, URIS.map(read).into())
    })
}

/// The rules for resources of two documents, or of a grant in both.
fn layers() -> impl Strategy<Value = (Value, Value)> {
    let entry = || select(vec![json!({}), json!({}), json!({ "action": "deny" })]);
    let entries = vec((select(&NAMES[..]), entry(), entry(), fate()), 0..4);
    (entries, select(vec!["allow", "allow", "deny"])).prop_map(|(entries, default)| {
        let (mut old, mut new) = (Map::new(), Map::new());
        for (name, entry, other, fate) in entries {
            match fate {
                Fate::Stays => {
                    old.insert(name.to_owned(), entry.clone());
                    new.insert(name.to_owned(), entry);
                }
                Fate::Goes => drop(old.insert(name.to_owned(), entry)),
                Fate::Grows => drop(new.insert(name.to_owned(), other)),
                Fate::Changes => {
                    old.insert(name.to_owned(), entry);
                    new.insert(name.to_owned(), other);
                }
            }
        }
        (json!({ "default": default, "resources": old }), json!({ "default": default, "resources": new }))
    })
}

fn document(mut document: Value, mut grant: Value, has_grant: bool) -> Value {
    document["version"] = json!("1");
    if has_grant {
        (grant["name"], grant["match"]) = (json!("g"), json!("any"));
        document["grants"] = json!([grant]);
    }
    document
}

fn read(uri: &str) -> Call {
    Call {
        body: json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": { "uri": uri } }),
        token: None,
        certificate: None,
        key: None,
        session: None,
        at_ms: 0,
    }
}
