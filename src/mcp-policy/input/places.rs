//! Where each part of a policy stands in its file.

use std::collections::HashMap;
use std::ops::Range;

use mcp_policy_engine::document::{Fault, Path};

use super::node::{Node, Value};

/// Bytes of a file.
pub type Place = Range<usize>;

/// The places of all parts of one policy.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The places of the key and the value, by the part's path
    by_path: HashMap<String, (Place, Place)>,
    /// Whether the policy's own text is the file, so that a place in the text is a place in the file
    is_file: bool,
}

impl Places {
    /// Finds the places of a policy whose file is JSON text and nothing else.
    pub fn of_json(text: &str) -> Self {
        let mut places = Self { is_file: true, ..Self::default() };
        if let Some(root) = Node::of_json(text) {
            places.add(&Path::default(), root.span.clone(), &root);
        }
        places
    }

    fn add(&mut self, path: &Path, key: Place, node: &Node) {
        // Of a key that stands twice, the first is meant: the engine's faults are about the first.
        self.by_path.entry(path.to_string()).or_insert_with(|| (key, node.span.clone()));
        match &node.value {
            Value::List(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.add(&path.index(index), element.span.clone(), element);
                }
            }
            Value::Object(members) => {
                for (key, place, member) in members {
                    self.add(&path.key(key), place.clone(), member);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    /// Returns the place that a fault is about.
    pub fn of_fault(&self, fault: &Fault) -> Place {
        match &fault.place {
            Some(place) if self.is_file => place.clone(),
            _ => self.of_path(&fault.path.to_string(), fault.of_key),
        }
    }

    /// Returns the place of the part at a path, or of the nearest part above it.
    pub fn of_path(&self, path: &str, of_key: bool) -> Place {
        if let Some((key, value)) = self.by_path.get(path) {
            return if of_key { key.clone() } else { value.clone() };
        }
        let above = path.char_indices().rev().filter(|(_, char)| matches!(char, '.' | '['));
        let known = above.filter_map(|(at, _)| self.by_path.get(path.get(..at)?)).next();
        known.or_else(|| self.by_path.get("document")).map_or(0..0, |(_, value)| value.clone())
    }
}
