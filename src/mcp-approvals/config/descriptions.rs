//! Descriptions of tools, for the page of a call. The filter does not know them.

use std::collections::HashMap;

use mcp_policy_engine::json::{self, Value};
use mcp_policy_engine::policy::Pattern;

use super::table::Keys;
use super::{Faults, matches_any};

/// Descriptions of the tools of some servers.
#[derive(Debug, Clone)]
pub struct Description {
    servers: Vec<Pattern>,
    what: Described,
}

#[derive(Debug, Clone)]
enum Described {
    /// One text for all tools that match
    Text { tools: Vec<Pattern>, text: String },
    /// The texts of a server's own list, by tool
    List(HashMap<String, String>),
}

impl Description {
    /// Returns the description of a tool, if this is one.
    #[must_use]
    pub fn of(&self, server: &str, tool: &str) -> Option<&str> {
        if !matches_any(&self.servers, server) {
            return None;
        }
        match &self.what {
            Described::Text { tools, text } => matches_any(tools, tool).then_some(text.as_str()),
            Described::List(list) => list.get(tool).map(String::as_str),
        }
    }
}

/// Reads one entry: either `text`, or `file` with the result of `tools/list`.
pub(super) fn read(
    mut keys: Keys<'_>,
    file: &impl Fn(&str) -> std::io::Result<String>,
    faults: &mut Faults,
) -> Option<Description> {
    let servers = keys.patterns("servers", faults);
    let tools = keys.texts("tools", faults);
    let (text, path) = (keys.text("text", faults), keys.text("file", faults));
    let (place, tools_place) = (keys.place("file"), keys.place("tools"));
    let reported = faults.has(&place) || faults.has(&keys.place("text"));
    let text_place = keys.place("text");
    keys.close(faults);
    let what = match (text, path) {
        (Some(text), None) => {
            let tools = tools.unwrap_or_else(|| vec!["*".to_owned()]);
            Described::Text { tools: tools.iter().map(|tool| Pattern::new(tool)).collect(), text }
        }
        (None, Some(path)) => {
            if tools.is_some() {
                faults.note(&tools_place, "must be absent: the file names its tools");
            }
            let list = file(&path).map_err(|error| format!("cannot be read: {error}"));
            match list.and_then(|text| listed(&text)) {
                Ok(list) => Described::List(list),
                Err(what) => {
                    faults.note(&place, what);
                    return None;
                }
            }
        }
        _ => {
            if !reported {
                faults.note(&text_place, "a description must have either `text` or `file`");
            }
            return None;
        }
    };
    Some(Description { servers, what })
}

/// Returns the descriptions in the result of `tools/list`: the whole answer, its result, or the list alone.
fn listed(text: &str) -> Result<HashMap<String, String>, String> {
    let document = json::read(text.as_bytes()).map_err(|error| format!("is not JSON: {error}"))?;
    let root = document.root();
    let result = root.get("result").unwrap_or(root);
    let tools = result.get("tools").unwrap_or(result);
    let mut list = HashMap::new();
    for tool in tools.elements() {
        let member = |key: &str| tool.get(key).and_then(Value::string);
        if let (Some(name), Some(text)) = (member("name"), member("description")) {
            list.insert(name.into_owned(), text.into_owned());
        }
    }
    match list.is_empty() {
        true => Err("must be the result of `tools/list`, with tools that have a `description`".to_owned()),
        false => Ok(list),
    }
}
