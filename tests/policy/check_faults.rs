//! `check`: the faults of the documents in `tests/cases/documents*`, each with a line and a column that a person would
//! point at.

use std::collections::BTreeSet;

use mcp_policy_engine::json;
use serde_json::Value;

use crate::check::{diagnostics, repository, text_at, text_of};
use crate::folder::Folder;
use crate::program::run;

/// Returns the text of each document that is refused, as it stands in the tables.
fn refused() -> Vec<String> {
    let cases = repository().join("tests/cases");
    let folder = std::fs::read_dir(cases.join("documents")).unwrap().map(|file| file.unwrap().path());
    let mut texts = Vec::new();
    for file in folder.chain([cases.join("documents.json")]) {
        let table = std::fs::read_to_string(file).unwrap();
        let table = json::read(table.as_bytes()).unwrap();
        let groups = table.root().get("refused").into_iter().flat_map(json::Value::entries);
        for case in groups.flat_map(|(_, cases)| cases.elements()) {
            let written = || case.get("text").and_then(json::Value::string);
            let text = case.get("document").map(|document| document.raw().to_owned());
            texts.extend(text.or_else(|| written().map(std::borrow::Cow::into_owned)));
        }
    }
    texts
}

/// Tells whether the text at a place is what a person would point at.
fn suits(id: &str, path: &str, held: &str) -> bool {
    let key = |held: &str| {
        serde_json::Deserializer::from_str(held).into_iter::<String>().next().and_then(Result::ok)
    };
    match id {
        "unknown-key" | "duplicate-key" | "unknown-keyword" | "empty-pattern" | "ambiguous-patterns"
        | "method-of-section" => {
            // The key itself, which is the end of the path.
            key(held).is_some_and(|key| path.ends_with(&key) || path.ends_with(&format!("[{key:?}]")))
        }
        "missing-key" => held.starts_with('{'),
        "not-json" | "empty-document" | "ambiguous-text" => true,
        _ => held.starts_with(|char: char| "\"{[-tfn".contains(char) || char.is_ascii_digit()),
    }
}

#[test]
fn each_fault_of_the_tables_has_its_line_and_column() {
    let folder = Folder::new("faults");
    let documents = refused();
    let files: Vec<String> = documents
        .iter()
        .enumerate()
        .map(|(number, text)| folder.with(&format!("{number:04}.json"), text))
        .collect();
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let found = diagnostics(&names, "");
    let mut ids = BTreeSet::new();
    let mut told = BTreeSet::new();
    for diagnostic in &found {
        let number = names.iter().position(|name| *name == text_of(diagnostic, "file")).unwrap();
        let document = &documents[number];
        let (id, path) = (text_of(diagnostic, "id"), text_of(diagnostic, "path"));
        assert_eq!(text_of(diagnostic, "severity"), "error", "{diagnostic} {document}");
        assert!(suits(id, path, text_at(document, diagnostic)), "{diagnostic} {document}");
        ids.insert(id.to_owned());
        told.insert(number);
    }
    assert_eq!(told.len(), documents.len(), "a refused document has no fault");
    assert!(found.len() > 500 && ids.len() > 55, "{} faults of {} kinds", found.len(), ids.len());
}

#[test]
fn a_long_line_with_many_faults_is_told_in_short_lines() {
    let tools: Vec<String> =
        (0..3_000).map(|number| format!(r#""tool_{number}":{{"colour":"{number}日本\u001b"}}"#)).collect();
    let policy = format!(r#"{{"version":"1","tools":{{{}}}}}"#, tools.join(","));
    assert!(policy.len() > 100_000, "{}", policy.len());
    let done = run(&["check", "-"], &policy);
    assert_eq!((done.code, done.stderr.trim_end()), (3, "3000 errors in 1 policy"));
    let longest = done.stdout.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest < 300, "{longest}");
    for (at, line) in done.stdout.lines().enumerate().filter(|(_, line)| line.contains("^^^")) {
        let source = done.stdout.lines().nth(at.saturating_sub(1)).unwrap();
        assert!(source.contains("\"colour\"") && line.contains("^^^^^^^^"), "{source}\n{line}");
        if at > 100 {
            break;
        }
    }
}

#[test]
fn nothing_of_a_file_acts_on_the_terminal() {
    let policy = "{\"version\": \"1\", \"\u{1b}[31m\u{9b}\u{202e}\u{7}\": 1,\r \"server\": \"\u{2028}\u{feff}\", \"a\\u001b]0;x\": 2}";
    let done = run(&["check", "-"], policy);
    assert_eq!(done.code, 3);
    let unsafe_ones =
        |char: char| char.is_control() && char != '\n' || "\u{202e}\u{2028}\u{feff}".contains(char);
    assert!(!done.stdout.contains(unsafe_ones), "{:?}", done.stdout);
}

#[test]
fn whatever_the_input_is_it_gets_a_place() {
    for input in [
        "",
        "\n",
        "[]",
        "{",
        "\u{feff}{}",
        "version: '2'\n",
        "nonsense",
        "{\"version\":\"1\"}}",
        "\0",
        "{\"a\":\"\u{e000}",
        "{\"version\":\"1\",\"x\":\"\\ud800\"}",
    ] {
        let done = run(&["check", "-"], input);
        if done.code == 1 {
            assert!(done.stderr.contains("`stdin` holds no policy"), "{input:?}: {done:?}");
            continue;
        }
        let found = diagnostics(&["-"], input);
        assert!(!found.is_empty(), "{input:?}");
        for diagnostic in &found {
            let line = diagnostic.get("line").and_then(Value::as_u64).unwrap();
            let lines = u64::try_from(input.split('\n').count()).unwrap();
            assert!((1..=lines).contains(&line), "{input:?}: {diagnostic}");
        }
    }
}

#[test]
fn of_very_many_overlaps_a_thousand_are_told() {
    let entries: Vec<String> = (100..150).map(|number| format!("\"a*{number}*\": {{}}")).collect();
    let document = format!("{{\"version\": \"1\", \"tools\": {{{}}}}}", entries.join(", "));
    let done = run(&["check", "-", "--format", "json"], &document);
    assert_eq!(
        (done.code, done.stdout.matches("\"ambiguous-patterns\"").count()),
        (3, 1_000),
        "{}",
        done.stderr
    );
}
