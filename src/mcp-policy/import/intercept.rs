//! Policies of the proxy Intercept: YAML with a list of rules for each tool.
//!
//! All rules of a tool apply there as they do here. A rule is a list of conditions, one of which can bound a counter.

mod rule;

use std::rc::Rc;

use mcp_policy_engine::document::Path;

use super::draft::{Draft, Effect};
use crate::input::{File, Node, Value};
use crate::outcome::Failure;
use crate::written::Json;
use rule::Scope;

/// Reads a policy.
///
/// # Errors
/// It is no such policy.
pub fn read(root: &Node, file: &Rc<File>) -> Result<Draft, Failure> {
    let mut draft = Draft::new(file);
    let path = Path::default();
    let Value::Object(members) = &root.value else {
        return Err(draft.failure(root, &path, "must be an object with `version` and `tools`"));
    };
    let is_one = |node: &&Node| matches!(&node.value, Value::Text(text) | Value::Number(text) if text == "1");
    if root.member("version").filter(is_one).is_none() {
        let place = root.member("version").unwrap_or(root);
        return Err(draft.failure(place, &path.key("version"), "must be `\"1\"`"));
    }
    if let Some(text) = root.member("description").and_then(Node::text) {
        draft.head.push(("description".to_owned(), Json::text(text)));
    }
    let denies = default(root, &mut draft)?;
    hidden(root, &mut draft)?;
    if let Some(node) = root.member("tools") {
        tools(node, &path.key("tools"), denies, &mut draft)?;
    }
    for (key, ..) in members {
        if !["version", "description", "default", "hide", "tools"].contains(&key.as_str()) {
            draft.leave_out(&path.key(key), Effect::Words, "Intercept does not know it, and ignores it");
        }
    }
    Ok(draft)
}

/// Reads the default, which is to allow. Returns whether it denies.
fn default(root: &Node, draft: &mut Draft) -> Result<bool, Failure> {
    let path = Path::default().key("default");
    let node = root.member("default");
    let word = match node.map(|node| (node, node.text())) {
        None | Some((_, Some("" | "allow"))) => "allow",
        Some((_, Some("deny"))) => "deny",
        Some((node, _)) => return Err(draft.failure(node, &path, "must be `allow` or `deny`")),
    };
    draft.head.push(("default".to_owned(), Json::text(word)));
    if word == "deny" {
        let what = "Intercept lets resources and prompts through, here the default denies them too: add entries to \
                    `resources` and `prompts`, such as `\"*\": {}`, for those to allow";
        draft.leave_out(&path, Effect::Stricter, what);
    }
    Ok(word == "deny")
}

fn hidden(root: &Node, draft: &mut Draft) -> Result<(), Failure> {
    let Some(node) = root.member("hide") else { return Ok(()) };
    let path = Path::default().key("hide");
    let Value::List(elements) = &node.value else {
        return Err(draft.failure(node, &path, "must be a list of tools"));
    };
    let mut names = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        let path = path.index(index);
        let Some(name) = element.text().filter(|name| !name.trim().is_empty()) else {
            return Err(draft.failure(element, &path, "must be the name of a tool"));
        };
        if name != "*" && name.contains('*') {
            let what = "is the name of one tool there, and a pattern here, so it hides more tools";
            draft.leave_out(&path, Effect::Stricter, what);
        }
        names.push(Json::text(name));
    }
    draft.head.push(("hide".to_owned(), Json::List(names)));
    Ok(())
}

fn tools(node: &Node, path: &Path, denies: bool, draft: &mut Draft) -> Result<(), Failure> {
    let Value::Object(tools) = &node.value else {
        return Err(draft.failure(node, path, "must be an object of tools, each with `rules`"));
    };
    for (name, _, tool) in tools {
        let path = path.key(name);
        if name == "*" {
            draft.all_tools = entry(tool, &path, Scope::All, draft).filter(|entry| *entry != empty());
            continue;
        }
        let read = entry(tool, &path, Scope::Tool(name), draft).unwrap_or_else(empty);
        match (name.contains('*'), denies) {
            (true, true) => {
                let what = "is the name of one tool there, and a pattern here, so it is left out and denied";
                draft.leave_out(&path, Effect::Stricter, what);
            }
            (true, false) if read == empty() => {}
            (true, false) => {
                let what = "is the name of one tool there, and a pattern here, so it restricts more tools";
                draft.leave_out(&path, Effect::Stricter, what);
                draft.tools.push((name.clone(), read));
            }
            (false, _) => draft.tools.push((name.clone(), read)),
        }
    }
    Ok(())
}

fn empty() -> Json {
    Json::Object(Vec::new())
}

/// Reads the rules of a tool; `None` if there are none.
fn entry(tool: &Node, path: &Path, scope: Scope<'_>, draft: &mut Draft) -> Option<Json> {
    let members = match &tool.value {
        Value::Object(members) => members.as_slice(),
        Value::Null => return None,
        _ => return Some(draft.denied(path, "it is not an object with `rules`")),
    };
    for (key, ..) in members.iter().filter(|(key, ..)| key != "rules") {
        draft.leave_out(&path.key(key), Effect::Words, "Intercept does not know it, and ignores it");
    }
    let node = tool.member("rules")?;
    let path = path.key("rules");
    let list = match &node.value {
        Value::List(list) => list,
        Value::Null => return None,
        _ => return Some(draft.denied(&path, "it is not a list of rules")),
    };
    let mut rules = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = path.index(index);
        match rule::read(node, &path, scope, draft) {
            Ok(rule) => rules.extend(rule),
            Err(what) => return Some(draft.denied(&path, &what)),
        }
    }
    if rules.len() > 1 { Some(Json::List(rules)) } else { rules.pop() }
}
