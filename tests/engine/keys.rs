//! The table of a policy document's keys: the reader follows it, and the documentation agrees with it.

use std::collections::BTreeSet;

use mcp_policy_engine::denial::Code;
use mcp_policy_engine::document::{Absent, Faults, Holds, Key, Object, Takes, Wrong};
use mcp_policy_engine::policy::{Policy, keys};
use serde_json::{Map, Value, json};

/// An object in a document that is otherwise valid.
struct Sample {
    table: &'static Object,
    path: &'static str,
    /// The document, with `@` in place of the object
    around: &'static str,
    /// The members that the object needs
    least: Value,
}

fn samples() -> Vec<Sample> {
    let sample = |table, path, around, least| Sample { table, path, around, least };
    vec![
        sample(&keys::DOCUMENT, "", "@", json!({"version": "1"})),
        sample(&keys::AUDIT, "audit", r#"{"version":"1","audit":@}"#, json!({})),
        sample(&keys::COUNTERS, "counters", r#"{"version":"1","counters":@}"#, json!({})),
        sample(&keys::APPROVALS, "approvals", r#"{"version":"1","approvals":@}"#, json!({"cluster": "c"})),
        sample(
            &keys::SHARED_LIMITS,
            "shared_limits",
            r#"{"version":"1","shared_limits":@}"#,
            json!({"cluster": "c"}),
        ),
        sample(
            &keys::RULE,
            "all_tools",
            r#"{"version":"1","approvals":{"cluster":"c"},"all_tools":@}"#,
            json!({}),
        ),
        sample(
            &keys::LIMIT,
            "tools.x.limits[0]",
            r#"{"version":"1","tools":{"x":{"limits":[@]}}}"#,
            json!({"counter": "c", "window": 60, "max": 1}),
        ),
        sample(
            &keys::RATE_LIMIT,
            "tools.x.rate_limit",
            r#"{"version":"1","tools":{"x":{"rate_limit":@}}}"#,
            json!({"window": 60, "max": 1}),
        ),
        sample(
            &keys::CONDITION,
            "tools.x.deny_if[0]",
            r#"{"version":"1","tools":{"x":{"deny_if":[@]}}}"#,
            json!({"path": "args.a", "op": "eq", "value": "x"}),
        ),
        sample(
            &keys::GROUP,
            "tools.x.deny_if[0]",
            r#"{"version":"1","tools":{"x":{"deny_if":[@]}}}"#,
            json!({"conditions": []}),
        ),
        sample(
            &keys::OPERAND,
            "tools.x.deny_if[0].value",
            r#"{"version":"1","tools":{"x":{"deny_if":[{"path":"args.a","op":"eq","value":@}]}}}"#,
            json!({"path": "args.b"}),
        ),
        sample(&keys::SOURCE, "identity[0]", r#"{"version":"1","identity":[@]}"#, json!({"mtls": "uri_san"})),
        sample(
            &keys::JWT,
            "identity[0].jwt",
            r#"{"version":"1","identity":[{"jwt":@}]}"#,
            json!({"payload": "p"}),
        ),
        sample(
            &keys::API_KEY,
            "identity[0].api_key",
            r#"{"version":"1","identity":[{"api_key":@}]}"#,
            json!({"header": "h"}),
        ),
        sample(
            &keys::HEADER,
            "identity[0].header",
            r#"{"version":"1","identity":[{"header":@}]}"#,
            json!({"name": "h"}),
        ),
        sample(
            &keys::UNAUTHENTICATED,
            "unauthenticated",
            r#"{"version":"1","unauthenticated":@}"#,
            json!({"scope": "mcp"}),
        ),
        sample(
            &keys::GRANT,
            "grants[0]",
            r#"{"version":"1","grants":[@]}"#,
            json!({"name": "g", "match": "any"}),
        ),
        sample(
            &keys::MATCH,
            "grants[0].match[0]",
            r#"{"version":"1","grants":[{"name":"g","match":[@]}]}"#,
            json!({"jwt": "*"}),
        ),
    ]
}

impl Sample {
    /// Reads the document with these members in the object. Leaves out the digest, because it differs.
    fn read(&self, members: &Map<String, Value>) -> Result<String, Faults> {
        let object = serde_json::to_string(members).unwrap();
        let mut policy = Policy::from_bytes(self.around.replace('@', &object).as_bytes())?;
        policy.digest.clear();
        Ok(format!("{policy:?}"))
    }

    /// Reads it with only the members that it needs and this value under `key`, or without the key.
    fn with(&self, key: &Key, value: Option<Value>) -> Result<String, Faults> {
        let mut members = self.least.as_object().unwrap().clone();
        if self.table.holds == Holds::One {
            members.clear();
        }
        members.remove(key.name);
        members.extend(value.map(|value| (key.name.to_owned(), value)));
        self.read(&members)
    }

    /// Tells whether a value under `key` causes a fault at that key.
    fn refuses(&self, key: &Key, value: Option<Value>) -> bool {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{}", self.path, key.name);
        let faults = self.with(key, value).err().unwrap_or_default();
        faults.iter().any(|fault| fault.path.to_string() == path)
    }
}

/// Removes the wording around what a key accepts.
fn shape(takes: Takes) -> Takes {
    match takes {
        Takes::Said(_, takes) => shape(*takes),
        takes => takes,
    }
}

/// Collects all tables that a key's values contain.
fn tables(takes: Takes, found: &mut Vec<&'static Object>) {
    match shape(takes) {
        Takes::Object(table) if !found.contains(&table) => {
            found.push(table);
            table.keys.iter().for_each(|key| tables(key.takes, found));
        }
        Takes::List(takes) | Takes::Named(takes) => tables(*takes, found),
        Takes::Either(all) => all.iter().for_each(|takes| tables(*takes, found)),
        _ => {}
    }
}

#[test]
fn every_table_of_keys_is_part_of_the_document_and_has_notes() {
    let mut reached = Vec::new();
    tables(Takes::Object(&keys::DOCUMENT), &mut reached);
    assert_eq!(reached.len(), keys::OBJECTS.len());
    for (table, notes) in keys::OBJECTS {
        assert!(
            reached.contains(&table) && samples().iter().any(|sample| sample.table == table),
            "{table:?}"
        );
        assert_eq!(table.keys.len(), notes.len(), "{table:?}");
        let names: BTreeSet<&str> = table.keys.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), table.keys.len(), "{table:?}");
        let told: BTreeSet<&str> = table.expected.split('`').skip(1).step_by(2).collect();
        assert!(told.contains("{}") || told.is_subset(&names), "{table:?}");
        for (key, note) in table.keys.iter().zip(notes) {
            assert_eq!(key.required, note.absent == Absent::Refused, "{table:?} {}", key.name);
            assert!(!note.meaning.is_empty() && !note.meaning.contains('\n'), "{table:?} {}", key.name);
        }
    }
}

#[test]
fn the_reader_requires_exactly_the_keys_marked_as_required() {
    for sample in samples() {
        let table = sample.table;
        let least = sample.read(sample.least.as_object().unwrap());
        assert!(least.is_ok(), "{table:?}: {}", least.unwrap_err());
        for key in table.keys {
            let needed = key.required || (*table == keys::CONDITION && key.name == "value");
            assert_eq!(sample.refuses(key, None), needed, "{table:?} without {}", key.name);
            assert!(sample.refuses(key, Some(Value::Null)), "{table:?}, null as {}", key.name);
        }
        let empty = sample.read(&Map::new());
        let needed = table.holds != Holds::Any || table.keys.iter().any(|key| key.required);
        assert_eq!(empty.is_err(), needed, "{table:?}");
    }
}

#[test]
fn absent_keys_have_the_defaults_of_the_table() {
    for sample in samples() {
        let notes = keys::OBJECTS.iter().find(|(table, _)| *table == sample.table).unwrap().1;
        for (key, note) in sample.table.keys.iter().zip(notes) {
            if let Absent::As(value) = note.absent {
                let value = serde_json::from_str(value).unwrap();
                let (with, without) = (sample.with(key, Some(value)), sample.with(key, None));
                assert_eq!(with, without, "{:?} {}", sample.table, key.name);
            }
        }
    }
}

#[test]
fn the_reader_accepts_exactly_the_words_and_numbers_of_the_table() {
    let mut met = [0, 0];
    for sample in samples() {
        for key in sample.table.keys {
            let at = format!("{:?} {}", sample.table, key.name);
            let all = match shape(key.takes) {
                Takes::Either(all) => all,
                _ => &[key.takes],
            };
            for takes in all.iter().map(|takes| shape(*takes)) {
                match takes {
                    Takes::Words(words) => {
                        for word in words {
                            assert!(!sample.refuses(key, Some(json!(word))), "{at}: {word}");
                        }
                        assert!(sample.refuses(key, Some(json!("no such word"))), "{at}");
                        met[0] += 1;
                    }
                    Takes::Integer { least, most } => {
                        for (number, refused) in [
                            (i64::from(least) - 1, true),
                            (i64::from(least), false),
                            (i64::from(most), false),
                            (i64::from(most) + 1, true),
                        ] {
                            assert_eq!(sample.refuses(key, Some(json!(number))), refused, "{at}: {number}");
                        }
                        met[1] += 1;
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(met[0] >= 15 && met[1] >= 7, "{met:?}");
}

#[test]
fn the_fault_of_an_unknown_key_lists_the_keys_of_its_object() {
    for sample in samples() {
        let mut members = sample.least.as_object().unwrap().clone();
        members.insert("no_such_key".to_owned(), json!(1));
        let faults = sample.read(&members).unwrap_err();
        let told = faults.iter().find_map(|fault| match &fault.wrong {
            Wrong::UnknownKey { key, object } => Some((key.as_str(), *object)),
            _ => None,
        });
        assert_eq!(told, Some(("no_such_key", sample.table)), "{faults}");
    }
}

/// Returns the names in the first column of a page's table with this header, and the names of required keys.
fn told(page: &str, head: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no table `{head}`"));
    let (mut all, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for row in table.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        for name in cells[0].split('`').skip(1).step_by(2) {
            assert!(all.insert(name.to_owned()), "`{name}` appears twice");
            if cells.last().unwrap().trim() == "refused" {
                refused.insert(name.to_owned());
            }
        }
    }
    (all, refused)
}

#[test]
fn the_documentation_names_exactly_the_keys_of_the_tables() {
    let policy = include_str!("../../docs/policy.md");
    let conditions = include_str!("../../docs/conditions.md");
    let identity = include_str!("../../docs/identity.md");
    let approvals = include_str!("../../docs/approvals.md");
    let limits = include_str!("../../docs/limits.md");
    for (text, head, table) in [
        (policy, "\n| key | meaning | when absent |\n", &keys::DOCUMENT),
        (identity, "\n| key | meaning | when absent |\n", &keys::GRANT),
        (approvals, "\n| key of `approvals` | meaning | when absent |\n", &keys::APPROVALS),
        (policy, "\n| key of a rule | meaning | when absent |\n", &keys::RULE),
        (limits, "\n| key of a limit | meaning | when absent |\n", &keys::LIMIT),
        (limits, "\n| key of `shared_limits` | meaning | when absent |\n", &keys::SHARED_LIMITS),
    ] {
        let names = |required: bool| -> BTreeSet<String> {
            let keys = table.keys.iter().filter(|key| key.required || !required);
            keys.map(|key| key.name.to_owned()).collect()
        };
        assert_eq!(told(text, head), (names(false), names(true)), "{table:?}");
    }
    let pages = [policy, conditions, identity, approvals, limits].concat();
    for (table, _) in keys::OBJECTS {
        for key in table.keys {
            let told = [format!("`{}`", key.name), format!("\"{}\"", key.name)];
            assert!(told.iter().any(|told| pages.contains(told)), "{table:?} {}", key.name);
        }
    }
}

#[test]
fn the_documentation_names_exactly_the_codes_of_denials() {
    let (names, _) = told(include_str!("../../docs/clients.md"), "\n| code | why | what helps |\n");
    assert_eq!(names, Code::ALL.map(|code| code.as_str().to_owned()).into());
}
