//! Compiles a JSON value into a schema, with the schemas within it and the `$ref`s between them.

mod branches;
mod elements;
mod members;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::keyword::{self, Of};
use super::mirrored::{self, Mirrored};
use super::node::{Check, Node};
use super::reference;
use crate::document::{Faults, InSchema, Part, Takes, Wrong};
use crate::json::{self, Kind};
use crate::mcp::headers::is_token;
use branches::Branches;
use elements::Contained;
use members::Collected;

/// The most schemas that a schema may consist of with all `$ref`s followed. It bounds the cost of a call: if
/// each schema refers to the next one twice, the number doubles at each step.
const MOST_SCHEMAS: usize = 10_000;

/// The most levels of nested schemas with all `$ref`s followed. It bounds recursion.
const MOST_HEIGHT: usize = 100;

/// Keywords that do not affect validation.
const ANNOTATIONS: [&str; 15] = [
    "title",
    "description",
    "default",
    "examples",
    // OpenAPI's, in schemas that servers make of an OpenAPI document
    "example",
    "format",
    "$schema",
    "$comment",
    "readOnly",
    "writeOnly",
    "deprecated",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "discriminator",
];

const SCHEMAS: Takes = Takes::Said("a list of one schema or more", &Takes::List(&Takes::Schema));
const SCHEMAS_BY_NAME: Takes =
    Takes::Said("an object of names and their schemas", &Takes::Named(&Takes::Schema));
const REFERENCE: Takes =
    Takes::Said("a reference to a schema within this one, such as `#/$defs/name`", &Takes::Filled);

const HEADER: Takes =
    Takes::Said("the end of a header's name, such as `Region` for `Mcp-Param-Region`", &Takes::Filled);

/// Compiles a schema, and finds the arguments that headers repeat. Adds every fault to `faults`; returns `None` if there
/// is any.
pub(super) fn load(part: &Part<'_>, faults: &mut Faults) -> Option<(Arc<Node>, Vec<Mirrored>)> {
    let before = faults.iter().len();
    if part.value.nests_deeper(json::MAX_DEPTH) {
        faults.add(part, Wrong::TooDeep(None));
        return None;
    }
    let annotations = mirrored::read(part.value);
    let mut loader = Loader {
        root: part,
        faults,
        seen: BTreeMap::new(),
        of: Of::Values,
        definitions: VecDeque::new(),
        on_properties: annotations.iter().map(|annotation| annotation.at).collect(),
    };
    let root = loader.schema(part, 1);
    while let Some(part) = loader.definitions.pop_front() {
        loader.schema(&part, 1);
    }
    if root.extent.height > MOST_HEIGHT && !faults.has(&part.path) {
        faults.add(part, InSchema::TooHigh);
    }
    if root.extent.size > MOST_SCHEMAS {
        faults.add(part, InSchema::TooLarge { most: MOST_SCHEMAS });
    }
    let mirrored = annotations.into_iter().filter_map(|annotation| annotation.mirrored);
    (faults.iter().len() == before).then(|| (root, mirrored.collect()))
}

/// The state of a schema that the loader has reached.
enum Seen {
    /// It is being compiled. A reference to it is recursive
    Open,
    Done(Arc<Node>),
}

struct Loader<'a, 'd> {
    root: &'a Part<'d>,
    faults: &'a mut Faults,
    /// By what they describe and where they begin
    seen: BTreeMap<(Of, usize), Seen>,
    /// What the schemas that are being compiled describe
    of: Of,
    /// Schemas in `$defs`. They must be valid even if nothing refers to them.
    definitions: VecDeque<Part<'d>>,
    /// Where the annotations `x-mcp-header` are that have an effect
    on_properties: BTreeSet<usize>,
}

