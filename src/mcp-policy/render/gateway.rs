//! The object of Envoy Gateway.

use super::document::Document;
use super::module::Module;
use super::yaml::quoted;
use super::{Place, Rendered, istio};
use crate::outcome::Failure;

/// Writes an `EnvoyExtensionPolicy`.
///
/// # Errors
/// The module is a file, or the policy has a number that the object cannot hold.
pub fn render(document: &Document, module: &Module, place: &Place) -> Result<Rendered, Failure> {
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
    let (notes, name, object) = (document.comments(false, 0), document.object_name(), document.object(8)?);
    let (namespace, labels) = (&place.namespace, istio::labels(place, 8));
    let text = format!(
        r"# mcp-policy-filter as an EnvoyExtensionPolicy of Envoy Gateway, for the routes with these labels.
# mcp-policy has made this file from a policy; make it anew when the policy changes.
{notes}apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata:
  name: {name}
  namespace: {namespace}
spec:
  targetSelectors:
    - group: gateway.networking.k8s.io
      kind: HTTPRoute
      matchLabels:
{labels}  wasm:
    - name: mcp_policy
      rootID: mcp_policy
      # No request passes if the module fails.
      failOpen: false
      code:
        {code}:
          url: {url}
{sha256}      config:{object}"
    );
    Ok(Rendered { text, checked: None })
}
