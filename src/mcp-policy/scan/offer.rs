//! What a server offers: its tools, resources and prompts.

mod read;
mod value;
mod write;

use serde_json::{Map, Value};

pub use read::{Kind, add_page};
pub use value::{Beyond, with_zeros};
pub use write::document;

/// Everything that a server lists.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// The server's name
    pub server: Option<String>,
    /// The server's version
    pub version: Option<String>,
    /// What the server tells models about itself
    pub instructions: Option<String>,
    /// The definitions of the tools are complete, as the server sent them
    pub verbatim: bool,
    /// Its tools, in the server's order
    pub tools: Vec<Tool>,
    /// Its resources
    pub resources: Vec<Item>,
    /// Its templates of resources
    pub templates: Vec<Item>,
    /// Its prompts
    pub prompts: Vec<Item>,
    /// The kinds of lists that are known, empty ones too
    pub listed: Vec<Kind>,
    /// The lists that the server says it has and does not give, each with what it says instead
    pub unlisted: Vec<(&'static str, String)>,
}

/// A tool, as `tools/list` describes it.
#[derive(Debug, Clone, Default)]
pub struct Tool {
    /// The name that calls use
    pub name: String,
    /// What it does, for models; empty if the server does not say
    pub description: String,
    /// `annotations.readOnlyHint`
    pub read_only: Option<bool>,
    /// `annotations.destructiveHint`
    pub destructive: Option<bool>,
    /// The schema of its arguments; empty if the server gives none
    pub schema: Map<String, Value>,
    /// The whole definition
    pub whole: Value,
    /// The text of the definition, with every number and key as the server sent it
    pub sent: String,
    /// A number in it that cannot be held, so that nothing judges the tool
    pub beyond: Option<Beyond>,
}

impl Offer {
    /// Returns a number that cannot be held, in a definition of the tool with this name.
    pub fn beyond(&self, tool: &str) -> Option<&Beyond> {
        self.tools.iter().filter(|known| known.name == tool).find_map(|known| known.beyond.as_ref())
    }
}

/// A resource, a template or a prompt.
#[derive(Debug, Clone, Default)]
pub struct Item {
    /// The URI, the template of URIs, or the prompt's name
    pub name: String,
    /// The whole definition
    pub whole: Value,
}

impl Tool {
    /// Iterates over the parameters: their names and schemas.
    pub fn parameters(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    }

    /// Returns whether each call must have this parameter.
    pub fn requires(&self, parameter: &str) -> bool {
        let required = self.schema.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(parameter)))
    }
}
