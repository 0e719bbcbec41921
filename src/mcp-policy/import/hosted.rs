//! Policies of `PolicyLayer`'s hosted gateway: JSON in the form from which the filter's own form descends.

use std::rc::Rc;

use mcp_policy_engine::document::Path;

use super::draft::{Draft, Effect};
use crate::input::{File, Node, Value};
use crate::outcome::Failure;
use crate::written::Json;

/// Keys that say something about the document and decide nothing.
const ABOUT: [&str; 7] = ["$schema", "id", "name", "created_at", "updated_at", "createdAt", "updatedAt"];
/// Keys that mean the same here.
const SAME: [&str; 4] = ["description", "default", "hide", "all_tools"];

/// The keys of a document that it shares with the filter's own.
pub const KEYS: [&str; 6] = ["version", "description", "default", "hide", "all_tools", "tools"];

/// Reads a policy.
///
/// # Errors
/// It is no such policy, or a part outside the tools has no equivalent.
pub fn read(root: &Node, file: &Rc<File>) -> Result<Draft, Failure> {
    let mut draft = Draft::new(file);
    let path = Path::default();
    let Value::Object(members) = &root.value else {
        return Err(draft.failure(root, &path, "must be an object with `version`, `default` and `tools`"));
    };
    let version = root.member("version").and_then(Node::text);
    if version != Some("1") {
        let place = root.member("version").unwrap_or(root);
        return Err(draft.failure(place, &path.key("version"), "must be `\"1\"`"));
    }
    for (key, _, value) in members {
        let path = path.key(key);
        match key.as_str() {
            "version" => {}
            "all_tools" => draft.all_tools = Some(Json::of_node(value)),
            "tools" => tools(value, &path, root, &mut draft)?,
            known if SAME.contains(&known) => draft.head.push((key.clone(), Json::of_node(value))),
            known if ABOUT.contains(&known) => {
                draft.leave_out(&path, Effect::Words, "decides nothing, and has no place in a policy");
            }
            _ => {
                let wrong = "is not known here, and may restrict something: remove it if it does not";
                return Err(draft.failure(value, &path, wrong));
            }
        }
    }
    Ok(draft)
}

fn tools(node: &Node, path: &Path, root: &Node, draft: &mut Draft) -> Result<(), Failure> {
    let Value::Object(tools) = &node.value else {
        return Err(draft.failure(node, path, "must be an object of tools"));
    };
    let denies = root.member("default").and_then(Node::text) != Some("allow");
    for (name, _, tool) in tools {
        let path = path.key(name);
        // There it is the name of one tool. Here it is a pattern, which would allow more.
        if name.contains('*') && denies {
            let what = "is the name of one tool there, and a pattern here, so it is left out and denied";
            draft.leave_out(&path, Effect::Stricter, what);
            continue;
        }
        if name.contains('*') {
            let what = "is the name of one tool there, and a pattern here, so it restricts more tools";
            draft.leave_out(&path, Effect::Stricter, what);
        }
        draft.tools.push((name.clone(), Json::of_node(tool)));
    }
    Ok(())
}
