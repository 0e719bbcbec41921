//! The policy engine: reads MCP messages strictly, applies a policy to them, and counts calls against limits.
//!
//! The engine is pure: time, randomness, the store and the proxy are arguments.
//!
//! - [`json`] parses JSON text. [`text`] writes numbers and bytes, and folds letters. [`regex`] searches text, and [`work`] bounds the work of
//!   judging a request.
//! - [`mcp`] implements the protocol. [`denial`] says why a request is refused.
//! - [`document`] reads policy documents and reports their faults.
//! - [`policy`] is the model of a valid policy; [`schema`] validates arguments.
//! - [`identity`] identifies the caller.
//! - [`decide`] applies the rules to a call.
//! - [`approval`] writes questions to the approval service and reads its answers.
//! - [`limit`] counts. [`rate_limit`] writes questions to the rate limit service, which counts for several proxies, and
//!   reads its answers.
//! - [`audit`] writes the record.
//! - [`guard`] takes one request through all of these.

pub mod approval;
pub mod audit;
pub mod decide;
pub mod denial;
pub mod document;
pub mod guard;
pub mod identity;
pub mod json;
pub mod limit;
pub mod mcp;
pub mod policy;
pub mod rate_limit;
pub mod regex;
pub mod schema;
pub mod text;
pub mod work;
