//! Writes the digests of a server's definitions into a policy in a file.

mod edit;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::rc::Rc;

use mcp_policy_engine::mcp::definition::DefinitionDigest;
use mcp_policy_engine::policy::{Action, Mode, Pattern, Policy};

use super::definitions::{Digest, without_digest};
use super::findings::Target;
use super::offer::Offer;
use crate::input::{self, File, Found, Node, Value};
use crate::outcome::Failure;
use edit::Edits;

/// What became of a tool of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// The policy had this digest
    Same,
    /// The policy had no digest
    New,
    /// The policy had another digest
    Other,
    /// It gets none, and why
    No(String),
}

/// Writes the digests of tools into the policy of a file, and leaves all else in it as it is. Returns what became of each
/// tool, by its name.
///
/// # Errors
/// The file holds more than a policy, or cannot be edited or written. Then nothing is written.
pub fn into_file(
    argument: &str,
    (found, policy): &(Found, Policy),
    digests: &BTreeMap<String, Digest>,
) -> Result<BTreeMap<String, Pinned>, Failure> {
    if argument == "-" {
        return Err(Failure::new("`--pin` writes into the policy, so `--policy` must be a file"));
    }
    if let Some(within) = &found.within {
        return Err(Failure::new(format!(
            "`{argument}` holds more than a policy ({within}): `--pin` needs the policy in a file of its own"
        )));
    }
    let (text, pinned) = pin(found, policy, digests)?;
    if text != found.file.text {
        let name = &found.file.name;
        std::fs::write(name, text).map_err(|error| Failure::of_file("cannot write", name, &error))?;
    }
    Ok(pinned)
}

/// Returns the digest of each tool by its name, or why it has none: a name can be listed with several definitions, too.
pub fn by_name(offer: &Offer, digests: &[Digest]) -> BTreeMap<String, Digest> {
    let mut by_name: BTreeMap<String, Digest> = BTreeMap::new();
    for (tool, digest) in offer.tools.iter().zip(digests) {
        let digest = digest.clone().map_err(|why| without_digest(&why));
        let known = by_name.entry(tool.name.clone()).or_insert_with(|| digest.clone());
        if *known != digest {
            *known = Err("the server lists it with several definitions".to_owned());
        }
    }
    by_name
}

/// Returns the text of a policy's file with the digests in it.
fn pin(
    found: &Found,
    policy: &Policy,
    digests: &BTreeMap<String, Digest>,
) -> Result<(String, BTreeMap<String, Pinned>), Failure> {
    let name = &found.file.name;
    let root = tree(&found.file)?;
    let mut edits = Edits::new(&found.file.text);
    let mut pinned = BTreeMap::new();
    for (tool, digest) in digests {
        let became = match digest {
            Ok(digest) => pin_tool(tool, *digest, (policy, &root), &mut edits).map_err(|why| {
                let tool = Target::Tool(tool.clone()).shown();
                Failure::new(format!("{name}: {tool}: its digest cannot be written, because {why}"))
            })?,
            Err(why) => Pinned::No(why.clone()),
        };
        pinned.insert(tool.clone(), became);
    }
    let text = edits.apply().map_err(|why| Failure::new(format!("{name}: {why}; nothing was written")))?;
    verify(&found.file, &text, policy, digests, &pinned)?;
    Ok((text, pinned))
}

fn tree(file: &Rc<File>) -> Result<Node, Failure> {
    input::tree(file).map_err(|wrong| Failure::new(format!("{}: {}", file.name, wrong.message)))
}

/// Notes the edits for one tool.
fn pin_tool(
    tool: &str,
    digest: DefinitionDigest,
    (policy, root): (&Policy, &Node),
    edits: &mut Edits<'_>,
) -> Result<Pinned, &'static str> {
    let known: Vec<DefinitionDigest> = policy.pins.of_tool(tool).map(|(_, pin)| pin.digest).collect();
    for entry in entries(root, tool) {
        for definition in definitions(entry) {
            edits.replace(definition, digest);
        }
    }
    let own = member(root, "tools").and_then(|tools| member(tools, tool));
    let Some(entry) = own.filter(|_| Pattern::new(tool).is_exact()) else {
        return Ok(match known.as_slice() {
            [] => Pinned::No("the policy has no entry with its name".to_owned()),
            _ => compared(&known, digest),
        });
    };
    if !definitions(entry).is_empty() {
        return Ok(compared(&known, digest));
    }
    if denies(policy, tool) {
        return Ok(Pinned::No("the policy denies it".to_owned()));
    }
    edits.add(entry, digest)?;
    Ok(Pinned::New)
}

