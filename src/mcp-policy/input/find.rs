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
use filters::{Filters, is_compose};

/// What a file that holds no policy should have held.
const LOOKED_FOR: &str = "expected a policy document, or the configuration of a wasm filter with one: of Envoy, or in a \
                          WasmPlugin, an EnvoyFilter, an EnvoyExtensionPolicy or a Compose file";

/// What was found in a file.
pub(super) struct Findings {
    /// The policies
    pub(super) found: Vec<Found>,
    /// The wasm filters that run another module, in words
    pub(super) left_out: Vec<String>,
    /// Why files that the file names could not be read
    pub(super) unread: Vec<String>,
}

/// Finds the policies in a file, and in the files of Envoy that it names, if it is a Compose file.
///
/// # Errors
/// The file holds none, and is no policy itself, or it is a file for another command.
pub(super) fn policies(file: &Rc<File>) -> Result<Findings, Failure> {
    policies_in(file, true)
}

/// Finds the policies in a file; `follows` says whether to look also into files that it names.
fn policies_in(file: &Rc<File>, follows: bool) -> Result<Findings, Failure> {
    let text = Source::of_file(file.text.clone());
    let filters = Filters::new(file, follows);
    let mut search = Search { file, filters, problems: Vec::new(), found: Vec::new(), objects: 0 };
    match file.language() {
        Language::Json => match json::read(file.text.as_bytes()) {
            Ok(document) => match Node::of_value(document.root()) {
                Some(root) => search.json(root, text)?,
                None => search.found.push(whole_text(file, text)),
            },
            Err(_) => {
                refuse_other(Kind::of_text(&file.text), file)?;
                search.found.push(whole_text(file, text));
            }
        },
        Language::Yaml => match yaml::read(&file.text) {
            Ok(documents) => search.yaml(&documents, &text)?,
            // What is JSON for the filter can be no YAML for the parser: with a tab, for example.
            Err(_) if json::read(file.text.as_bytes()).is_ok() => search.found.push(whole_text(file, text)),
            Err(wrong) => {
                refuse_other(Kind::of_text(&file.text), file)?;
                search.found.push(unreadable(file, wrong));
            }
        },
    }
    search.finish()
}

/// Fails if a file is of a kind that neither is a policy nor can hold one.
fn refuse_other(kind: Option<Kind>, file: &File) -> Result<(), Failure> {
    match kind {
        None | Some(Kind::Policy | Kind::Configuration) => Ok(()),
        Some(kind) => Err(kind.instead_of("a policy", file)),
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
        refuse_other(Kind::of(&root), self.file)?;
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
            let schema = schema(document);
            let checked = match schema {
                Schema::Envoy => yaml::check_for_envoy(document, &self.file.text),
                Schema::Core | Schema::Kubernetes => Ok(()),
            };
            match checked.and_then(|()| Node::of_yaml(document, schema)) {
                Ok(root) => {
                    if documents.len() == 1 {
                        refuse_other(Kind::of(&root), self.file)?;
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
        if !is_compose(&root) {
            problems.extend(merge_keys(&root, text));
        }
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
        let Findings { found: in_filters, left_out, unread } = filters.finish();
        found.extend(in_filters);
        if found.is_empty() {
            let mut others = match left_out.as_slice() {
                [] => String::new(),
                others => format!("; other modules run in {}", others.join(" and ")),
            };
            others.extend(unread.iter().map(|why| format!("; {why}")));
            return Err(Failure::new(format!("`{}` holds no policy: {LOOKED_FOR}{others}", file.name)));
        }
        if let Some(first) = found.iter_mut().find(|found| Rc::ptr_eq(&found.file, file)) {
            first.problems.splice(0..0, problems);
        }
        name_apart(&mut found);
        Ok(Findings { found, left_out, unread })
    }
}

/// Returns how the scalars of a YAML document are read.
fn schema(document: &Yaml) -> Schema {
    if filters::is_kubernetes(document) {
        Schema::Kubernetes
    } else if Node::of_yaml(document, Schema::Core).is_ok_and(|root| is_compose(&root)) {
        Schema::Core
    } else {
        Schema::Envoy
    }
}

/// Adds a number to names that occur twice in the file.
fn name_apart(found: &mut [Found]) {
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for found in found {
        let Some(within) = found.within.as_mut() else { continue };
        let count = counts.entry((found.file.name.clone(), within.clone())).or_default();
        *count = count.saturating_add(1);
        if *count > 1 {
            *within = format!("{within}, number {count}");
        }
    }
}

/// Returns whether a document is a policy whatever else it holds. Neither Envoy's configuration nor an object of
/// Kubernetes has this key; Compose files can have it.
fn is_policy(root: &Node) -> bool {
    root.member("version").is_some() && !is_compose(root)
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
