//! Files of definitions: the tools that a policy was written for, as names and digests.

use std::collections::BTreeMap;

use mcp_policy_engine::json;
use mcp_policy_engine::mcp::definition::DefinitionDigest;
use serde::Deserialize;

use super::drift::{Change, Drift};
use super::findings::Target;
use super::layout::Json;
use super::offer::{Offer, Tool};
use crate::input::File;
use crate::outcome::Failure;

/// What a file of definitions holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
    /// The package, or what the server calls itself
    #[serde(default, rename = "package")]
    _package: Option<String>,
    /// The package's version, or the server's
    #[serde(default, rename = "version")]
    _version: Option<String>,
    tools: Vec<Definition>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    name: String,
    digest: String,
}

/// The digest of a tool's definition, or why it has none.
pub type Digest = Result<DefinitionDigest, String>;

/// Returns the digests of an offer's tools, in its order. `None` if the definitions are not known as the server sent them.
pub fn digests(offer: &Offer) -> Option<Vec<Digest>> {
    offer.verbatim.then(|| offer.tools.iter().map(digest).collect())
}

fn digest(tool: &Tool) -> Digest {
    let document = json::read(tool.sent.as_bytes()).map_err(|wrong| wrong.to_string())?;
    match document.duplicate() {
        Some(_) => Err("a key stands twice in it".to_owned()),
        None => DefinitionDigest::of(document.root()).map_err(|why| why.to_string()),
    }
}

/// Says that a definition has no digest, and why.
pub fn without_digest(why: &str) -> String {
    format!("its definition has no digest, because {why}")
}

/// Writes the definitions of an offer. `package` is `NAME@VERSION`; without it, the server's own name and version are
/// written.
///
/// # Errors
/// A definition has no digest: the tool, and why.
pub fn document(offer: &Offer, digests: &[Digest], package: Option<&str>) -> Result<Json, Failure> {
    let (name, version) = match package.and_then(|package| package.rsplit_once('@')) {
        Some((name, version)) => (Some(name.to_owned()), Some(version.to_owned())),
        None => (offer.server.clone(), offer.version.clone()),
    };
    let mut members = Vec::new();
    for (key, value) in [("package", name), ("version", version)] {
        members.extend(value.map(|value| (key.to_owned(), Json::text(value))));
    }
    let mut tools = Vec::new();
    for (tool, digest) in offer.tools.iter().zip(digests) {
        let digest = digest.as_ref().map_err(|why| {
            let tool = Target::Tool(tool.name.clone()).shown();
            Failure::new(format!("{tool}: {}", without_digest(why)))
        })?;
        tools.push((&tool.name, digest));
    }
    tools.sort();
    let tools = tools.into_iter().map(|(name, digest)| {
        Json::object([("name", Json::text(name.as_str())), ("digest", Json::text(digest.to_string()))])
    });
    members.push(("tools".to_owned(), Json::List(tools.collect())));
    Ok(Json::Table(members))
}

impl Definitions {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not such a file: the place, and what would be right.
    pub fn read(argument: &str) -> Result<Self, Failure> {
        let file = File::read(argument)?;
        let name = &file.name;
        let read: Self = serde_json::from_str(&file.text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or(&text);
            Failure::new(format!(
                "{name}:{line}:{column}: {text}; `scan SOURCE --write-definitions FILE` writes such a file"
            ))
        })?;
        for (index, tool) in read.tools.iter().enumerate() {
            // Programs that write such files agree on the case of digits.
            let read = DefinitionDigest::parse(&tool.digest);
            if read.is_none_or(|digest| digest.to_string() != tool.digest) {
                return Err(Failure::new(format!(
                    "{name}: tools[{index}].digest: must be `sha256:` and 64 digits of `0`–`9` and `a`–`f`"
                )));
            }
        }
        Ok(read)
    }

    /// Compares an offer, whose tools have these digests, with the definitions.
    pub fn compare(&self, offer: &Offer, digests: &[Digest]) -> Vec<Drift> {
        let digests = digests.iter().map(|digest| digest.as_ref().ok().copied());
        let now = by_name(offer.tools.iter().map(|tool| tool.name.as_str()).zip(digests));
        let tools = self.tools.iter().map(|tool| (tool.name.as_str(), DefinitionDigest::parse(&tool.digest)));
        let then = by_name(tools.filter(|(_, digest)| digest.is_some()));
        let mut drift = Vec::new();
        let mut add = |change, name: &str, message: &str| {
            drift.push(Drift { change, target: Target::Tool(name.to_owned()), message: message.to_owned() });
        };
        for (name, digests) in &now {
            match then.get(name) {
                None => add(Change::New, name, "the definitions do not have it"),
                Some(before) if before != digests => {
                    add(Change::Changed, name, "its definition has another digest");
                }
                Some(_) => {}
            }
        }
        for name in then.keys().filter(|name| !now.contains_key(*name)) {
            add(Change::Gone, name, "the server no longer has it");
        }
        drift
    }
}

/// Gathers digests by name, `None` for a definition without one. A server can list a name twice.
fn by_name<'t>(
    tools: impl Iterator<Item = (&'t str, Option<DefinitionDigest>)>,
) -> BTreeMap<&'t str, Vec<Option<DefinitionDigest>>> {
    let mut gathered: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, digest) in tools {
        gathered.entry(name).or_default().push(digest);
    }
    gathered.values_mut().for_each(|digests| digests.sort_unstable());
    gathered
}
