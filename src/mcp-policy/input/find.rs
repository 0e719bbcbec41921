//! Finds the policies in a file.
//!
//! A file is a policy, or holds the configuration of wasm filters, of Envoy or of a mesh. Of the filters that are found
//! each counts, unless it clearly runs another module: a policy must not be missed because it is full of mistakes.

mod filters;
mod trail;

use std::collections::HashMap;
use std::rc::Rc;

use mcp_policy_engine::json;
use mcp_policy_engine::policy::keys::DOCUMENT;

use super::file::{File, Language};
use super::node::{Member, Node, Value};
use super::places::{Place, Places};
use super::scalar::Schema;
use super::source::Source;
use super::yaml::{self, Malformed, Yaml};
use super::{Found, Kind, Problem, form};
use crate::outcome::Failure;
use filters::Filters;

/// What a file that holds no policy should have held.
const LOOKED_FOR: &str = "expected a policy document, or the configuration of a wasm filter with one: of Envoy, or in a \
                          WasmPlugin, an EnvoyFilter or an EnvoyExtensionPolicy";

/// What was found in a file.
pub(super) struct Findings {
    /// The policies
    pub(super) found: Vec<Found>,
    /// The wasm filters that run another module, in words
    pub(super) left_out: Vec<String>,
}

/// Finds the policies in a file.
///
/// # Errors
/// The file holds none, and is no policy itself, or it is a file for another command.
pub(super) fn policies(file: &Rc<File>) -> Result<Findings, Failure> {
    let text = Source::of_file(file.text.clone());
    let mut search =
        Search { file, filters: Filters::new(file), problems: Vec::new(), found: Vec::new(), objects: 0 };
    match file.language() {
        Language::Json => match json::read(file.text.as_bytes()) {
            Ok(document) => match Node::of_value(document.root()) {
                Some(root) => search.json(root, text)?,
                None => search.found.push(whole_text(file, text)),
            },
            Err(_) => {
                other(Kind::of_text(&file.text), file)?;
                search.found.push(whole_text(file, text));
            }
        },
        Language::Yaml => match yaml::read(&file.text) {
            Ok(documents) => search.yaml(&documents, &text)?,
            // What is JSON for the filter can be no YAML for the parser: with a tab, for example.
            Err(_) if json::read(file.text.as_bytes()).is_ok() => search.found.push(whole_text(file, text)),
            Err(wrong) => {
                other(Kind::of_text(&file.text), file)?;
                search.found.push(unreadable(file, wrong));
            }
        },
    }
    search.finish()
}

/// Fails if a file is of another kind than a policy.
fn other(kind: Option<Kind>, file: &File) -> Result<(), Failure> {
    match kind {
        Some(kind) if kind != Kind::Policy => Err(kind.instead_of("a policy", file)),
        _ => Ok(()),
    }
}

/// Returns the policy that a whole file is, as its own text.
fn whole_text(file: &Rc<File>, text: Source) -> Found {
    let bytes = text.text.clone().into_bytes();
    Found {
        file: Rc::clone(file),
        within: None,
        bytes,
        problems: Vec::new(),
        is_readable: true,
        places: Places::of_text(text),
    }
}

fn unreadable(file: &Rc<File>, wrong: Malformed) -> Found {
    let places = Places::of_whole(wrong.at.clone());
    let problems = vec![Problem { place: wrong.at, id: "malformed", message: wrong.message }];
    Found { file: Rc::clone(file), within: None, bytes: Vec::new(), problems, is_readable: false, places }
}

struct Search<'f> {
    file: &'f Rc<File>,
    filters: Filters<'f>,
    /// What is wrong with the file outside its policies
    problems: Vec<Problem>,
    /// The policies that are whole documents
    found: Vec<Found>,
    /// How many documents are objects
    objects: usize,
}

