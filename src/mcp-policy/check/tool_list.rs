//! The tools of a server, with what `check` reads of them.

use mcp_policy_engine::document::{Faults, InSchema, Notation, Part, Wrong};
use mcp_policy_engine::json::{Document, Value};
use mcp_policy_engine::schema::Schema;

use crate::listing;

/// A tool of a server.
#[derive(Debug, Clone)]
pub struct Tool<'l> {
    /// Its name
    pub name: String,
    /// The schema of its arguments; `None` if there is none, or if it has no end
    pub schema: Option<Value<'l>>,
}

/// Returns the tools that a server lists.
///
/// # Errors
/// What is not as in the answer to `tools/list`.
pub fn tools<'l>(document: &'l Document<'_>) -> Result<Vec<Tool<'l>>, String> {
    let tool = |(name, value): (String, Value<'l>)| Tool {
        name,
        schema: value.get("inputSchema").filter(|schema| is_bounded(*schema)),
    };
    Ok(listing::elements(document, "tools", "name")?.into_iter().map(tool).collect())
}

/// Returns whether a schema is small and finite once its references are followed. It comes from the server, which may have
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
