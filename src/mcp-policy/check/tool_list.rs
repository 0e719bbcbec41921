//! The tools of a server, from a file.

use mcp_policy_engine::document::{Faults, InSchema, Notation, Part, Position, Wrong};
use mcp_policy_engine::json::{self, Document, Value};
use mcp_policy_engine::schema::Schema;

use crate::input::File;
use crate::outcome::Failure;

/// The answer of a server to `tools/list`, as text that has been read once.
#[derive(Debug)]
pub struct ToolList {
    text: String,
}

/// A tool of a server.
#[derive(Debug, Clone)]
pub struct Tool<'l> {
    /// Its name
    pub name: String,
    /// The schema of its arguments; `None` if there is none, or if it has no end
    pub schema: Option<Value<'l>>,
}

impl ToolList {
    /// Reads a file: the result of `tools/list`, the whole answer to it, or the list alone; `-` is stdin.
    ///
    /// # Errors
    /// The file cannot be read, or is none of these.
    pub fn read(argument: &str) -> Result<Self, Failure> {
        let file = File::read(argument)?;
        Self::new(file.text).map_err(|why| Failure::new(format!("`{}`: {why}", file.name)))
    }

    fn new(text: String) -> Result<Self, String> {
        let document = json::read(text.as_bytes()).map_err(|malformed| {
            let at = Position::of(text.as_bytes(), malformed.at);
            format!("must be JSON, but {} at {at}", malformed.what)
        })?;
        tools(&document)?;
        Ok(Self { text })
    }

    /// Parses the text, which borrows it.
    pub fn document(&self) -> Option<Document<'_>> {
        json::read(self.text.as_bytes()).ok()
    }
}

/// Returns the tools of a list.
///
/// # Errors
/// What is not as in the answer to `tools/list`.
pub fn tools<'l>(document: &'l Document<'_>) -> Result<Vec<Tool<'l>>, String> {
    let root = document.root();
    let (path, list) = match (root.get("result"), root.get("tools")) {
        _ if root.is_array() => ("", root),
        (Some(result), _) => ("result.tools", result.get("tools").unwrap_or(result)),
        (None, Some(list)) => ("tools", list),
        (None, None) => return Err(format!("{NO_LIST}, but has no key `tools`")),
    };
    if !list.is_array() {
        return Err(format!("{NO_LIST}, but `{path}` is {}", list.kind().name()));
    }
    let tool = |(index, value): (usize, Value<'l>)| {
        let name = value.get("name").and_then(Value::string).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| format!("{path}[{index}].name: must be the name of a tool"))?;
        Ok(Tool {
            name: name.into_owned(),
            schema: value.get("inputSchema").filter(|schema| is_bounded(*schema)),
        })
    };
    list.elements().enumerate().map(tool).collect()
}

/// Tells whether a schema is small and finite once its references are followed. It comes from the server, which may have
/// written anything.
fn is_bounded(schema: Value<'_>) -> bool {
    let mut faults = Faults::default();
    Schema::load(&Part::root(schema, Notation::Json), &mut faults);
    let endless = |wrong: &Wrong| {
        matches!(
            wrong,
            Wrong::TooDeep(_)
                | Wrong::Schema(InSchema::Recursive | InSchema::TooHigh | InSchema::TooLarge { .. })
        )
    };
    !faults.iter().any(|fault| endless(&fault.wrong))
}

const NO_LIST: &str = "must be the answer to `tools/list`: an object with a list `tools`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tools_is_read_in_three_forms() {
        for text in [
            r#"{"tools": [{"name": "a", "inputSchema": {}}, {"name": "b"}]}"#,
            r#"{"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "a", "inputSchema": {}}, {"name": "b"}]}}"#,
            r#"[{"name": "a", "inputSchema": {}}, {"name": "b"}]"#,
        ] {
            let list = ToolList::new(text.to_owned()).unwrap();
            let document = list.document().unwrap();
            let tools = tools(&document).unwrap();
            let found: Vec<_> =
                tools.iter().map(|tool| (tool.name.as_str(), tool.schema.is_some())).collect();
            assert_eq!(found, [("a", true), ("b", false)]);
        }
    }

    #[test]
    fn what_is_no_list_of_tools_is_told() {
        for (text, expected) in [
            ("", "must be JSON, but"),
            ("{}", "but has no key `tools`"),
            (r#"{"tools": {}}"#, "but `tools` is an object"),
            (r#"{"result": {}}"#, "but `result.tools` is an object"),
            (r#"{"tools": [{"name": "a"}, {}]}"#, "tools[1].name: must be the name of a tool"),
            (r#"[{"name": ""}]"#, "[0].name: must be"),
        ] {
            let why = ToolList::new(text.to_owned()).unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }
}