/// Tells whether a policy denies every call of a tool by its name or a pattern.
pub fn denies(policy: &Policy, tool: &str) -> bool {
    let mut rules = policy.rules.tools.get(tool).into_iter().flatten();
    rules.any(|rule| rule.action == Action::Deny && rule.mode == Mode::Enforce && rule.when.is_empty())
}

fn compared(known: &[DefinitionDigest], digest: DefinitionDigest) -> Pinned {
    if known.iter().all(|known| *known == digest) { Pinned::Same } else { Pinned::Other }
}

/// Returns the entries of a tool: the document's and those of the grants.
fn entries<'n>(root: &'n Node, tool: &str) -> Vec<&'n Node> {
    let grants = match member(root, "grants").map(|grants| &grants.value) {
        Some(Value::List(grants)) => grants.as_slice(),
        _ => &[],
    };
    let of = |layer: &'n Node| member(layer, "tools").and_then(|tools| member(tools, tool));
    std::iter::once(root).chain(grants).filter_map(of).collect()
}

/// Returns the digests that the rules of an entry have.
fn definitions(entry: &Node) -> Vec<&Node> {
    let rules = match &entry.value {
        Value::List(rules) => rules.iter().collect(),
        _ => vec![entry],
    };
    rules.into_iter().filter_map(|rule| member(rule, "definition")).collect()
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Object(members) = &node.value else { return None };
    members.iter().find(|(known, _, _)| known == key).map(|(_, _, value)| value)
}

/// Makes sure that the new text is the same policy but for the digests.
fn verify(
    file: &Rc<File>,
    text: &str,
    before: &Policy,
    digests: &BTreeMap<String, Digest>,
    pinned: &BTreeMap<String, Pinned>,
) -> Result<(), Failure> {
    let failed = |why: &str| {
        let name = &file.name;
        Failure::new(format!(
            "{name}: the digests cannot be written into this file: {why}; nothing was written. Write the tools' entries \
             without anchors, aliases and tags"
        ))
    };
    let edited = Rc::new(File { name: file.name.clone(), text: text.to_owned() });
    let found = input::policies_of(&edited)?;
    let [found] = found.as_slice() else { return Err(failed("it would not be one policy")) };
    if let Some(problem) = found.problems.first() {
        return Err(failed(&problem.message));
    }
    let policy = found.policy().map_err(|faults| failed(&faults.to_string()))?;
    let holds = |policy: &Policy, tool: &str, digest: Option<DefinitionDigest>| {
        policy.pins.of_tool(tool).map(|(_, pin)| pin.digest).eq(digest)
    };
    for (tool, became) in pinned {
        let digest = digests.get(tool).and_then(|digest| digest.as_ref().ok().copied());
        if !matches!(became, Pinned::No(_)) && !holds(&policy, tool, digest) {
            return Err(failed(&format!("`{tool}` would have another digest")));
        }
    }
    let others = |policy: &Policy| -> Vec<_> {
        let untouched = |tool: &str| matches!(pinned.get(tool), None | Some(Pinned::No(_)));
        let pins = policy.pins.iter().filter(|pin| untouched(&pin.tool));
        pins.map(|pin| (pin.tool.clone(), pin.digest)).collect()
    };
    let (old, new) = (tree(file)?, tree(&edited)?);
    if others(before) != others(&policy) || without_definitions(&old) != without_definitions(&new) {
        return Err(failed("something else in it would change"));
    }
    Ok(())
}

/// Returns a policy as text, without its digests and the rules that hold nothing else.
fn without_definitions(root: &Node) -> String {
    fn write(node: &Node, out: &mut String) {
        match &node.value {
            Value::Object(members) => {
                out.push('{');
                for (key, _, value) in members.iter().filter(|(key, _, _)| key != "definition") {
                    out.push_str(&format!("{key:?}:"));
                    write(value, out);
                    out.push(',');
                }
                out.push('}');
            }
            Value::List(elements) => {
                let kept: Vec<&Node> = elements.iter().filter(|element| !is_pin(element)).collect();
                // A list of one rule means the same as the rule.
                if let [only] = kept.as_slice() {
                    return write(only, out);
                }
                out.push('[');
                for element in kept {
                    write(element, out);
                    out.push(',');
                }
                out.push(']');
            }
            other => out.push_str(&format!("{other:?}")),
        }
    }
    let mut out = String::new();
    write(root, &mut out);
    out
}

/// Tells whether a rule holds a digest and nothing else.
fn is_pin(rule: &Node) -> bool {
    matches!(&rule.value, Value::Object(members) if matches!(members.as_slice(), [(key, _, _)] if key == "definition"))
}
