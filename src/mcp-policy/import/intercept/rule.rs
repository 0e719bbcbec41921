//! One rule of Intercept's.

mod argument;
mod counter;

use mcp_policy_engine::document::Path;

use counter::State;

use crate::import::draft::{Draft, Effect};
use crate::input::{Node, Value};
use crate::written::Json;

/// Whose rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'n> {
    /// That of one tool
    Tool(&'n str),
    /// That of all tools
    All,
}

/// Reads a rule. Returns `None` if it restricts nothing.
///
/// # Errors
/// What of it has no equivalent, in words.
pub fn read(node: &Node, path: &Path, scope: Scope<'_>, draft: &mut Draft) -> Result<Option<Json>, String> {
    let Value::Object(members) = &node.value else { return Err("it is not an object".to_owned()) };
    const KEYS: [&str; 6] = ["name", "action", "rate_limit", "conditions", "on_deny", "state"];
    for (key, ..) in members.iter().filter(|(key, ..)| !KEYS.contains(&key.as_str())) {
        draft.leave_out(&path.key(key), Effect::Words, "Intercept does not know it, and ignores it");
    }
    let text = |key| node.member(key).and_then(Node::text).filter(|text| !text.is_empty());
    let (name, reason) = (text("name"), text("on_deny"));
    let action = node.member("action").map_or(Ok("evaluate"), |action| action.text().ok_or(()));
    let rule = match (action, text("rate_limit")) {
        (Ok("deny"), None) if node.member("conditions").is_none_or(is_empty) => {
            Rule { denies: true, ..Rule::default() }
        }
        (Ok("evaluate" | ""), Some(rate)) => {
            if ["conditions", "state"].iter().any(|key| node.member(key).is_some()) {
                return Err(
                    "it has `rate_limit` beside `conditions` or `state`, which Intercept refuses".to_owned()
                );
            }
            Rule { limits: vec![counter::rate(rate, scope)?], ..Rule::default() }
        }
        (Ok("evaluate" | ""), None) if node.member("rate_limit").is_none() => {
            conditions(node, path, scope, name, draft)?
        }
        _ => return Err("its `action` or its `rate_limit` is not one that Intercept takes".to_owned()),
    };
    // A name that is told nowhere is lost.
    if let Some(name) = name.filter(|_| reason.is_some() && rule.require.is_empty()) {
        let what = format!("the name `{name}` is left out, because a rule has no name here");
        draft.leave_out(&path.key("name"), Effect::Words, what);
    }
    Ok(rule.into_json(reason.or(name)))
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, Value::Null) || matches!(&node.value, Value::List(list) if list.is_empty())
}

/// What a rule consists of.
#[derive(Debug, Default)]
struct Rule {
    denies: bool,
    require: Vec<Json>,
    limits: Vec<Json>,
}

impl Rule {
    fn into_json(self, reason: Option<&str>) -> Option<Json> {
        if !self.denies && self.require.is_empty() && self.limits.is_empty() {
            return None;
        }
        let mut members = Vec::new();
        let mut add =
            |key: &str, value: Option<Json>| members.extend(value.map(|value| (key.to_owned(), value)));
        add("action", self.denies.then(|| Json::text("deny")));
        add("reason", reason.map(Json::text));
        add("require", Some(Json::List(self.require)).filter(|list| *list != Json::List(Vec::new())));
        add("limits", Some(Json::List(self.limits)).filter(|list| *list != Json::List(Vec::new())));
        Some(Json::Object(members))
    }
}

/// Reads the conditions of a rule, those on its own counter as a limit.
fn conditions(
    node: &Node,
    path: &Path,
    scope: Scope<'_>,
    name: Option<&str>,
    draft: &mut Draft,
) -> Result<Rule, String> {
    let list = match node.member("conditions").map(|node| &node.value) {
        Some(Value::List(list)) if !list.is_empty() => list,
        _ => return Err("it has no conditions, so Intercept refuses it".to_owned()),
    };
    let state = node.member("state").map(|state| State::read(state, scope)).transpose()?;
    let mut rule = Rule::default();
    let mut bounds = Vec::new();
    for condition in list {
        let path = condition.member("path").and_then(Node::text).unwrap_or_default();
        if path.starts_with("state.") {
            let own = state.as_ref().filter(|state| state.path == path);
            let Some(_) = own else { return Err(format!("`{path}` is not a counter of the rule itself")) };
            bounds.push(counter::bound(condition)?);
        } else {
            rule.require.push(argument::condition(condition, name)?);
        }
    }
    match (state, bounds.into_iter().min()) {
        (Some(state), Some(max)) => rule.limits.push(state.limit(max)?),
        (Some(state), None) => {
            let what = format!("`{}` bounds nothing, so it is left out", state.path);
            draft.leave_out(&path.key("state"), Effect::Words, what);
        }
        (None, _) => {}
    }
    Ok(rule)
}
