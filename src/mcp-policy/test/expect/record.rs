//! What a step expects of the audit record.

use crate::test::fields::{Faults, Part, unknown};

/// The members of a record, as the filter writes them.
const RECORD: [&str; 24] = [
    "decision",
    "code",
    "rule",
    "cause",
    "id",
    "server",
    "method",
    "target",
    "grant",
    "principal",
    "source",
    "claims",
    "session",
    "request",
    "protocol",
    "arguments",
    "arguments_sha256",
    "arguments_blake3",
    "counters",
    "approval",
    "policy",
    "request_id",
    "time",
    "given_back",
];

/// Reads members of the record that are expected. A member that no record has is a fault: `null` would be expected of it
/// and found.
pub(super) fn read(part: &Part<'_>, faults: &mut Faults) -> Option<serde_json::Value> {
    for (key, member) in part.entries(faults) {
        if !RECORD.contains(&key) {
            member.fault(unknown(&format!("member `{key}` of a record"), key, &RECORD), faults);
        }
    }
    serde_json::from_str(&part.json()).ok()
}

/// Returns whether a value of a record is as expected. An object may have more members, a list must have as many elements,
/// and numbers are compared by value.
pub(super) fn holds(found: &serde_json::Value, expected: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Null, Number, Object};
    match (found, expected) {
        (Object(found), Object(expected)) => {
            expected.iter().all(|(key, expected)| holds(found.get(key).unwrap_or(&Null), expected))
        }
        (Array(found), Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| holds(found, expected))
        }
        (Number(found), Number(expected)) => found.as_f64() == expected.as_f64(),
        _ => found == expected,
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::RECORD;

    /// The members of objects within a record.
    const WITHIN: [&str; 7] = ["counter", "used", "max", "resets_in", "scope", "shared", "outcome"];

    #[test]
    fn the_members_of_a_record_are_those_that_the_filter_writes() {
        let member = Regex::new(r#""([a-z_0-9]+)":"#).unwrap();
        let writer = [
            include_str!("../../../engine/audit.rs"),
            include_str!("../../../engine/audit/time.rs"),
            include_str!("../../../engine/audit/told.rs"),
        ]
        .concat();
        let written: Vec<&str> =
            member.captures_iter(&writer).filter_map(|found| Some(found.get(1)?.as_str())).collect();
        for name in &written {
            assert!(RECORD.contains(name) || WITHIN.contains(name), "{name} is not known");
        }
        for name in RECORD {
            assert!(written.contains(&name), "{name} is never written");
        }
    }
}
