//! The decision that the headers alone allow, before any body is read.

use crate::denial::{Code, Denial, Invalid};
use crate::mcp::answer::{Form, Refusal, Reply, RequestKind};
use crate::mcp::headers::{Field, Headers};
use crate::mcp::media;
use crate::policy::Policy;
use crate::work::{self, Work};

/// What to do with a request, by its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Forward it if it has no body: its method has no use for one
    Bodiless,
    /// Read the body
    Read,
    /// Refuse it
    Refuse(Denial),
}

/// Returns whether the path is exempt from the policy. Then the request is forwarded without reading or
/// recording it.
#[must_use]
pub fn is_exempt(policy: &Policy, headers: &Headers) -> bool {
    let path = headers.path_without_query();
    policy.exempt_paths.iter().any(|exempt| Some(exempt.as_bytes()) == path)
}

/// Where the metadata of a protected resource begins (RFC 9728, section 3).
const RESOURCE_METADATA: &[u8] = b"/.well-known/oauth-protected-resource";

/// Returns whether a request needs no identity: a browser sends a preflight request without credentials, and a
/// client without a token has to learn from the metadata where to get one.
pub(super) fn needs_no_identity(headers: &Headers) -> bool {
    match headers.method.once() {
        Some(b"OPTIONS") => headers.origin.is_present() && headers.requests_method,
        Some(b"GET") => {
            !opens_stream(headers) && headers.path_without_query().is_some_and(is_resource_metadata)
        }
        _ => false,
    }
}

/// Returns whether a server may take a GET for one that opens a stream of MCP. Some look only at the end of the path, and
/// that of the metadata can be `/mcp`.
fn opens_stream(headers: &Headers) -> bool {
    headers.session_id.is_present() || headers.last_event_id.is_present() || headers.accepts_events
}

/// Returns whether a path is that of the metadata, or below it, however a server reads it: it has no dot segments, no empty
/// ones, and nothing that a server might decode or cut off. A server that looks only at its end may still take it for the
/// path of MCP.
fn is_resource_metadata(path: &[u8]) -> bool {
    let Some(below) = path.strip_prefix(RESOURCE_METADATA) else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte);
    let mut segments = below.split(|byte| *byte == b'/');
    // Nothing stands before the first slash: `/.well-known/oauth-protected-resources` is another path.
    let first = segments.next().is_some_and(<[u8]>::is_empty);
    let below = below.strip_suffix(b"/").unwrap_or(below);
    let mut segments = below.split(|byte| *byte == b'/').skip(1);
    let dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    first
        && segments
            .all(|segment| !segment.is_empty() && !dots(segment) && segment.iter().all(|byte| plain(*byte)))
}

/// Returns a denial if the request comes from a web page that the policy does not allow, or if its origin
/// cannot be told. Spends the budget `work`.
pub(super) fn refuse_origin(policy: &Policy, headers: &Headers, work: &Work) -> Option<Denial> {
    let origins = policy.origins.as_ref()?;
    let reason = match &headers.origin {
        Field::Absent => return None,
        Field::Once(value) if origins.allow(value, work) => return None,
        Field::Once(_) if work.is_exhausted() => {
            let reason = "the header `Origin` takes more work to judge than one request may cause";
            return Some(Denial::by("origins", Code::OriginDenied, reason).because_of(work::CAUSE));
        }
        Field::Once(_) => "requests from this origin are not allowed here",
        Field::Repeated => "the header `Origin` must occur once",
    };
    Some(Denial::by("origins", Code::OriginDenied, reason))
}

/// Checks the HTTP method and the media type.
#[must_use]
pub fn admit(headers: &Headers) -> Admission {
    Admission::Refuse(match headers.method.once() {
        _ if headers.upgrade.is_present() => Denial::protocol(
            Code::InvalidRequest(Invalid::Request),
            "an upgraded connection cannot be read: send MCP over HTTP",
        ),
        Some(b"POST") => match media::fault(&headers.content_type, &headers.content_encoding) {
            Some(fault) => Denial::protocol(Code::UnsupportedMediaType, fault).because_of("media_type"),
            None => return Admission::Read,
        },
        Some(b"GET" | b"DELETE" | b"OPTIONS") if announces_body(headers) => only_a_post_has_a_body(),
        Some(b"GET" | b"DELETE" | b"OPTIONS") => return Admission::Bodiless,
        _ => Denial::protocol(Code::MethodNotAllowed, "use POST, GET, DELETE or OPTIONS"),
    })
}

/// Returns whether the headers say that a body follows.
fn announces_body(headers: &Headers) -> bool {
    let empty = |length: &[u8]| length.iter().all(|digit| *digit == b'0');
    let has_length = headers.content_length.is_present() && !headers.content_length.once().is_some_and(empty);
    has_length || headers.transfer_encoding.is_present()
}

/// Makes the denial of a request that has a body although its method has no use for one.
#[must_use]
pub fn only_a_post_has_a_body() -> Denial {
    Denial::protocol(Code::InvalidRequest(Invalid::Request), "only a POST has a body")
}

/// Makes the reply of a filter that has no policy.
#[must_use]
pub fn refuse_without_policy() -> Reply {
    refuse_at_once("the policy filter has no policy")
}

/// Makes the reply to a request whose record cannot be stored.
#[must_use]
pub fn refuse_unrecorded() -> Reply {
    refuse_at_once("the decision cannot be recorded")
}

fn refuse_at_once(reason: &str) -> Reply {
    let denial = Denial::protocol(Code::Denied, reason);
    Refusal {
        denial: &denial,
        request: RequestKind::Other,
        id: None,
        form: Form::Http,
        decision_id: "",
        policy: "",
        challenge: "Bearer",
    }
    .reply()
}

/// Returns whether the headers announce a body that is larger than the policy allows. It is refused before any
/// of it arrives: Envoy answers in its own words if its buffer is full first.
#[must_use]
pub fn announces_too_large(policy: &Policy, headers: &Headers) -> bool {
    let length = headers.content_length.once().and_then(|value| std::str::from_utf8(value).ok());
    // What is no length is for Envoy to refuse. More digits than a number has are a length, and too large.
    length.is_some_and(|length| {
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        digits && length.parse::<usize>().ok().is_none_or(|length| length > policy.max_body_bytes)
    })
}

/// Makes the denial of a body that is larger than the policy allows.
#[must_use]
pub fn too_large(policy: &Policy) -> Denial {
    let reason = format!("the body is larger than {} bytes", policy.max_body_bytes);
    Denial::by("max_body_bytes", Code::TooLarge, reason)
}
