//! Denials: why a request is refused.

use std::borrow::Cow;

/// The kind of a denial. Replies, records and metrics all use the same word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// No entry matches the target, and the default is to deny
    NotListed,
    /// A rule denies the call
    Denied,
    /// The tool is hidden
    Hidden,
    /// The arguments do not fit the rule's schema, or cannot be counted or approved as they are
    ArgumentsInvalid,
    /// A condition in `require` does not hold, one in `deny_if` holds, or one cannot be evaluated
    ConditionFailed,
    /// A list has shown the tool with another definition than a rule has for it
    DefinitionChanged,
    /// A limit has no room for the call
    RateLimited,
    /// A person must approve the call first
    ApprovalRequired,
    /// A person has refused the call
    ApprovalDenied,
    /// The approval service cannot be asked, or gave no valid answer
    ApprovalUnavailable,
    /// The call cannot be counted, for example without a clock
    LimiterUnavailable,
    /// The body is not an MCP message, or different parsers would read it differently
    InvalidRequest(Invalid),
    /// The headers contradict the body
    HeadersDisagree,
    /// The body is compressed, or its media type is not JSON in UTF-8
    UnsupportedMediaType,
    /// The body is larger than the policy allows
    TooLarge,
    /// MCP does not use this HTTP method
    MethodNotAllowed,
    /// The caller has no identity, or its credential cannot be read
    Unauthenticated,
    /// No grant matches the caller
    NoGrant,
    /// The caller's grant has expired
    GrantExpired,
    /// The request comes from a web page that the policy does not allow
    OriginDenied,
}

/// What is wrong with a body. It determines the JSON-RPC error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Invalid {
    /// Not JSON in UTF-8 (RFC 8259)
    Unparsable,
    /// JSON, but not one valid message, or a text that parsers read differently
    Request,
    /// A request whose `params` do not fit its method
    Params,
}

impl Code {
    /// All kinds of denials. `InvalidRequest` stands for each of its kinds, which have one word.
    pub const ALL: [Self; 20] = [
        Self::NotListed,
        Self::Denied,
        Self::Hidden,
        Self::ArgumentsInvalid,
        Self::ConditionFailed,
        Self::DefinitionChanged,
        Self::RateLimited,
        Self::ApprovalRequired,
        Self::ApprovalDenied,
        Self::ApprovalUnavailable,
        Self::LimiterUnavailable,
        Self::InvalidRequest(Invalid::Request),
        Self::HeadersDisagree,
        Self::UnsupportedMediaType,
        Self::TooLarge,
        Self::MethodNotAllowed,
        Self::Unauthenticated,
        Self::NoGrant,
        Self::GrantExpired,
        Self::OriginDenied,
    ];

    /// Returns the word that replies, records and metrics use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::Denied => "denied",
            Self::Hidden => "hidden",
            Self::ArgumentsInvalid => "arguments_invalid",
            Self::ConditionFailed => "condition_failed",
            Self::DefinitionChanged => "definition_changed",
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
            Self::OriginDenied => "origin_denied",
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The kind of denial
    pub code: Code,
    /// The rule that made it, as a path in the policy document; `protocol` if no policy can change it
    pub rule: Cow<'static, str>,
    /// The text for the caller: what was denied, why, and what would be accepted
    pub reason: String,
    /// Seconds until a retry can succeed; `None` if waiting does not help
    pub retry_after_seconds: Option<u64>,
    /// Why the strict reader refused the body, or why the caller is not known, as one word for records and
    /// metrics
    pub cause: Option<&'static str>,
}

impl Denial {
    /// Makes a denial that no policy can change.
    #[must_use]
    pub fn protocol(code: Code, reason: impl Into<String>) -> Self {
        Self::by("protocol", code, reason)
    }

    /// Makes a denial by the part of the policy document at the path `rule`.
    #[must_use]
    pub fn by(rule: impl Into<Cow<'static, str>>, code: Code, reason: impl Into<String>) -> Self {
        Self { code, rule: rule.into(), reason: reason.into(), retry_after_seconds: None, cause: None }
    }

    /// Sets why the strict reader refused the body, or why the caller is not known.
    #[must_use]
    pub fn because_of(self, cause: &'static str) -> Self {
        Self { cause: Some(cause), ..self }
    }
}
