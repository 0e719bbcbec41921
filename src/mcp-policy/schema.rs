//! `mcp-policy schema`: the JSON Schema of policy documents, for editors and other tools.
//!
//! It is made from the tables of keys that the filter reads by, so both change together. What the tables do not say,
//! such as which patterns overlap, no schema can say either: `mcp-policy check` finds that.

mod arguments;
mod beyond;
mod objects;
mod takes;

use clap::Args;
use mcp_policy_engine::policy::keys;
use serde_json::{Map, Value, json};

use crate::outcome::{Failure, Outcome};
use crate::terminal::{Terminal, line};

/// The schema's own name. Editors may keep it, so it changes only with the version of the document.
const ID: &str = "https://mcp-policy.dev/schemas/policy-1.json";

/// The options of `schema`.
#[derive(Debug, Args)]
#[command(after_long_help = "The schema (JSON Schema 2020-12) names every key of a policy and \
                  what belongs there, so an editor can complete keys, explain them and mark faults. It finds most faults, \
                  `mcp-policy check` finds all of them.\n\nVS Code takes it from a file, for JSON by the setting \
                  `json.schemas`, for YAML by `yaml.schemas` of the YAML extension:\n\n  \
                  mcp-policy schema > policy.schema.json")]
pub struct Options {}

/// Runs the command.
///
/// # Errors
/// None.
pub fn run(_options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    line!(terminal, "{:#}", document());
    Ok(Outcome::Clean)
}

/// Returns the schema.
pub fn document() -> Value {
    let mut definitions: Map<String, Value> = keys::OBJECTS
        .iter()
        .map(|(object, notes)| (objects::name(object).to_owned(), objects::schema(object, notes)))
        .collect();
    definitions.insert(arguments::NAME.to_owned(), arguments::schema());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Policy of mcp-policy-filter",
        "description": "What agents may do with the tools, resources and prompts of one MCP server.",
        "$ref": objects::reference(&keys::DOCUMENT),
        "$defs": definitions,
    })
}
