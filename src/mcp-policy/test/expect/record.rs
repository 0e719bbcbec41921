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
    use std::collections::BTreeSet;
    use std::path::Path;

    use regex::Regex;

    use super::RECORD;

    /// The members of objects within a record.
    const WITHIN: [&str; 7] = ["counter", "used", "max", "resets_in", "scope", "shared", "outcome"];

    /// The page that explains records.
    const PAGE: &str = include_str!("../../../../docs/operations.md");

    /// Returns the sources that write records: `audit.rs` of the engine, and every file in its folder.
    fn writers() -> Vec<String> {
        let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine");
        let files = engine.join("audit").read_dir().unwrap().map(|entry| entry.unwrap().path());
        let files = files.chain([engine.join("audit.rs")]);
        files.map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }

    #[test]
    fn the_members_of_a_record_are_those_that_the_filter_writes() {
        let member = Regex::new(r#""([a-z_0-9]+)":"#).unwrap();
        let writers = writers().concat();
        let written: BTreeSet<&str> =
            member.captures_iter(&writers).filter_map(|found| Some(found.get(1)?.as_str())).collect();
        for name in &written {
            let known = RECORD.contains(name) || WITHIN.contains(name);
            assert!(known, "add `{name}` to RECORD, or to WITHIN if it is in an object within a record");
        }
        for name in RECORD.iter().chain(&WITHIN) {
            assert!(written.contains(name), "`{name}` is never written");
        }
    }

    #[test]
    fn the_documentation_explains_every_member_of_a_record() {
        let head = "\n| member | meaning; null if there is none |\n";
        let (_, table) = PAGE.split_once(head).unwrap();
        let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
        let told: BTreeSet<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
        for name in RECORD.iter().chain(&WITHIN) {
            assert!(told.contains(name), "`{name}` is not in the table of docs/operations.md");
        }
    }
}
