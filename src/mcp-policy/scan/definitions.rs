//! Files of definitions: the tools that a policy was written for, as names and digests.

use std::collections::BTreeMap;

use mcp_policy_engine::json;
use mcp_policy_engine::json::canonical::Canonical;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::drift::{Change, Drift};
use super::findings::Target;
use super::layout::Json;
use super::offer::{Offer, Tool};
use crate::input::File;
use crate::outcome::Failure;

/// How a digest begins.
const PREFIX: &str = "sha256:";

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

/// Returns the digests of an offer's tools, in its order: `sha256:` and the SHA-256 of the RFC 8785 form of the tool's
/// object in `tools/list` without `_meta`, in 64 hexadecimal digits. `None` if the definitions are not known as the server
/// sent them.
///
/// # Errors
/// A definition has no such form, because it nests too deep.
pub fn digests(offer: &Offer) -> Result<Option<Vec<String>>, Failure> {
    if !offer.verbatim {
        return Ok(None);
    }
    offer.tools.iter().map(digest).collect::<Result<_, _>>().map(Some)
}

fn digest(tool: &Tool) -> Result<String, Failure> {
    let mut definition = tool.whole.clone();
    if let Some(members) = definition.as_object_mut() {
        members.remove("_meta");
    }
    let text = definition.to_string();
    let document = json::read(text.as_bytes()).map_err(|malformed| {
        Failure::new(format!(
            "{}: its definition has no digest: {}",
            Target::Tool(tool.name.clone()).shown(),
            malformed.what
        ))
    })?;
    let hash = Sha256::digest(Canonical::of(document.root()).into_text());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{PREFIX}{hex}"))
}

/// Writes the definitions of an offer. `package` is `NAME@VERSION`; without it, the server's own name and version are
/// written.
pub fn document(offer: &Offer, digests: &[String], package: Option<&str>) -> Json {
    let (name, version) = match package.and_then(|package| package.rsplit_once('@')) {
        Some((name, version)) => (Some(name.to_owned()), Some(version.to_owned())),
        None => (offer.server.clone(), offer.version.clone()),
    };
    let mut members = Vec::new();
    for (key, value) in [("package", name), ("version", version)] {
        members.extend(value.map(|value| (key.to_owned(), Json::text(value))));
    }
    let mut tools: Vec<_> = offer.tools.iter().map(|tool| &tool.name).zip(digests).collect();
    tools.sort();
    let tools = tools.into_iter().map(|(name, digest)| {
        Json::object([("name", Json::text(name.as_str())), ("digest", Json::text(digest.as_str()))])
    });
    members.push(("tools".to_owned(), Json::List(tools.collect())));
    Json::Table(members)
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
            let hex = tool.digest.strip_prefix(PREFIX).unwrap_or_default();
            let fits = hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !fits {
                return Err(Failure::new(format!(
                    "{name}: tools[{index}].digest: must be `{PREFIX}` and 64 digits of `0`–`9` and `a`–`f`"
                )));
            }
        }
        Ok(read)
    }

    /// Compares an offer, whose tools have these digests, with the definitions.
    pub fn compare(&self, offer: &Offer, digests: &[String]) -> Vec<Drift> {
        let now = by_name(offer.tools.iter().map(|tool| tool.name.as_str()).zip(digests));
        let then = by_name(self.tools.iter().map(|tool| (tool.name.as_str(), &tool.digest)));
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

/// Gathers digests by name. A server can list a name twice.
fn by_name<'t>(tools: impl Iterator<Item = (&'t str, &'t String)>) -> BTreeMap<&'t str, Vec<&'t String>> {
    let mut gathered: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, digest) in tools {
        gathered.entry(name).or_default().push(digest);
    }
    gathered.values_mut().for_each(|digests| digests.sort());
    gathered
}
