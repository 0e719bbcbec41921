//! What a file is that is none of those that a command reads. Its author learns which command is for it.

use super::file::File;
use super::node::{Node, Value};
use crate::outcome::Failure;
use crate::records::Finder;

/// A kind of file that some command of this program reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A policy document
    Policy,
    /// A configuration of Envoy or an object of Kubernetes, which can hold policies
    Configuration,
    /// Tests of a policy
    Tests,
    /// Names and digests of tools, as `scan --write-definitions` writes them
    Digests,
    /// The result of `scan --format json`
    Scan,
    /// A list of tools with their definitions
    Tools,
    /// An access log with audit records
    Records,
}

impl Kind {
    /// Recognizes a file by its one value. `None` is anything else: `None` says nothing about a policy with faults.
    pub fn of(root: &Node) -> Option<Self> {
        let tools = root.member("tools").or_else(|| root.member("result")?.member("tools"));
        let tools = match tools.map(|tools| &tools.value) {
            Some(Value::List(tools)) => Some(tools.as_slice()),
            _ => None,
        };
        let has = |key: &str| root.member(key).is_some();
        let is_list = |key: &str| matches!(root.member(key).map(|node| &node.value), Some(Value::List(_)));
        let all =
            |is: fn(&Node) -> bool| tools.is_some_and(|tools| !tools.is_empty() && tools.iter().all(is));
        if is_list("findings") && has("policy") && tools.is_some() {
            Some(Self::Scan)
        } else if all(is_digest) {
            Some(Self::Digests)
        } else if all(|tool| tool.member("name").is_some() && tool.member("inputSchema").is_some()) {
            Some(Self::Tools)
        } else if is_list("cases") && !has("version") {
            Some(Self::Tests)
        } else if root.member("version").and_then(Node::text) == Some("1") && tools.is_none() {
            Some(Self::Policy)
        } else if has("static_resources") || (has("apiVersion") && has("kind")) {
            Some(Self::Configuration)
        } else if let Value::Text(text) = &root.value {
            // A line of other text around a record is one string in YAML.
            Self::of_text(text)
        } else {
            is_record(root.json().as_bytes()).then_some(Self::Records)
        }
    }

    /// Recognizes a file that holds no single value, by its first line.
    pub fn of_text(text: &str) -> Option<Self> {
        let first = text.lines().find(|line| !line.trim().is_empty())?;
        is_record(first.as_bytes()).then_some(Self::Records)
    }

    /// Makes the failure of a command that needs another file; `needed` is such as "a policy".
    pub fn instead_of(self, needed: &str, file: &File) -> Failure {
        let name = &file.name;
        let is = match self {
            Self::Policy => format!("it is a policy, see `mcp-policy check {name}`"),
            Self::Configuration => {
                format!("it is a configuration, in which `mcp-policy check {name}` finds the policies")
            }
            Self::Tests => format!("it is a test file, which `mcp-policy test {name}` runs"),
            Self::Digests => format!(
                "it has names and digests of tools only, with which `scan SOURCE --definitions {name}` compares a \
                 server; `scan SOURCE --write-tools FILE` saves whole definitions"
            ),
            Self::Scan => {
                "it is the result of `scan --format json`; `scan -o FILE` writes the policy alone, and `scan \
                           --write-tools FILE` the list of tools"
                    .to_owned()
            }
            Self::Tools => {
                format!("it is a list of tools, for which `mcp-policy scan {name}` writes a policy")
            }
            Self::Records => {
                format!(
                    "it is a log with audit records, which `mcp-policy replay {name} --policy POLICY` judges"
                )
            }
        };
        Failure::new(format!("`{name}` is not {needed}: {is}"))
    }
}

/// Tells whether an element of a list of tools has a digest in place of a definition.
fn is_digest(tool: &Node) -> bool {
    let Value::Object(members) = &tool.value else { return false };
    tool.member("digest").and_then(Node::text).is_some_and(|digest| digest.starts_with("sha256:"))
        && members.iter().all(|(key, ..)| matches!(key.as_str(), "name" | "digest"))
}

fn is_record(line: &[u8]) -> bool {
    Finder::new(None).records(line, &mut |_| {}) > 0
}
