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
        let document = |resources| json!({ "version": "1", "default": default, "resources": resources });
        (document(Value::Object(old)), document(Value::Object(new)))
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
    ];
    let call = |uri: &str| Call {
        body: json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": { "uri": uri } }),
        token: None,
        certificate: None,
        session: None,
        at_ms: 0,
    };
    documents.prop_map(move |documents| (documents, uris.iter().map(|uri| call(uri)).collect()))
}
