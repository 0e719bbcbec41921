//! What is decided before a body is read: by the headers, and by who calls.

use crate::denial::{Code, Denial, Invalid};
use crate::mcp::answer::{Asked, Form, Refusal, Reply};
use crate::mcp::headers::Headers;
use crate::mcp::media;
use crate::policy::Policy;

/// What the headers alone decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It passes unread and unrecorded
    Pass,
    /// It may go on if it has no body, which its method has no meaning for
    Bodiless,
    /// Its body decides
    Read,
    /// It is refused
    Refuse(Denial),
}

/// Judges the headers.
#[must_use]
pub fn admit(policy: &Policy, headers: &Headers) -> Admission {
    let path = headers.path_without_query();
    if policy.exempt_paths.iter().any(|exempt| Some(exempt.as_bytes()) == path) {
        return Admission::Pass;
    }
    Admission::Refuse(match headers.method.once() {
        _ if headers.upgrade.is_present() => Denial::protocol(
            Code::InvalidRequest(Invalid::Request),
            "an upgraded connection cannot be read: send MCP over HTTP",
        ),
        Some(b"POST") => match media::fault(&headers.content_type, &headers.content_encoding) {
            Some(fault) => Denial::protocol(Code::UnsupportedMediaType, fault).because_of("media_type"),
            None => return Admission::Read,
        },
        Some(b"GET" | b"DELETE" | b"OPTIONS") => return Admission::Bodiless,
        _ => Denial::protocol(Code::MethodNotAllowed, "use POST, GET, DELETE or OPTIONS"),
    })
}

/// Refuses a request that came to a filter without a policy.
#[must_use]
pub fn refuse_without_policy() -> Reply {
    refuse_at_once("the policy filter has no policy")
}

/// Refuses a request whose record cannot be kept.
#[must_use]
pub fn refuse_unrecorded() -> Reply {
    refuse_at_once("the decision cannot be recorded")
}

fn refuse_at_once(reason: &str) -> Reply {
    let denial = Denial::protocol(Code::Denied, reason);
    Refusal { denial: &denial, asked: Asked::Other, id: None, form: Form::Http, decision_id: "", policy: "" }
        .reply()
}

/// The denial of a body larger than the policy allows.
#[must_use]
pub fn too_large(policy: &Policy) -> Denial {
    let reason = format!("the body is larger than {} bytes", policy.max_body_bytes);
    Denial::by("max_body_bytes", Code::TooLarge, reason)
}
