//! The filter alone, for a file that Envoy watches.

use super::document::{Document, GENERATED};
use super::envoy;
use super::module::Module;
use crate::outcome::Failure;

/// Writes the file.
///
/// # Errors
/// The module is not a file.
pub fn render(document: &Document, module: &Module) -> Result<String, Failure> {
    let notes: String = document
        .notes(super::Target::EnvoyFile, true)
        .iter()
        .map(|note| format!("# Note: {note}.\n"))
        .collect();
    let filter = envoy::filter(document, module.file("Envoy")?, 6);
    Ok(format!(
        r#"# mcp-policy-filter, for a filter `mcp_policy` with `config_discovery` that names this file in `path_config_source`.
# Move a new version over this file: Envoy does not notice a file that is written in place.
{GENERATED}
{notes}resources:
  - "@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: mcp_policy
    typed_config:
{filter}"#
    ))
}
