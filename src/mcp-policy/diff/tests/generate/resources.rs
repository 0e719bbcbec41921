//! Generates pairs of policies for resources that have several spellings.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{Call, Fate, fate};

/// Two documents with rules for resources, and reads of resources that have several spellings.
pub fn resources() -> impl Strategy<Value = ((Value, Value), Vec<Call>)> {
    let names = [
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
    let entry = || select(vec![json!({}), json!({}), json!({ "action": "deny" })]);
    let entries = vec((select(names.to_vec()), entry(), entry(), fate()), 0..4);
    let documents = (entries, select(vec!["allow", "allow", "deny"])).prop_map(|(entries, default)| {
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
    });
    // The document, and perhaps a grant with entries of its own.
    let layer = documents.boxed();
    let documents =
        (layer.clone(), layer, select(vec![(false, false), (true, true), (true, false), (false, true)]))
            .prop_map(|((old, new), (old_grant, new_grant), (had_grant, has_grant))| {
                let document = |mut document: Value, mut grant: Value, has_grant: bool| {
                    document["version"] = json!("1");
                    if has_grant {
                        (grant["name"], grant["match"]) = (json!("g"), json!("any"));
                        document["grants"] = json!([grant]);
                    }
                    document
                };
                (document(old, old_grant, had_grant), document(new, new_grant, has_grant))
            });
    let uris = [
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
    let call = |uri: &str| Call {
        body: json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": { "uri": uri } }),
        token: None,
        certificate: None,
        key: None,
        session: None,
        at_ms: 0,
    };
    documents.prop_map(move |documents| (documents, uris.iter().map(|uri| call(uri)).collect()))
}
