//! Records whose verdict no policy changes, and those that no policy can be tried on.

use mcp_policy_engine::policy::Policy;

use crate::records::Record;

/// Tells whether the verdict of a record stays because it does not depend on the policy, or why it cannot be judged.
/// `None` if it can be judged.
pub fn settled(record: &Record<'_>, policy: &Policy) -> Option<Result<(), &'static str>> {
    let same_policy = *record.policy == policy.digest;
    let same_or = |reason| Some(if same_policy { Ok(()) } else { Err(reason) });
    let protocol = record.rule.as_deref() == Some("protocol");
    let needs_name = !policy.identity.is_empty() && !policy.grants.is_empty();
    match record.code.as_deref() {
        Some("invalid_request" | "unsupported_media_type" | "method_not_allowed" | "limiter_unavailable") => {
            Some(Ok(()))
        }
        Some("denied" | "headers_disagree") if protocol => Some(Ok(())),
        Some("headers_disagree") => same_or("the headers of the request are not recorded"),
        Some("too_large") => same_or("`max_body_bytes`: the size of the body is not recorded"),
        Some("origin_denied") => same_or("`origins`: the origin is not recorded"),
        _ if record.principal.is_some() || !needs_name => None,
        Some("unauthenticated") => Some(Ok(())),
        Some("no_grant" | "grant_expired") => None,
        _ => same_or("`identity`: the caller had no name, and the policy needs one"),
    }
}
