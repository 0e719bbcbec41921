//! Why a request does not go through.

use std::borrow::Cow;

/// What kind of denial it is, by the words of answers, records and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// No entry names the target, and the default is to deny
    NotListed,
    /// A rule denies it
    Denied,
    /// The tool is hidden
    Hidden,
    /// The arguments do not fit what a rule needs to know of them
    ArgumentsInvalid,
    /// A condition does not hold, or one that denies does, or one cannot be judged
    ConditionFailed,
    /// A limit has no room
    RateLimited,
    /// A person has to approve the call
    ApprovalRequired,
    /// A person has refused the call
    ApprovalDenied,
    /// Nobody can be asked to approve the call
    ApprovalUnavailable,
    /// The call cannot be counted
    LimiterUnavailable,
    /// The body is no MCP message, or one that reads in two ways
    InvalidRequest(Invalid),
    /// The headers say another thing than the body
    HeadersDisagree,
    /// The body is not JSON in UTF-8, or compressed
    UnsupportedMediaType,
    /// The body is larger than the policy allows
    TooLarge,
    /// The HTTP method is not one of MCP's
    MethodNotAllowed,
    /// Nobody knows who calls
    Unauthenticated,
    /// Nothing is granted to who calls
    NoGrant,
    /// What was granted to who calls is over
    GrantExpired,
}

/// How a body fails to be a message, which decides the JSON-RPC error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Invalid {
    /// No JSON in UTF-8 (RFC 8259)
    Unparsable,
    /// JSON, but not a single valid request, or one that parsers read in different ways
    Request,
    /// A request whose `params` are not what its method takes
    Params,
}

impl Code {
    /// Returns the code as answers, records and metrics spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::Denied => "denied",
            Self::Hidden => "hidden",
            Self::ArgumentsInvalid => "arguments_invalid",
            Self::ConditionFailed => "condition_failed",
            Self::RateLimited => "rate_limited",
            Self::ApprovalRequired => "approval_required",
            Self::ApprovalDenied => "approval_denied",
            Self::ApprovalUnavailable => "approval_unavailable",
            Self::LimiterUnavailable => "limiter_unavailable",
            Self::InvalidRequest(_) => "invalid_request",
            Self::HeadersDisagree => "headers_disagree",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooLarge => "too_large",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Unauthenticated => "unauthenticated",
            Self::NoGrant => "no_grant",
            Self::GrantExpired => "grant_expired",
        }
    }
}

/// A denial with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which kind
    pub code: Code,
    /// What made it: a path into the policy document, or `protocol` for what no policy changes
    pub rule: Cow<'static, str>,
    /// What the caller is told: what was denied, why, and what would be accepted
    pub reason: String,
    /// In how many seconds a retry can succeed, where time helps
    pub retry_after_seconds: Option<u64>,
    /// What made the strict reader refuse, in one word for metrics
    pub cause: Option<&'static str>,
}

impl Denial {
    /// Makes a denial that no policy changes.
    #[must_use]
    pub fn protocol(code: Code, reason: impl Into<String>) -> Self {
        Self::by("protocol", code, reason)
    }

    /// Makes a denial by the part of the policy document at the path `rule`.
    #[must_use]
    pub fn by(rule: impl Into<Cow<'static, str>>, code: Code, reason: impl Into<String>) -> Self {
        Self { code, rule: rule.into(), reason: reason.into(), retry_after_seconds: None, cause: None }
    }

    /// Names what made the strict reader refuse.
    #[must_use]
    pub fn because_of(self, cause: &'static str) -> Self {
        Self { cause: Some(cause), ..self }
    }
}
