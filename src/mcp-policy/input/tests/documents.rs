//! The documents of the fault tables, in each kind of file.

use std::collections::HashMap;
use std::path::Path as FilePath;

use mcp_policy_engine::document::{Fault, Path};
use mcp_policy_engine::json;
use mcp_policy_engine::policy::Policy;

use super::{at, only, written};
use crate::input::Found;
use crate::input::form;
use crate::input::node::{Node, Value};

/// Returns the bad documents, each as its text.
fn refused() -> Vec<String> {
    let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let mut files = vec![folder.join("documents.json")];
    files.extend(folder.join("documents").read_dir().unwrap().map(|entry| entry.unwrap().path()));
    let mut documents = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let table = json::read(text.as_bytes()).unwrap();
        for case in table.root().get("refused").unwrap().entries().flat_map(|(_, cases)| cases.elements()) {
            let text = case.get("text").and_then(|text| text.string().map(|text| text.into_owned()));
            documents.extend(text.or_else(|| case.get("document").map(|document| document.raw().to_owned())));
        }
    }
    assert!(documents.len() > 400, "{}", documents.len());
    documents
}

/// Returns the value of a document if each form can hold it: an object whose keys are all different.
fn value(text: &str) -> Option<Node> {
    let document = json::read(text.as_bytes()).ok()?;
    let root = Node::of_value(document.root())?;
    let is_plain = document.defect().is_none() && root.repeated_key().is_none();
    (is_plain && matches!(root.value, Value::Object(_))).then_some(root)
}

/// Turns numbers into strings as Envoy does when it reads YAML.
fn as_envoy_reads(node: &Node) -> Node {
    let value = match &node.value {
        Value::Number(text) => match text.parse::<i32>() {
            Ok(number) => Value::Number(number.to_string()),
            Err(_) => Value::Text(text.clone()),
        },
        Value::List(elements) => Value::List(elements.iter().map(as_envoy_reads).collect()),
        Value::Object(members) => {
            let member = |(key, place, value): &(String, _, Node)| {
                (key.clone(), Clone::clone(place), as_envoy_reads(value))
            };
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    };
    Node { span: node.span.clone(), value }
}

/// Returns the text of each fault. There are none if only JSON is strict about numbers in strings.
fn messages(bytes: &[u8]) -> Vec<String> {
    let faults = Policy::from_bytes(bytes).err().unwrap_or_default();
    let mut messages: Vec<String> = faults.iter().map(ToString::to_string).collect();
    messages.sort();
    messages
}

/// The key and the value at each path of a document.
fn parts(node: &Node, key: Option<&str>, path: &Path, parts: &mut HashMap<String, (Option<String>, Node)>) {
    parts.insert(path.to_string(), (key.map(str::to_owned), node.clone()));
    match &node.value {
        Value::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                self::parts(element, None, &path.index(index), parts);
            }
        }
        Value::Object(members) => {
            for (key, _, value) in members {
                self::parts(value, Some(key), &path.key(key), parts);
            }
        }
        _ => {}
    }
}

/// Asserts that a fault's place is where the file writes the part that the fault is about.
fn assert_place(fault: &Fault, found: &Found, root: &Node, text: &str) {
    let (place, whole) = (found.place_of(fault), found.place("document", false));
    assert!(
        place.start >= whole.start && place.end <= whole.end,
        "{fault}: {place:?} is not in {whole:?}\n{text}"
    );
    let mut known = HashMap::new();
    parts(root, None, &Path::default(), &mut known);
    let Some((key, value)) = known.get(&fault.path.to_string()) else { return };
    let written = at(text, &place);
    match (&value.value, fault.of_key) {
        (_, true) => assert_eq!(decoded(written), key.clone().unwrap(), "{fault}\n{text}"),
        (Value::Text(value), false) => assert_eq!(decoded(written), *value, "{fault}\n{text}"),
        (Value::Number(value), false) => assert_eq!(written, value, "{fault}\n{text}"),
        (Value::Bool(value), false) => assert_eq!(written, value.to_string(), "{fault}\n{text}"),
        (Value::Null, false) => assert_eq!(written, "null", "{fault}\n{text}"),
        (Value::List(_) | Value::Object(_), false) => {
            let begins = written.starts_with(['[', '{', '"', '-', 'n', 't', 'f', '\\'])
                || written.starts_with(char::is_numeric);
            assert!(begins, "{fault}: {written}\n{text}");
        }
    }
}

/// Reads a string that is written as in JSON; also one whose quotes a string around it has escaped.
fn decoded(written: &str) -> String {
    let plain = written
        .strip_prefix('\\')
        .map(|_| serde_json::from_str::<String>(&format!("\"{written}\"")).unwrap());
    let written = plain.as_deref().unwrap_or(written);
    serde_json::from_str(written).unwrap_or_else(|_| panic!("{written} is no string"))
}

fn assert_faults(name: &str, text: &str, expected: &[String], root: Option<&Node>) {
    let found = only(name, text);
    assert!(found.problems.is_empty(), "{:?}\n{text}", found.problems);
    assert_eq!(messages(&found.bytes), expected, "{text}");
    for fault in found.policy().err().unwrap_or_default().iter() {
        at(text, &found.place_of(fault));
        if let Some(root) = root {
            assert_place(fault, &found, root, text);
        }
    }
}

#[test]
fn a_bad_document_has_its_faults_and_their_places_in_a_string() {
    for document in refused() {
        let expected = messages(document.as_bytes());
        assert!(!expected.is_empty(), "{document}");
        let root = value(&document);
        assert_faults("a.json", &document, &expected, root.as_ref());
        let Some(root) = root else { continue };
        if !document.contains('\n') {
            assert_faults("a.yaml", &written::single_quoted_string(&document), &expected, Some(&root));
        }
        let spaced = format!("\r\n\t{document}\n");
        assert_faults("a.yaml", &written::quoted_string(&spaced), &expected, Some(&root));
    }
}

#[test]
fn a_bad_document_has_its_faults_and_their_places_in_a_block() {
    for document in refused() {
        if value(&document).is_none() {
            continue;
        }
        let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
        let lines = serde_json::to_string_pretty(&parsed).unwrap();
        let (root, expected) = (value(&lines), messages(lines.as_bytes()));
        let text = written::literal_string(&lines);
        assert_faults("a.yaml", &text, &expected, root.as_ref());
        assert_faults("a.yaml", &text.replace('\n', "\r\n"), &expected, root.as_ref());
    }
}

#[test]
fn a_bad_document_has_its_faults_and_their_places_in_an_object_of_a_mesh() {
    for document in refused() {
        let Some(root) = value(&document) else { continue };
        // A mesh writes JSON of its own, without escapes that it does not need.
        let expected = messages(form::json(&root).as_bytes());
        assert_faults("a.yaml", &written::wasm_plugin(&root), &expected, Some(&root));
        assert_faults("a.json", &written::extension_policy(&document), &expected, Some(&root));
    }
}

#[test]
fn a_bad_document_has_its_faults_and_their_places_as_yaml() {
    for document in refused() {
        let Some(root) = value(&document) else { continue };
        let expected = messages(&form::structure(&as_envoy_reads(&root)));
        let structure = written::structure(&root);
        for text in [
            written::yaml(&root),
            written::config_map(&root),
            format!("\u{feff}{}", structure.replace('\n', "\r\n")),
        ] {
            assert_faults("a.yaml", &text, &expected, Some(&root));
        }
    }
}
