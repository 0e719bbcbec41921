//! Objects of Istio.

use super::Target;
use super::document::{Document, GENERATED, Numbers};
use super::envoy;
use super::module::Module;
use super::place::{Kind, Place, Scope};
use crate::outcome::Failure;
use crate::yaml::{indented, quoted};

/// Writes a `WasmPlugin`.
///
/// # Errors
/// The policy has a number that it cannot hold, or the object cannot be attached there.
pub fn plugin(document: &Document, module: &Module, place: &Place) -> Result<String, Failure> {
    place.expect(&[Kind::Gateway, Kind::Service], "a WasmPlugin")?;
    let (url, sha256) = match module {
        Module::File(path) => (format!("file://{path}"), None),
        Module::Fetched { url, sha256 } => (url.clone(), sha256.as_ref()),
    };
    let sha256 = sha256.map_or(String::new(), |sha256| format!("  sha256: {sha256}\n"));
    let notes = document.comments(Target::Istio, false);
    let (name, object) = (document.object_name(), document.object(4, Numbers::Doubles, false)?);
    let (namespace, scope, url) =
        (&place.namespace, place.members(["selector", "matchLabels"]), quoted(&url));
    let traffic = traffic(place);
    let text = format!(
        r"# mcp-policy-filter as a WasmPlugin of Istio.
{GENERATED}
# Plugins of one proxy share their counters by the policy's `server`: give each server its own name.
{notes}apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: {name}
  namespace: {namespace}
spec:
{scope}  url: {url}
{sha256}  pluginName: mcp_policy
  # There is no `phase` and no `priority`, so it is the last plugin, behind authentication and authorization.
  # While the module cannot be fetched, requests get 403. If it fails, they get 503 until it runs again.
  failStrategy: FAIL_RELOAD
{traffic}  pluginConfig:{object}"
    );
    Ok(text)
}

/// Writes which traffic a plugin sees. What it is attached to has only one kind of traffic.
fn traffic(place: &Place) -> &'static str {
    match (&place.scope, place.is_gateway) {
        (Scope::Object { .. }, _) => "",
        (_, true) => {
            r"  match:
    # What the gateway sends to servers.
    - mode: CLIENT
"
        }
        (_, false) => {
            r"  match:
    # Requests to a sidecar's own server, and not what the server itself sends.
    - mode: SERVER
"
        }
    }
}

/// Writes an `EnvoyFilter`.
///
/// # Errors
/// The object cannot be attached there.
pub fn filter(document: &Document, module: &Module, place: &Place) -> Result<String, Failure> {
    place.expect(&[Kind::Gateway], "an EnvoyFilter, which does not reach waypoints,")?;
    let is_gateway = place.is_gateway || matches!(place.scope, Scope::Object { .. });
    let (proxies, context) = if is_gateway {
        ("a gateway. It does not reach waypoints: they take a WasmPlugin", "GATEWAY")
    } else {
        ("the sidecars of the server's pods", "SIDECAR_INBOUND")
    };
    let (notes, name) = (document.comments(Target::Istio, true), document.object_name());
    let (namespace, scope) = (&place.namespace, place.members(["workloadSelector", "labels"]));
    let filter = format!("{namespace}.{name}");
    let patches = match module {
        Module::File(path) => mounted(document, path, &filter, context),
        Module::Fetched { url, sha256 } => fetched(document, (url, sha256.as_deref()), &filter, context),
    };
    let text = format!(
        r"# mcp-policy-filter as an EnvoyFilter of Istio, for {proxies}.
{GENERATED}
{notes}apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata:
  name: {name}
  namespace: {namespace}
spec:
{scope}  configPatches:
{patches}"
    );
    Ok(text)
}

/// The place of the filter: behind all that authenticates, directly before the router. `filter` is its name, which no
/// other filter of the proxy may have.
fn before_router(filter: &str, context: &str) -> String {
    format!(
        r"    - applyTo: HTTP_FILTER
      match:
        context: {context}
        listener:
          filterChain:
            filter:
              name: envoy.filters.network.http_connection_manager
              subFilter:
                name: envoy.filters.http.router
      patch:
        operation: INSERT_BEFORE
        value:
          name: {filter}
"
    )
}

/// A module that is mounted into the pod.
fn mounted(document: &Document, path: &str, filter: &str, context: &str) -> String {
    let place = before_router(filter, context);
    format!("{place}          typed_config:\n{}", envoy::filter(document, path, 12))
}

/// A module that the agent in the pod fetches. Until then, a filter that refuses everything stands in its place.
fn fetched(document: &Document, (url, sha256): (&str, Option<&str>), filter: &str, context: &str) -> String {
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
    let place = before_router(filter, context);
    format!(
        r"{place}{discovered}    - applyTo: EXTENSION_CONFIG
      match:
        context: {context}
      patch:
        operation: ADD
        value:
          name: {filter}
          typed_config:
{}",
        envoy::wasm("mcp_policy", document, &code, 12)
    )
}
