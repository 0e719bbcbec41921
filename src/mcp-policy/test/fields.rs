//! Reads the objects of a test file: every key must be known, and every fault names its place.

use std::ops::Range;
use std::rc::Rc;

use crate::diagnostic::{Diagnostic, Severity, closest};
use crate::input::{File, Node, Value};

/// The faults of one test file.
pub struct Faults {
    file: Rc<File>,
    /// The faults so far
    pub list: Vec<Diagnostic>,
}

impl Faults {
    /// Makes an empty list.
    pub fn new(file: &Rc<File>) -> Self {
        Self { file: Rc::clone(file), list: Vec::new() }
    }

    /// Adds a fault of the part at `path`.
    pub fn add(&mut self, place: &Range<usize>, path: &str, message: impl Into<String>) {
        self.list.push(Diagnostic {
            file: Rc::clone(&self.file),
            place: place.clone(),
            severity: Severity::Error,
            id: "test-file",
            path: path.to_owned(),
            message: message.into(),
            help: None,
        });
    }
}

/// A value of a test file and its path.
#[derive(Debug, Clone)]
pub struct Part<'n> {
    /// The value
    pub node: &'n Node,
    /// Its path, such as `cases[2].expect`
    pub path: String,
}

impl<'n> Part<'n> {
    /// Adds the fault that the part is not what it must be.
    pub fn unfit(&self, expected: &str, faults: &mut Faults) {
        let found = match &self.node.value {
            Value::Null => "null".to_owned(),
            Value::Bool(flag) => format!("`{flag}`"),
            Value::Number(number) => format!("`{number}`"),
            Value::Text(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
            Value::List(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.fault(format!("must be {expected}, found {found}"), faults);
    }

    /// Adds a fault of the part.
    pub fn fault(&self, message: impl Into<String>, faults: &mut Faults) {
        faults.add(&self.node.span, &self.path, message);
    }

    /// Reads a string.
    pub fn text(&self, faults: &mut Faults) -> Option<&'n str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => {
                self.unfit("a string", faults);
                None
            }
        }
    }

    /// Reads a whole number of at least `least`.
    pub fn number<N: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &self,
        least: N,
        faults: &mut Faults,
    ) -> Option<N> {
        let found = match &self.node.value {
            Value::Number(text) => text.parse().ok().filter(|number| *number >= least),
            _ => None,
        };
        if found.is_none() {
            self.unfit(&format!("a whole number from {least} on"), faults);
        }
        found
    }

    /// Reads a list.
    pub fn list(&self, faults: &mut Faults) -> Vec<Self> {
        let Value::List(elements) = &self.node.value else {
            self.unfit("a list", faults);
            return Vec::new();
        };
        let part = |(index, node)| Part { node, path: format!("{}[{index}]", self.path) };
        elements.iter().enumerate().map(part).collect()
    }

    /// Reads a string, or a list of strings.
    pub fn texts(&self, faults: &mut Faults) -> Vec<String> {
        match &self.node.value {
            Value::Text(text) => vec![text.clone()],
            Value::List(_) => {
                self.list(faults).iter().filter_map(|part| Some(part.text(faults)?.to_owned())).collect()
            }
            _ => {
                self.unfit("a string or a list of strings", faults);
                Vec::new()
            }
        }
    }

    /// Reads the members of an object whose keys are free.
    pub fn entries(&self, faults: &mut Faults) -> Vec<(&'n str, Self)> {
        let Value::Object(members) = &self.node.value else {
            self.unfit("an object", faults);
            return Vec::new();
        };
        let part = |(key, _, node): &'n (String, Range<usize>, Node)| {
            (key.as_str(), Part { node, path: format!("{}.{key}", self.path) })
        };
        members.iter().map(part).collect()
    }

    /// Writes the value as JSON text.
    pub fn json(&self) -> String {
        self.node.json()
    }
}

/// An object whose keys are known.
#[derive(Debug)]
pub struct Members<'n> {
    /// The object itself
    pub part: Part<'n>,
    members: &'n [(String, Range<usize>, Node)],
    asked: Vec<&'static str>,
}

impl<'n> Members<'n> {
    /// Opens an object. `None`, with a fault, if the part is something else.
    pub fn open(part: Part<'n>, expected: &str, faults: &mut Faults) -> Option<Self> {
        let Value::Object(members) = &part.node.value else {
            part.unfit(expected, faults);
            return None;
        };
        Some(Self { part, members, asked: Vec::new() })
    }

    /// Takes the member of a key.
    pub fn take(&mut self, key: &'static str) -> Option<Part<'n>> {
        self.asked.push(key);
        let (_, _, node) = self.members.iter().find(|(known, _, _)| known == key)?;
        Some(Part { node, path: self.path_of(key) })
    }

    /// Takes the member of a key that must be there.
    pub fn need(&mut self, key: &'static str, expected: &str, faults: &mut Faults) -> Option<Part<'n>> {
        let found = self.take(key);
        if found.is_none() {
            let message = format!("`{key}` is missing, must be {expected}");
            faults.add(&self.part.node.span, &self.part.path, message);
        }
        found
    }

    /// Takes a string.
    pub fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<String> {
        self.take(key)?.text(faults).map(str::to_owned)
    }

    /// Returns whether the object has a key. This is not asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.members.iter().any(|(known, _, _)| known == key)
    }

    /// Adds a fault for each key that nothing has asked for, and for each key that stands twice.
    pub fn close(self, faults: &mut Faults) {
        for (number, (key, place, _)) in self.members.iter().enumerate() {
            let path = self.path_of(key);
            if self.members.iter().take(number).any(|(earlier, _, _)| earlier == key) {
                faults.add(place, &path, "duplicate key, an object must have each key once");
            } else if !self.asked.contains(&key.as_str()) {
                faults.add(place, &path, unknown(&format!("key `{key}`"), key, &self.asked));
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        match self.part.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }
}

/// Says that a word is unknown, and which one may be meant. `what` names the word.
pub fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(meant) => format!("unknown {what}; did you mean `{meant}`?"),
        None => {
            let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("unknown {what}, expected {}", alternatives(&known))
        }
    }
}

fn alternatives(words: &[String]) -> String {
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}
