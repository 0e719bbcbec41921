//! A policy while it is made, and what of the original is not in it.

use std::rc::Rc;

use mcp_policy_engine::document::{Path, Position};
use mcp_policy_engine::policy::Policy;
use serde::Serialize;

use crate::input::{File, Node};
use crate::outcome::Failure;
use crate::written::Json;

/// Something of the original that has no equivalent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its path in the original
    pub path: String,
    /// What it is, and what becomes of it
    pub what: String,
    /// What its absence changes
    pub effect: Effect,
}

/// What the absence of something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// No verdict: a name, a description
    Words,
    /// Something that the original allows is refused
    Stricter,
    /// A tool is denied, because without this it would be allowed more than in the original
    Denied,
}

/// A policy while it is made.
#[derive(Debug)]
pub struct Draft {
    /// The original
    pub file: Rc<File>,
    /// The members of the document in front of the tools
    pub head: Vec<(String, Json)>,
    /// The rules for all tools
    pub all_tools: Option<Json>,
    /// The entries of tools
    pub tools: Vec<(String, Json)>,
    /// What is not in it
    pub left_out: Vec<LeftOut>,
}

impl Draft {
    /// Makes an empty policy.
    pub fn new(file: &Rc<File>) -> Self {
        let head = vec![("version".to_owned(), Json::text("1"))];
        Self { file: Rc::clone(file), head, all_tools: None, tools: Vec::new(), left_out: Vec::new() }
    }

    /// Notes something that has no equivalent.
    pub fn leave_out(&mut self, path: &Path, effect: Effect, what: impl Into<String>) {
        self.left_out.push(LeftOut { path: path.to_string(), what: what.into(), effect });
    }

    /// Notes that a tool is denied, and returns the rule that denies it.
    pub fn denied(&mut self, path: &Path, what: &str) -> Json {
        self.leave_out(path, Effect::Denied, format!("{what}, so all its calls are denied"));
        denial(path, what)
    }

    /// Makes the failure of a part that is wrong.
    pub fn failure(&self, node: &Node, path: &Path, wrong: &str) -> Failure {
        let at = Position::of(self.file.text.as_bytes(), node.span.start);
        Failure::new(format!("{}:{}:{}: {path}: {wrong}", self.file.name, at.line, at.column))
    }

    /// Returns the policy, which loads, and what is not in it. An entry with a fault becomes one that denies.
    ///
    /// # Errors
    /// A fault outside the entries of tools.
    pub fn settle(mut self) -> Result<(Json, Vec<LeftOut>), Failure> {
        // Each round denies an entry at least.
        for _ in 0..=self.tools.len().saturating_add(1) {
            let document = self.document();
            let Err(faults) = Policy::from_bytes(document.compact().as_bytes()) else {
                return Ok((document, self.left_out));
            };
            let paths = faults.iter().map(|fault| (fault.path.to_string(), fault.wrong.to_string()));
            if !self.deny_faulty(&paths.collect::<Vec<_>>()) {
                let what =
                    format!("{}: has no equivalent in a policy of the filter:\n{faults}", self.file.name);
                return Err(Failure::new(what));
            }
        }
        Err(Failure::new(format!("{}: cannot be made a policy of the filter", self.file.name)))
    }

    fn document(&self) -> Json {
        let mut members = self.head.clone();
        members.extend(self.all_tools.clone().map(|rules| ("all_tools".to_owned(), rules)));
        if !self.tools.is_empty() {
            members.push(("tools".to_owned(), Json::Object(self.tools.clone())));
        }
        Json::Object(members)
    }

    /// Makes entries deny in which there is a fault. Returns whether there is one.
    fn deny_faulty(&mut self, faults: &[(String, String)]) -> bool {
        let root = Path::default();
        let within = |path: &Path| {
            let path = path.to_string();
            faults.iter().find(|(fault, _)| {
                let rest = fault.strip_prefix(path.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            })
        };
        let mut found = Vec::new();
        for (index, (name, _)) in self.tools.iter().enumerate() {
            let path = root.key("tools").key(name);
            found.extend(within(&path).map(|(_, wrong)| (Some(index), path, wrong.clone())));
        }
        let path = root.key("all_tools");
        found.extend(within(&path).map(|(_, wrong)| (None, path, wrong.clone())));
        for (index, path, wrong) in &found {
            let denial = self.denied(path, &format!("the filter cannot judge it: {wrong}"));
            match index.map(|index| self.tools.get_mut(index)) {
                None => self.all_tools = Some(denial),
                Some(Some((_, entry))) if *entry != denial => *entry = denial,
                // The name itself is at fault.
                Some(_) => return false,
            }
        }
        !found.is_empty()
    }
}

/// Returns a rule that denies, with a reason that says why.
fn denial(path: &Path, what: &str) -> Json {
    let reason = format!("a rule of the imported policy has no equivalent here ({path}: {what})");
    Json::object([("action", Json::text("deny")), ("reason", Json::text(reason))])
}
