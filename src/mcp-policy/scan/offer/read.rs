//! Reads the pages of lists.

use mcp_policy_engine::json;
use serde_json::{Map, Value};

use super::{Item, Offer, Tool, value};

/// A kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `tools/list`
    Tools,
    /// `resources/list`
    Resources,
    /// `resources/templates/list`
    Templates,
    /// `prompts/list`
    Prompts,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Tools, Self::Resources, Self::Templates, Self::Prompts];

    /// Returns the member of a result that holds the list.
    pub fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// Returns the member of an element that names it.
    fn identity(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
        }
    }
}

/// Adds the elements of one page: a list as JSON text, which stands at `path`.
///
/// # Errors
/// What is wrong with the page, with its path.
pub fn add_page(offer: &mut Offer, kind: Kind, list: &str, path: &str) -> Result<(), String> {
    let sent = json::read(list.as_bytes()).map_err(|wrong| format!("{path}: cannot be read: {wrong}"))?;
    if !sent.root().is_array() {
        return Err(format!("{path}: must be a list, found {}", sent.root().kind().name()));
    }
    if !offer.listed.contains(&kind) {
        offer.listed.push(kind);
    }
    for (index, sent) in sent.root().elements().enumerate() {
        let path = format!("{path}[{index}]");
        let (element, beyond) =
            value::read(sent).map_err(|error| format!("{path}: cannot be read: {error}"))?;
        let members = element
            .as_object()
            .ok_or_else(|| format!("{path}: must be an object, found {}", what(&element)))?;
        let name = match members.get(kind.identity()) {
            Some(Value::String(name)) if !name.is_empty() => name.clone(),
            Some(Value::String(_)) => return Err(format!("{path}.{}: must not be empty", kind.identity())),
            Some(other) => {
                return Err(format!("{path}.{}: must be a string, found {}", kind.identity(), what(other)));
            }
            None => return Err(format!("{path}: has no `{}`", kind.identity())),
        };
        match kind {
            Kind::Tools => {
                let tool = tool(name, members, (&element, sent.raw()), &path)?;
                offer.tools.push(Tool { beyond, ..tool });
            }
            Kind::Resources => offer.resources.push(Item { name, whole: element }),
            Kind::Templates => offer.templates.push(Item { name, whole: element }),
            Kind::Prompts => offer.prompts.push(Item { name, whole: element }),
        }
    }
    Ok(())
}

fn tool(
    name: String,
    members: &Map<String, Value>,
    (whole, sent): (&Value, &str),
    path: &str,
) -> Result<Tool, String> {
    let text = |key: &str| match members.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("{path}.{key}: must be a string, found {}", what(other))),
    };
    let object = |key: &str| match members.get(key) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(other) => Err(format!("{path}.{key}: must be an object, found {}", what(other))),
    };
    let annotations = object("annotations")?;
    let hint = |key: &str| match annotations.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => {
            Err(format!("{path}.annotations.{key}: must be `true` or `false`, found {}", what(other)))
        }
    };
    Ok(Tool {
        name,
        description: text("description")?,
        read_only: hint("readOnlyHint")?,
        destructive: hint("destructiveHint")?,
        schema: object("inputSchema")?,
        whole: whole.clone(),
        sent: sent.to_owned(),
        beyond: None,
    })
}

/// Says what a value is.
pub fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