impl Search<'_> {
    fn json(&mut self, mut root: Node, text: Source) -> Result<(), Failure> {
        other(Kind::of(&root), self.file)?;
        if is_policy(&root) {
            self.found.push(whole_text(self.file, text));
            return Ok(());
        }
        let repeated = root.drop_repeated_keys();
        if self.filters.search(&root, &text) {
            let message = |key| format!("duplicate key `{key}`: Envoy refuses a JSON file with one");
            let problem = |(key, place)| Problem { place, id: "duplicate-key", message: message(key) };
            self.problems.extend(repeated.into_iter().map(problem));
        } else {
            self.found.push(whole_text(self.file, text));
        }
        Ok(())
    }

    fn yaml(&mut self, documents: &[Yaml], text: &Source) -> Result<(), Failure> {
        let is_empty = |document: &Yaml| matches!(&document.kind, yaml::Kind::Scalar { text, plain: true } if text.is_empty());
        let documents: Vec<&Yaml> = documents.iter().filter(|document| !is_empty(document)).collect();
        if documents.is_empty() {
            // The filter has a fault for nothing.
            self.found.push(whole_text(self.file, Source::of_file(String::new())));
        }
        for document in &documents {
            let schema = if filters::is_kubernetes(document) { Schema::Kubernetes } else { Schema::Envoy };
            let checked = match schema {
                Schema::Envoy => yaml::check_for_envoy(document, &self.file.text),
                Schema::Core | Schema::Kubernetes => Ok(()),
            };
            match checked.and_then(|()| Node::of_yaml(document, schema)) {
                Ok(root) => {
                    if documents.len() == 1 {
                        other(Kind::of(&root), self.file)?;
                    }
                    self.document(root, text, documents.len() == 1);
                }
                Err(wrong) => self.found.push(unreadable(self.file, wrong)),
            }
        }
        Ok(())
    }

    fn document(&mut self, mut root: Node, text: &Source, is_only: bool) {
        let repeated = root.drop_repeated_keys();
        let mut problems: Vec<Problem> =
            repeated.into_iter().map(|(key, place)| lost(&key, &place, text)).collect();
        problems.extend(merge_keys(&root, text));
        let is_object = matches!(root.value, Value::Object(_));
        if !is_policy(&root)
            && (self.filters.search(&root, text) || (is_object && !is_only && !has_document_key(&root)))
        {
            self.problems.append(&mut problems);
            return;
        }
        if !is_object {
            let message = format!("{LOOKED_FOR}, but found {}", what(&root));
            self.found.push(unreadable(self.file, Malformed::new(text.in_file(&root.span), message)));
            return;
        }
        self.objects = self.objects.saturating_add(1);
        self.found.push(Found {
            file: Rc::clone(self.file),
            within: (!is_only).then(|| format!("document {}", self.objects)),
            bytes: form::structure(&root),
            problems,
            is_readable: true,
            places: Places::of_node(&root, text),
        });
    }

    fn finish(self) -> Result<Findings, Failure> {
        let Self { file, filters, problems, mut found, .. } = self;
        let (in_filters, left_out) = filters.finish();
        found.extend(in_filters);
        let Some(first) = found.first_mut() else {
            let others = match left_out.as_slice() {
                [] => String::new(),
                others => format!("; other modules run in {}", others.join(" and ")),
            };
            return Err(Failure::new(format!("`{}` holds no policy: {LOOKED_FOR}{others}", file.name)));
        };
        first.problems.splice(0..0, problems);
        name_apart(&mut found);
        Ok(Findings { found, left_out })
    }
}

/// Adds a number to names that occur twice in the file.
fn name_apart(found: &mut [Found]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for within in found.iter_mut().filter_map(|found| found.within.as_mut()) {
        let count = counts.entry(within.clone()).or_default();
        *count = count.saturating_add(1);
        if *count > 1 {
            *within = format!("{within}, number {count}");
        }
    }
}

/// Returns whether a document is a policy whatever else it holds. Neither Envoy's configuration nor an object of
/// Kubernetes has this key.
fn is_policy(root: &Node) -> bool {
    root.member("version").is_some()
}

/// Returns whether an object has a key of a policy document.
fn has_document_key(node: &Node) -> bool {
    DOCUMENT.keys.iter().any(|key| node.member(key.name).is_some())
}

/// Returns the problem of a key whose value another one replaces.
fn lost(key: &str, place: &Place, text: &Source) -> Problem {
    let message =
        format!("duplicate key `{key}`: YAML keeps only the last of its values, so this one is lost");
    Problem { place: text.in_file(place), id: "duplicate-key", message }
}

/// Returns the problems of keys that were meant to merge another object. Envoy has no merge keys.
fn merge_keys(root: &Node, text: &Source) -> Vec<Problem> {
    let problem = |(key, place, value): &Member| {
        let is_merge = key == "<<" && matches!(value.value, Value::Object(_) | Value::List(_));
        let message = "Envoy does not merge: `<<` is a key like any other";
        let own = is_merge.then(|| Problem {
            place: text.in_file(place),
            id: "merge-key",
            message: message.to_owned(),
        });
        own.into_iter().chain(merge_keys(value, text)).collect::<Vec<_>>()
    };
    match &root.value {
        Value::List(elements) => elements.iter().flat_map(|element| merge_keys(element, text)).collect(),
        Value::Object(members) => members.iter().flat_map(problem).collect(),
        _ => Vec::new(),
    }
}

fn what(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "`null`",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::Text(_) => "a string",
        Value::List(_) => "a list",
        Value::Object(_) => "an object",
    }
}
