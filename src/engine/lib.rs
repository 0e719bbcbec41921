//! The policy engine: reads MCP messages strictly, judges them under a policy, and counts them.
//!
//! The engine is pure: time, randomness, the store and the proxy are arguments. [`json`] reads text,
//! [`mcp`] knows the protocol, [`policy`] holds the document, [`schema`] what it says of arguments, [`decide`]
//! judges, [`approval`] words the question to a person, [`limit`] counts, and [`guard`] takes one request
//! through all of them.

pub mod approval;
pub mod audit;
pub mod decide;
pub mod denial;
pub mod guard;
pub mod identity;
pub mod json;
pub mod limit;
pub mod mcp;
pub mod policy;
pub mod schema;
pub mod text;
