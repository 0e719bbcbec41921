//! Damaged documents are refused with a fault; none makes the loader panic.

use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::generate::document;
use super::outcome;
use super::wire::{structured, text};

#[test]
fn json_that_begins_with_a_newline_is_not_taken_for_a_struct() {
    let document = "\n{\n \"version\": \"1\",\n  \"tools\": { \"run_agent\": { \"limits\": [\n \
        { \"counter\": \"run_agent_rate\", \"window\": \"minute\", \"max\": 10 } ] } } }\n";
    assert!(Policy::from_bytes(document.as_bytes()).is_ok());
    // A part of it is broken JSON, and the fault says so.
    for end in 1..document.trim_end().len() {
        let faults = outcome(document.get(..end).unwrap().as_bytes()).unwrap_err();
        assert!(
            matches!(&faults[..], [only] if only.starts_with("document: must be JSON, but ")),
            "{faults:?}"
        );
    }
}

#[test]
fn endless_nesting_is_refused() {
    for open in ["[", "{\"version\":", "{\"version\":\"1\",\"hide\":[[{\"a\":"] {
        let cut = open.repeat(200_000);
        assert_eq!(outcome(cut.as_bytes()).unwrap_err().len(), 1, "{open}");
    }
    let deep = format!("{{\"version\":\"1\",\"hide\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let faults = outcome(deep.as_bytes()).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.contains("nest deeper than 100 levels at line 1, column ")),
        "{faults:?}"
    );
    let mut value = serde_json::json!("x");
    for _ in 0..60 {
        value = serde_json::json!({ "a": value });
    }
    let told = ["document: nests too deep for a Struct, write the policy as JSON"];
    assert_eq!(outcome(&structured(&value)).unwrap_err(), told);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_bytes_make_the_loader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Policy::from_bytes(&bytes).is_err());
        bytes.insert(0, b'\n');
        prop_assert!(Policy::from_bytes(&bytes).is_err());
    }

    #[test]
    fn no_damage_to_a_document_makes_the_loader_panic(
        document in document(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for mut bytes in [text(&document).into_bytes(), structured(&document)] {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes.splice(at..=at, [*byte]);
            }
            if let Err(faults) = Policy::from_bytes(&bytes) {
                prop_assert!(!faults.is_empty());
                prop_assert_eq!(faults.to_string().lines().count(), faults.iter().count());
            }
        }
    }
}
