//! Denials: why a request is refused.

use std::borrow::Cow;

/// Declares the kinds of denials: each variant with its word, and the list of them all.
macro_rules! codes {
    ($($(#[$about:meta])+ $code:ident $(($kind:ty: $first:expr))? $word:literal;)+) => {
        /// The kind of a denial. Replies, records and metrics all use the same word for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$about])+ $code $(($kind))?,)+
        }

        impl Code {
            /// All kinds of denials. `InvalidRequest` stands for each of its kinds, which have one word.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$code $(($first))?),+];

            /// Returns the word that replies, records and metrics use.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code { .. } => $word,)+
                }
            }
        }
    };
}

codes! {
    /// No entry matches the target, and the default is to deny
    NotListed "not_listed";
    /// A rule denies the call
    Denied "denied";
    /// The tool is hidden
    Hidden "hidden";
    /// The arguments do not fit the rule's schema, or cannot be counted or approved as they are
    ArgumentsInvalid "arguments_invalid";
    /// A condition in `require` does not hold, one in `deny_if` holds, or one cannot be evaluated
    ConditionFailed "condition_failed";
    /// A list has shown the tool with another definition than a rule has for it
    DefinitionChanged "definition_changed";
    /// A limit has no room for the call
    RateLimited "rate_limited";
    /// A person must approve the call first
    ApprovalRequired "approval_required";
    /// A person has refused the call
    ApprovalDenied "approval_denied";
    /// The approval service cannot be asked, or gave no valid answer
    ApprovalUnavailable "approval_unavailable";
    /// The call cannot be counted, for example without a clock
    LimiterUnavailable "limiter_unavailable";
    /// The body is not an MCP message, or different parsers would read it differently
    InvalidRequest(Invalid: Invalid::Request) "invalid_request";
    /// The headers contradict the body
    HeadersDisagree "headers_disagree";
    /// The body is compressed, or its media type is not JSON in UTF-8
    UnsupportedMediaType "unsupported_media_type";
    /// The body is larger than the policy allows
    TooLarge "too_large";
    /// MCP does not use this HTTP method
    MethodNotAllowed "method_not_allowed";
    /// The caller has no identity, or its credential cannot be read
    Unauthenticated "unauthenticated";
    /// No grant matches the caller
    NoGrant "no_grant";
    /// The caller's grant has expired
    GrantExpired "grant_expired";
    /// The request comes from a web page that the policy does not allow
    OriginDenied "origin_denied";
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
