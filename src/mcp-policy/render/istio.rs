//! Objects of Istio.

use super::document::Document;
use super::module::Module;
use super::yaml::{self, indented, quoted};
use super::{Place, Rendered, envoy};
use crate::outcome::Failure;

/// Writes a `WasmPlugin`.
///
/// # Errors
/// The policy has a number that it cannot hold.
pub fn plugin(document: &Document, module: &Module, place: &Place) -> Result<Rendered, Failure> {
    let (url, sha256) = match module {
        Module::File(path) => (format!("file://{path}"), None),
        Module::Fetched { url, sha256 } => (url.clone(), sha256.as_ref()),
    };
    let sha256 = sha256.map_or(String::new(), |sha256| format!("  sha256: {sha256}\n"));
    let (notes, name, object) = (document.comments(false, 0), document.object_name(), document.object(4)?);
    let (namespace, labels, url) = (&place.namespace, labels(place, 6), quoted(&url));
    let text = format!(
        r"# mcp-policy-filter as a WasmPlugin of Istio.
# mcp-policy has made this file from a policy; make it anew when the policy changes.
# Plugins of one proxy share their counters by the policy's `server`: give each server its own name.
{notes}apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: {name}
  namespace: {namespace}
spec:
  selector:
    matchLabels:
{labels}  url: {url}
{sha256}  pluginName: mcp_policy
  # No request passes while the module is missing or fails.
  failStrategy: FAIL_CLOSE
  match:
    # Requests to a sidecar's own server. For a gateway write CLIENT, or a call through both counts twice.
    - mode: SERVER
  pluginConfig:{object}"
    );
    Ok(Rendered { text, checked: None })
}

/// Writes an `EnvoyFilter`.
///
/// # Errors
/// None now.
pub fn filter(document: &Document, module: &Module, place: &Place) -> Result<Rendered, Failure> {
    let (notes, name) = (document.comments(true, 0), document.object_name());
    let (namespace, labels) = (&place.namespace, labels(place, 6));
    let patches = match module {
        Module::File(path) => mounted(document, path),
        Module::Fetched { url, sha256 } => fetched(document, url, sha256.as_deref()),
    };
    let text = format!(
        r"# mcp-policy-filter as an EnvoyFilter of Istio, for the sidecars of the server's pods.
# mcp-policy has made this file from a policy; make it anew when the policy changes.
{notes}apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: {name}
  namespace: {namespace}
spec:
  workloadSelector:
    labels:
{labels}  configPatches:
{patches}"
    );
    Ok(Rendered { text, checked: None })
}

/// The place of the filter: behind all that authenticates, directly before the router.
const BEFORE_ROUTER: &str = r"    - applyTo: HTTP_FILTER
      match:
        # For a gateway write GATEWAY.
        context: SIDECAR_INBOUND
        listener:
          filterChain:
            filter:
              name: envoy.filters.network.http_connection_manager
              subFilter:
                name: envoy.filters.http.router
      patch:
        operation: INSERT_BEFORE
        value:
          name: mcp_policy
";

/// A module that is mounted into the pod.
fn mounted(document: &Document, path: &str) -> String {
    format!("{BEFORE_ROUTER}          typed_config:\n{}", envoy::filter(document, path, 12))
}

/// A module that the agent in the pod fetches. Until then, a filter that refuses everything stands in its place.
fn fetched(document: &Document, url: &str, sha256: Option<&str>) -> String {
    let url = quoted(url);
    let sha256 = sha256.map_or(String::new(), |sha256| format!("  sha256: {sha256}\n"));
    let code = format!("remote:\n  http_uri: {{ uri: {url}, timeout: 30s, cluster: unused }}\n{sha256}");
    let discovered = indented(
        r"config_discovery:
  config_source:
    ads: {}
    resource_api_version: V3
    # The listener waits for the filter: no request passes without it.
    initial_fetch_timeout: 0s
  type_urls:
    - type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    - type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
",
        10,
    );
    format!(
        r"{BEFORE_ROUTER}{discovered}    - applyTo: EXTENSION_CONFIG
      match:
        context: SIDECAR_INBOUND
      patch:
        operation: ADD
        value:
          name: mcp_policy
          typed_config:
{}",
        envoy::wasm(document, &code, 12)
    )
}

/// Returns labels as lines.
pub fn labels(place: &Place, spaces: usize) -> String {
    let line = |(key, value): &(String, String)| format!("{}: {}\n", yaml::name(key), quoted(value));
    indented(&place.labels.iter().map(line).collect::<String>(), spaces)
}
