//! What is stored of lists, and what is told of it.

use super::*;
use crate::identity::Caller;
use crate::limit::MemoryStore;
use crate::mcp::list::Element;
use crate::policy::Policy;

/// A store that cannot keep one key.
struct Partly<'k> {
    store: MemoryStore,
    failing: &'k str,
}

impl Store for Partly<'_> {
    type Version = u64;

    fn read(&self, key: &str) -> Result<(Option<Vec<u8>>, u64), Unavailable> {
        self.store.read(key)
    }

    fn swap(&self, key: &str, value: &[u8], version: u64) -> Result<bool, Unavailable> {
        if key == self.failing { Err(Unavailable) } else { self.store.swap(key, value, version) }
    }
}

#[test]
fn a_pin_that_cannot_be_stored_keeps_no_other_from_being_stored_and_told() {
    let rule = |digit: &str| serde_json::json!({ "definition": format!("sha256:{}", digit.repeat(64)) });
    let tools = serde_json::json!({ "a": rule("a"), "b": rule("b"), "c": rule("c") });
    let document = serde_json::json!({ "version": "1", "tools": tools }).to_string();
    let policy = Policy::from_bytes(document.as_bytes()).unwrap();
    let caller = Caller::default();
    for failing in policy.pins.iter() {
        let store = Partly { store: MemoryStore::new(), failing: &failing.key };
        let lists = Lists::new(&policy, &caller, &|| None);
        for tool in ["a", "b", "c"] {
            let text = format!(r#"{{"name":"{tool}"}}"#);
            let document = json::read(text.as_bytes()).unwrap();
            let element =
                Element { kind: ListKind::Tools, name: Some(tool), value: Some(document.root()), id: None };
            assert!(!lists.keeps(element));
        }
        let mut told = Vec::new();
        let stored = lists.settle(&store, &mut |listed| told.push(listed.pin.tool.clone()));
        assert_eq!(stored, Err(Unavailable));
        let others: Vec<_> = policy.pins.iter().filter(|pin| *pin != failing).collect();
        assert_eq!(told, others.iter().map(|pin| pin.tool.clone()).collect::<Vec<_>>());
        assert!(others.iter().all(|pin| definitions::is_changed(&store, pin) == Ok(true)));
    }
}
