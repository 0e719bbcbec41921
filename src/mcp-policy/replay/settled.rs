//! Records whose verdict no policy changes, and those that no policy can be tried on.

use std::borrow::Cow;

use mcp_policy_engine::denial::Code;
use mcp_policy_engine::policy::Policy;

use crate::records::Record;

/// Returns whether the verdict of a record stays because it does not depend on the policy, or why it cannot be judged.
/// `None` if it can be judged.
pub fn settled(record: &Record<'_>, policy: &Policy) -> Option<Result<(), Cow<'static, str>>> {
    let same_policy = *record.policy == policy.digest;
    let same_or = |reason: &'static str| Some(if same_policy { Ok(()) } else { Err(reason.into()) });
    let protocol = record.rule.as_deref() == Some("protocol");
    let unnamed = record.principal.is_none() && !policy.identity.is_empty() && !policy.grants.is_empty();
    let code = match record.code.as_deref() {
        None => None,
        Some(word) => match Code::ALL.into_iter().find(|code| code.as_str() == word) {
            Some(code) => Some(code),
            None => return Some(Err(format!("this version does not know the code `{word}`").into())),
        },
    };
    // All codes are named, so that a new one does not compile before somebody has said what replay can tell about it.
    match code {
        Some(
            Code::InvalidRequest(_)
            | Code::UnsupportedMediaType
            | Code::MethodNotAllowed
            | Code::LimiterUnavailable,
        ) => Some(Ok(())),
        Some(Code::Denied | Code::HeadersDisagree) if protocol => Some(Ok(())),
        Some(Code::HeadersDisagree) => same_or("the headers of the request are not recorded"),
        Some(Code::TooLarge) => same_or("`max_body_bytes`: the size of the body is not recorded"),
        Some(Code::DefinitionChanged) if pins(policy, record) => {
            same_or("`definition`: what the server listed is not recorded")
        }
        Some(Code::OriginDenied) => same_or("`origins`: the origin is not recorded"),
        Some(Code::Unauthenticated) if unnamed => Some(Ok(())),
        Some(Code::Unauthenticated | Code::NoGrant | Code::GrantExpired) => None,
        None
        | Some(
            Code::NotListed
            | Code::Denied
            | Code::Hidden
            | Code::ArgumentsInvalid
            | Code::ConditionFailed
            | Code::DefinitionChanged
            | Code::RateLimited
            | Code::ApprovalRequired
            | Code::ApprovalDenied
            | Code::ApprovalUnavailable,
        ) => {
            let reason = "`identity`: the caller had no name, and the policy needs one";
            if unnamed { same_or(reason) } else { None }
        }
    }
}

/// Tells whether a rule pins the definition of the tool that was called.
fn pins(policy: &Policy, record: &Record<'_>) -> bool {
    policy.pins.of_tool(record.target.as_deref().unwrap_or_default()).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_this_version_does_not_know_is_undecided_and_not_guessed() {
        let policy = Policy::from_bytes(br#"{"version":"1","default":"allow"}"#).unwrap();
        for (code, expected) in [
            ("denied", None),
            ("invalid_request", Some(Ok(()))),
            ("of_tomorrow", Some(Err("this version does not know the code `of_tomorrow`".into()))),
        ] {
            let text =
                format!(r#"{{"decision":"deny","code":"{code}","id":"1","server":"default","policy":"p"}}"#);
            assert_eq!(settled(&Record::read(&text).unwrap(), &policy), expected, "{code}");
        }
    }

    #[test]
    fn a_changed_definition_is_undecided_where_another_policy_pins_the_tool() {
        let pinned = format!(r#"{{"definition":"sha256:{}"}}"#, "0".repeat(64));
        let policy = |rule: &str| {
            let document = format!(r#"{{"version":"1","tools":{{"a":{rule},"b":{{}}}}}}"#);
            Policy::from_bytes(document.as_bytes()).unwrap()
        };
        let undecided = Some(Err("`definition`: what the server listed is not recorded".into()));
        for (policy, tool, is_same, expected) in [
            (policy(&pinned), "a", false, undecided),
            (policy(&pinned), "a", true, Some(Ok(()))),
            (policy(&pinned), "b", false, None),
            (policy("{}"), "a", false, None),
        ] {
            let by = if is_same { policy.digest.as_str() } else { "p" };
            let text = format!(
                r#"{{"decision":"deny","code":"definition_changed","id":"1","server":"default","target":"{tool}","policy":"{by}"}}"#
            );
            assert_eq!(settled(&Record::read(&text).unwrap(), &policy), expected, "{tool} {is_same}");
        }
    }
}
