//! The definitions of tools that a policy pins.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{Pattern, Rules};
use crate::mcp::definition::DefinitionDigest;
use crate::text::hex;

/// The beginning of the keys of a store that hold what lists last showed of pinned tools; a hash follows.
const KEY: &str = "mcp-policy/1/definition/";

/// The beginning of the keys that hold how many changes the lists of a server have shown; a hash of its name follows.
const CHANGES: &str = "mcp-policy/1/definitions/";

/// How many bytes of the hash a key has.
const HASHED: usize = 16;

/// One tool of one server, with the definition that a rule has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The tool's name
    pub tool: String,
    /// The digest of its definition
    pub digest: DefinitionDigest,
    /// The key of a store that holds what lists last showed of it. A pin with another digest has another key
    pub key: String,
}

/// The pins of a policy, each once.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    list: Vec<Pin>,
    /// The numbers of the pins by the tool's name
    by_tool: BTreeMap<String, Vec<usize>>,
    /// See [`Pins::changes_key`]
    changes_key: String,
}

impl Pins {
    /// Gathers the pins in sets of rules for a server.
    pub(crate) fn of<'r>(server: &str, rules: impl Iterator<Item = &'r Rules>) -> Self {
        let mut pins = Self { changes_key: key(CHANGES, &[server.as_bytes()]), ..Self::default() };
        for (pattern, rules) in rules.flat_map(|rules| rules.tools.entries()) {
            let digests = rules.iter().filter_map(|rule| rule.definition);
            for digest in digests.filter(|_| pattern.is_exact()) {
                pins.add(server, pattern, digest);
            }
        }
        pins
    }

    fn add(&mut self, server: &str, tool: &Pattern, digest: DefinitionDigest) {
        let tool = tool.as_str();
        if self.find(tool, digest).is_none() {
            let numbers = self.by_tool.entry(tool.to_owned()).or_default();
            numbers.push(self.list.len());
            let key = key(KEY, &[server.as_bytes(), tool.as_bytes(), digest.bytes()]);
            self.list.push(Pin { tool: tool.to_owned(), digest, key });
        }
    }

    /// Returns the pins of a tool, with their numbers. There are several only if grants have other definitions.
    pub fn of_tool(&self, tool: &str) -> impl Iterator<Item = (usize, &Pin)> {
        let numbers = self.by_tool.get(tool).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.list.get(*number)?)))
    }

    /// Returns the pin of a tool with this digest.
    #[must_use]
    pub fn find(&self, tool: &str, digest: DefinitionDigest) -> Option<&Pin> {
        self.of_tool(tool).map(|(_, pin)| pin).find(|pin| pin.digest == digest)
    }

    /// Walks all pins.
    pub fn iter(&self) -> impl Iterator<Item = &Pin> {
        self.list.iter()
    }

    /// Returns a pin by its number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&Pin> {
        self.list.get(number)
    }

    /// Returns the key of a store that holds how many changes of pinned tools the lists of the server have shown.
    #[must_use]
    pub fn changes_key(&self) -> &str {
        &self.changes_key
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// Returns the key of something that a server and other parts name. It is the same in each policy for the server, so that
/// what lists have shown survives an update of the policy.
fn key(begin: &str, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_string());
        hash.update(":");
        hash.update(part);
    }
    let hash = hash.finalize();
    [begin, &hex(hash.get(..HASHED).unwrap_or_default())].concat()
}
