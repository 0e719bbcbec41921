//! Who names callers in a target, and whether it names them where the policy looks.

use mcp_policy_engine::policy::SourceKind;

use super::Target;
use super::document::Document;
use super::place::{Kind, Place, Scope};
use crate::outcome::Failure;

/// The filter of Envoy that verifies tokens, and where it keeps their claims. Istio configures it.
const JWT_AUTHN: &str = "envoy.filters.http.jwt_authn";

/// The key under which Istio keeps the claims of every token, of any issuer.
const ISTIOS_PAYLOAD: &str = "payload";

/// Makes sure that each source of identity can have a value in Istio.
///
/// # Errors
/// A source never has a value there. The error names the source, and what to write in its place.
pub fn known_in_istio(document: &Document, place: &Place) -> Result<(), Failure> {
    let is_waypoint = matches!(place.scope, Scope::Object { kind: Kind::Service, .. });
    for (index, source) in document.policy.identity.iter().enumerate() {
        let why = match &source.kind {
            SourceKind::Mtls(_) if is_waypoint => {
                "mtls: the caller's certificate does not reach a waypoint, so this source never has a value: use \
                 `{\"attribute\": [\"filter_state\", \"io.istio.peer_principal\"]}`, and `attribute` in the grants"
                    .to_owned()
            }
            SourceKind::Jwt { metadata, payload, .. }
                if metadata == JWT_AUTHN && payload != ISTIOS_PAYLOAD =>
            {
                format!(
                    "jwt.payload: Istio keeps the claims of verified tokens under `{ISTIOS_PAYLOAD}`, not `{payload}`, so \
                     this source never has a value: write `{ISTIOS_PAYLOAD}`, and match `iss` in the grants"
                )
            }
            _ => continue,
        };
        return Err(Failure::new(format!("identity[{index}].{why}")));
    }
    Ok(())
}

/// Says what verifies the tokens that a source reads from `payload`, where the filter `metadata` has put their claims.
pub fn token(target: Target, metadata: &str, payload: &str) -> String {
    let who = match target {
        _ if metadata != JWT_AUTHN => {
            format!(
                "a filter in front of it must verify them, and write their claims into the metadata `{metadata}`, under \
                 `{payload}`"
            )
        }
        Target::Envoy | Target::EnvoyFile => {
            format!(
                "put a filter in front of it that verifies them (`jwt_authn`), with `payload_in_metadata: {payload}`"
            )
        }
        Target::Istio => {
            "a RequestAuthentication must verify them. Istio keeps the tokens of all its issuers in one place, so grants \
             should match `iss` too"
                .to_owned()
        }
        Target::EnvoyGateway => {
            format!("a SecurityPolicy must verify them, with a provider that has the name `{payload}`")
        }
    };
    format!("the policy reads tokens: {who}")
}

/// Says what verifies the certificates that a source reads.
pub fn certificate(target: Target) -> &'static str {
    match target {
        Target::Istio => {
            "the policy reads certificates: a PeerAuthentication must have the mode STRICT. A waypoint does not see the caller's certificate: use `attribute` there"
        }
        Target::EnvoyGateway => {
            "the policy reads certificates: a ClientTrafficPolicy must require and verify them"
        }
        Target::Envoy | Target::EnvoyFile => {
            "the policy reads certificates: the listener must ask for them and verify them"
        }
    }
}

/// Says that the server receives the key in `header` too, and what removes it. `None` if the result itself removes it.
pub fn key(target: Target, header: &str) -> Option<String> {
    let how = match target {
        Target::Envoy => return None,
        Target::EnvoyFile => "`request_headers_to_remove` in the route",
        Target::Istio => "at a gateway, `headers.request.remove` in the VirtualService",
        Target::EnvoyGateway => "a filter `RequestHeaderModifier` with `remove` in the HTTPRoute",
    };
    Some(format!(
        "the policy reads keys from the header `{header}`, and the server receives them too: {how} removes it"
    ))
}
