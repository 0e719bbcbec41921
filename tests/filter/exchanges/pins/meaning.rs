//! A definition is compared by what it means, whatever its notation is.

use super::{OTHER, RUN, digest, list, listing, pinned, refusal};
use crate::exchanges::{envoy, worker};
use serde_json::json;

#[test]
fn a_definition_is_compared_by_what_it_means() {
    for (definition, fits) in [
        (RUN, true),
        (r#"{ "inputSchema" : { "type" : "object" } , "description" : "\u0052uns.", "name" : "run" }"#, true),
        (&RUN.replace(r#"{"name""#, r#"{"_meta":{"time":1},"name""#), true),
        (&RUN.replace("Runs.", "Runs!"), false),
        (&RUN.replace(r#"{"type""#, r#"{"_meta":{},"type""#), false),
        (&RUN.replace(r#"{"name""#, r#"{"title":null,"name""#), false),
        // No two programs agree on what these mean.
        (&RUN.replace(r#"{"name""#, r#"{"x":1e999,"name""#), false),
        (&RUN.replace("Runs.", r"Runs.\ud800"), false),
        (
            &RUN.replace(
                r#"{"name""#,
                &format!(r#"{{"x":{}{},"name""#, "[".repeat(9_000), "]".repeat(9_000)),
            ),
            false,
        ),
        (&RUN.replace("Runs.", &"x".repeat(3_000_000)), false),
    ] {
        let proxy = envoy();
        let worker = worker(&proxy, &pinned(json!({})));
        let expected = listing(if fits { vec![definition, OTHER] } else { vec![OTHER] }.as_slice());
        let at = definition.get(..200).unwrap_or(definition);
        assert!(list(&proxy, &worker, &[definition, OTHER]) == expected, "{at}");
        assert_eq!(refusal(&proxy, &worker, "run").is_none(), fits, "{at}");
        // Its warning is the only one: the list can be read.
        assert_eq!(proxy.warnings().len(), usize::from(!fits), "{at}");
    }
}

#[test]
fn definitions_that_differ_only_beyond_doubles_are_not_the_same() {
    for (reviewed, listed) in
        [("9007199254740992", "9007199254740993"), ("0.1", "0.10000000000000001"), ("0", "1e-999")]
    {
        let with = |number: &str| RUN.replace(r#"{"name""#, &format!(r#"{{"x":{number},"name""#));
        let proxy = envoy();
        let tools = json!({ "run": { "definition": digest(&with(reviewed)) } });
        let worker = worker(&proxy, &pinned(json!({ "tools": tools })));
        assert_eq!(list(&proxy, &worker, &[&with(reviewed)]), listing(&[&with(reviewed)]));
        assert_eq!(list(&proxy, &worker, &[&with(listed)]), listing(&[]), "{listed}");
        assert_eq!(refusal(&proxy, &worker, "run").as_deref(), Some("definition_changed"), "{listed}");
    }
}
