//! Objects of Envoy Gateway.

use super::Target;
use super::document::{Document, GENERATED, Numbers};
use super::module::Module;
use super::place::{Kind, Place, Scope, is_name, lines};
use crate::outcome::Failure;
use crate::yaml::{indented, quoted};

/// The listener of a gateway, for a policy that holds headers back.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'a> {
    gateway: &'a str,
    name: &'a str,
    /// Envoy Gateway makes a second listener for HTTP/3
    has_http3: bool,
}

impl<'a> Listener<'a> {
    /// Reads `GATEWAY/LISTENER`. The listener may serve HTTP/3 too.
    ///
    /// # Errors
    /// It is something else.
    pub fn read(text: &'a str, has_http3: bool) -> Result<Self, Failure> {
        text.split_once('/')
            .filter(|(gateway, name)| is_name(gateway) && is_name(name))
            .map(|(gateway, name)| Self { gateway, name, has_http3 })
            .ok_or_else(|| {
                Failure::new(format!("--hold `{text}` is not a `GATEWAY/LISTENER` such as `mcp/https`"))
            })
    }
}

/// Writes an `EnvoyExtensionPolicy`, and an `EnvoyPatchPolicy` for a listener whose filter is to hold headers back.
///
/// # Errors
/// The module is a file, the policy has a number that the object cannot hold, or it cannot be attached there.
pub fn render(
    document: &Document,
    module: &Module,
    place: &Place,
    hold: Option<Listener<'_>>,
) -> Result<String, Failure> {
    place.expect(&[Kind::HttpRoute, Kind::Gateway], "an EnvoyExtensionPolicy")?;
    let Module::Fetched { url, sha256 } = module else {
        return Err(Failure::new(
            "--module is needed: Envoy Gateway fetches the module, from `oci://…` or `https://…`",
        ));
    };
    let (code, url) = match url.strip_prefix("oci://") {
        Some(image) => ("type: Image\n        image", image),
        None => ("type: HTTP\n        http", url.as_str()),
    };
    let url = quoted(url);
    let sha256 = sha256.as_ref().map_or(String::new(), |sha256| format!("          sha256: {sha256}\n"));
    let notes = document.comments(Target::EnvoyGateway, hold.is_some());
    let (name, object) = (document.object_name(), document.object(8, Numbers::Integers, hold.is_some())?);
    let (namespace, scope) = (&place.namespace, scope(&place.scope, place));
    let patch = hold.map(|listener| patch(&name, namespace, listener)).unwrap_or_default();
    let text = format!(
        r"# mcp-policy-filter as an EnvoyExtensionPolicy of Envoy Gateway.
{GENERATED}
{notes}apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata:
  name: {name}
  namespace: {namespace}
spec:
{scope}  wasm:
    - name: mcp_policy
      rootID: mcp_policy
      # While the module cannot be fetched, requests get 500. If it fails, they get 503.
      failOpen: false
      code:
        {code}:
          url: {url}
{sha256}      config:{object}{patch}"
    );
    Ok(text)
}

fn scope(scope: &Scope, place: &Place) -> String {
    match scope {
        Scope::Labels(labels) => format!(
            r"  targetSelectors:
    - group: gateway.networking.k8s.io
      kind: HTTPRoute
      matchLabels:
{}",
            indented(&lines(labels), 8)
        ),
        Scope::Object { .. } => place.members(["", ""]),
    }
}

/// Writes what lets the filter hold headers back, which the object of Envoy Gateway cannot say.
fn patch(policy: &str, namespace: &str, Listener { gateway, name, has_http3 }: Listener<'_>) -> String {
    let filter = format!("envoy.filters.http.wasm/envoyextensionpolicy/{namespace}/{policy}/wasm/0");
    let listener = format!("{namespace}/{gateway}/{name}");
    let mut operations = operations(&filter, &listener);
    if has_http3 {
        operations.push_str("    # The same for HTTP/3, which has a listener of its own.\n");
        operations.push_str(&self::operations(&filter, &format!("{listener}-quic")));
    }
    let (names, are) = if has_http3 {
        ("`tcp-` or `udp-`", "listeners' names are")
    } else {
        ("`tcp-`", "listener's name is")
    };
    format!(
        r"---
# Lets the filter hold the headers of a request until it has read the body. Envoy Gateway reads this only with
# `extensionApis.enableEnvoyPatchPolicy: true`. Without it requests hang until they time out.
# With the runtime flag XDSNameSchemeV2, the default from Envoy Gateway 1.10, the {are} {names} and the port.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyPatchPolicy
metadata:
  name: {policy}-hold
  namespace: {namespace}
spec:
  targetRef:
    group: gateway.networking.k8s.io
    kind: Gateway
    name: {gateway}
  type: JSONPatch
  jsonPatches:
    # The filter's name contains the namespace and the name of the EnvoyExtensionPolicy.
{operations}"
    )
}

/// Writes the patches of one of Envoy's listeners.
fn operations(filter: &str, listener: &str) -> String {
    let operation = |path: &str, value: &str| {
        format!(
            r#"    - type: type.googleapis.com/envoy.config.listener.v3.Listener
      name: {listener}
      operation:
        op: add
        jsonPath: "..http_filters[?(@.name=='{filter}')].typed_config.config"
        path: {path}
        value: {value}
"#
        )
    };
    operation("/allow_on_headers_stop_iteration", "true")
        + "    # If the module fails, requests get 503 until it runs again.\n"
        + &operation("/failure_policy", "FAIL_RELOAD")
}
