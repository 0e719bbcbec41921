//! Where each part of a policy stands in its file.

use std::collections::HashMap;
use std::ops::Range;

use mcp_policy_engine::document::{Fault, Path};

use super::node::{Node, Value};
use super::source::Source;

/// Bytes of a file.
pub type Place = Range<usize>;

/// The places of all parts of one policy.
#[derive(Debug, Clone)]
pub struct Places {
    /// The places of the key and the value, by the part's path
    by_path: HashMap<String, (Place, Place)>,
    /// The place of the whole policy
    whole: Place,
    /// The text that the filter receives. A fault in it can have a place of its own
    text: Option<Source>,
}

impl Places {
    /// Finds the places of a policy that reaches the filter as this text, which should be JSON.
    pub fn of_text(text: Source) -> Self {
        let mut places =
            Self { by_path: HashMap::new(), whole: text.in_file(&(0..text.text.len())), text: None };
        if let Some(root) = Node::of_json(&text.text) {
            places.add(&Path::default(), &root.span, &root, &text);
        }
        Self { text: Some(text), ..places }
    }

    /// Finds the places of a policy that reaches the filter in another form than the text that it stands in.
    pub fn of_node(root: &Node, text: &Source) -> Self {
        let mut places = Self::of_whole(text.in_file(&root.span));
        places.add(&Path::default(), &root.span, root, text);
        places
    }

    /// Gives all parts of a policy one place.
    pub fn of_whole(whole: Place) -> Self {
        Self { by_path: HashMap::new(), whole, text: None }
    }

    fn add(&mut self, path: &Path, key: &Place, node: &Node, text: &Source) {
        // Of a key that stands twice, the first is meant: the engine's faults are about the first.
        let places = || (text.in_file(key), text.in_file(&node.span));
        self.by_path.entry(path.to_string()).or_insert_with(places);
        match &node.value {
            Value::List(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.add(&path.index(index), &element.span, element, text);
                }
            }
            Value::Object(members) => {
                for (key, place, member) in members {
                    self.add(&path.key(key), place, member, text);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    /// Returns the place that a fault is about.
    pub fn of_fault(&self, fault: &Fault) -> Place {
        match (&fault.place, &self.text) {
            (Some(place), Some(text)) => text.in_file(place),
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
        known
            .or_else(|| self.by_path.get("document"))
            .map_or_else(|| self.whole.clone(), |(_, value)| value.clone())
    }
}