impl<'d> Loader<'_, 'd> {
    /// Compiles a schema: at most once for values and once for names, however many `$ref`s lead to it. Returns an
    /// unspecified node if it has a fault.
    fn schema(&mut self, part: &Part<'d>, depth: usize) -> Arc<Node> {
        let start = (self.of, part.value.span().start);
        match self.seen.get(&start) {
            Some(Seen::Done(node)) => return Arc::clone(node),
            Some(Seen::Open) => {
                if !self.faults.has(&part.path) {
                    self.faults.add(part, InSchema::Recursive);
                }
                return Arc::default();
            }
            None => {}
        }
        if depth > MOST_HEIGHT {
            if !self.faults.has(&part.path) {
                self.faults.add(part, InSchema::TooHigh);
            }
            return Arc::default();
        }
        self.seen.insert(start, Seen::Open);
        let checks = match part.value.kind() {
            Kind::Bool(true) => Vec::new(),
            Kind::Bool(false) => vec![Check::Never],
            Kind::Object => self.keywords(part, depth.saturating_add(1)),
            _ => {
                self.faults.unfit(part, &Takes::Schema);
                Vec::new()
            }
        };
        let node = Arc::new(Node::new(checks));
        self.seen.insert(start, Seen::Done(Arc::clone(&node)));
        node
    }

    fn keywords(&mut self, schema: &Part<'d>, depth: usize) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut members = Collected::default();
        let mut elements = Contained::default();
        let mut branches = Branches::default();
        for (key, part) in schema.members() {
            let check = match key.as_ref() {
                "properties"
                | "required"
                | "patternProperties"
                | "additionalProperties"
                | "propertyNames"
                | "dependentRequired" => {
                    self.members(&key, &part, depth, &mut members);
                    None
                }
                "$defs" | "definitions" => {
                    let definitions = self.named(&part);
                    self.definitions.extend(definitions.into_iter().map(|(_, part)| part));
                    None
                }
                "items" | "prefixItems" | "contains" | "minContains" | "maxContains" => {
                    self.elements(&key, &part, depth, &mut elements);
                    None
                }
                "if" | "then" | "else" => {
                    *branches.place(&key) = Some(self.schema(&part, depth));
                    None
                }
                "not" => Some(Check::Not(self.schema(&part, depth))),
                "allOf" => Some(Check::All(self.alternatives(&part, depth))),
                "anyOf" => Some(Check::Any(self.alternatives(&part, depth))),
                "oneOf" => Some(Check::One(self.alternatives(&part, depth))),
                "$ref" => self.reference(&part, depth),
                "x-mcp-header" => {
                    self.annotation(&part);
                    None
                }
                name if ANNOTATIONS.contains(&name) || name.starts_with("x-") => None,
                name => keyword::check(name, &part, self.of, self.faults),
            };
            checks.extend(check);
        }
        checks.extend(elements.into_check());
        checks.extend(branches.into_check());
        checks.extend(members.into_check());
        checks
    }

    /// Reads an object of names and schemas.
    fn named(&mut self, part: &Part<'d>) -> Vec<(Cow<'d, str>, Part<'d>)> {
        if !part.value.is_object() {
            self.faults.unfit(part, &SCHEMAS_BY_NAME);
        }
        part.members().collect()
    }

    /// Reads a list of schemas.
    fn alternatives(&mut self, part: &Part<'d>, depth: usize) -> Vec<Arc<Node>> {
        let nodes: Vec<_> = part.elements().map(|element| self.schema(&element, depth)).collect();
        if nodes.is_empty() {
            self.faults.unfit(part, &SCHEMAS);
        }
        nodes
    }

    /// Checks an annotation `x-mcp-header`. One that has no effect would let a header differ from its argument.
    fn annotation(&mut self, part: &Part<'d>) {
        if !self.on_properties.contains(&part.value.span().start) && !self.faults.has(&part.path) {
            self.faults.add_key(part, InSchema::NoProperty);
        } else if !part.value.string().is_some_and(|name| is_token(&name)) {
            self.faults.unfit(part, &HEADER);
        }
    }

    fn reference(&mut self, part: &Part<'d>, depth: usize) -> Option<Check> {
        let text = part.value.string();
        let Some(target) = text.and_then(|text| reference::resolve(self.root, &text)) else {
            self.faults.unfit(part, &REFERENCE);
            return None;
        };
        Some(Check::All(vec![self.schema(&target, depth)]))
    }
}
