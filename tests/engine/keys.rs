//! The table of a policy document's keys: the reader follows it, and the documentation agrees with it.

mod documentation;
mod samples;

use std::collections::BTreeSet;

use mcp_policy_engine::document::{Absent, Holds, Object, Takes, Wrong};
use mcp_policy_engine::policy::keys;
use samples::SAMPLES;
use serde_json::{Map, Value, json};

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
        assert!(reached.contains(&table) && SAMPLES.iter().any(|sample| sample.table == table), "{table:?}");
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
    for sample in SAMPLES {
        let table = sample.table;
        let least = sample.read(&sample.least());
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
    for sample in SAMPLES {
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
    for sample in SAMPLES {
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
    for sample in SAMPLES {
        let mut members = sample.least();
        members.insert("no_such_key".to_owned(), json!(1));
        let faults = sample.read(&members).unwrap_err();
        let told = faults.iter().find_map(|fault| match &fault.wrong {
            Wrong::UnknownKey { key, object } => Some((key.as_str(), *object)),
            _ => None,
        });
        assert_eq!(told, Some(("no_such_key", sample.table)), "{faults}");
    }
}
