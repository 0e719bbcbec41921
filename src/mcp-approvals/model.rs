//! The model: calls that need a person's approval, and the decisions on them.
//!
//! Times are milliseconds since the Unix epoch, UTC. The current time is always an argument.

/// What an Envoy asks about one call. One field for each member of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// SHA-256 of the call's canonical form, 64 hex digits; equal calls have equal fingerprints
    pub fingerprint: String,
    /// The protected MCP server
    pub server: String,
    /// Digest of the rules that decide on the call, 64 hex digits
    pub rules: String,
    /// First 16 hex digits of the policy's SHA-256
    pub policy: String,
    /// The grant under which the call is made
    pub grant: String,
    /// The caller's verified name, if there is one
    pub principal: Option<String>,
    /// The identity source that named the caller, if it has a name
    pub source: Option<String>,
    /// The tool, or the method if the call is not of a tool
    pub tool: String,
    /// The arguments: the text of a JSON object, as the caller sent it
    pub arguments: String,
    /// The other params that the server could act on: the text of a JSON object, as the caller sent it
    pub params: String,
    /// The host that the call is for, without its port
    pub host: Option<String>,
    /// The path that the call is for, with its query
    pub path: Option<String>,
    /// The same digest as the fingerprint, but without the rules: calls that differ only in the rules that
    /// decide on them have one
    pub call: String,
    /// The rule that requires the approval, as a path into the policy
    pub rule: String,
    /// Why the rule requires it
    pub reason: Option<String>,
    /// The id of the filter's decision, which is also in the filter's audit record
    pub decision_id: String,
    /// Envoy's id of the request
    pub request_id: Option<String>,
    /// How long the question or its answer is valid, in seconds
    pub expires_seconds: u32,
}

/// The state of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not decided
    Pending,
    /// Approved, and the call has not been repeated yet
    Approved,
    /// Denied; valid until it expires
    Denied,
    /// Approved, and the call was repeated and went on
    Consumed,
    /// Expired, whether it was decided or not
    Expired,
    /// Replaced by a question about the same call under other rules, before it was used
    Superseded,
}

impl Status {
    /// Every status, in the order of an approval's life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Approved, Self::Denied, Self::Consumed, Self::Expired, Self::Superseded];

    /// Returns the name of the status in the database, the API and the pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }

    /// Returns the status of this name; see [`as_str`](Self::as_str).
    #[must_use]
    pub fn from_text(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// An approval: a question, and a person's decision if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its id, 32 random hex digits
    pub id: String,
    /// The question, as it was asked first
    pub question: Question,
    /// Its state
    pub status: Status,
    /// When it was asked first
    pub created_ms: i64,
    /// When the question and its answer expire
    pub expires_ms: i64,
    /// How often it was asked
    pub times: i64,
    /// The decision, if there is one
    pub decision: Option<Decision>,
    /// When the approved call went on
    pub consumed_ms: Option<i64>,
    /// The id of the approval that replaces it
    pub superseded_by: Option<String>,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go on, once
    Approve,
    /// The call is refused
    Deny,
}

impl Verdict {
    /// Returns the verdict as a past participle (`approved`, `denied`), as the API, the log and the metrics
    /// have it.
    #[must_use]
    pub fn participle(self) -> &'static str {
        match self {
            Self::Approve => Status::Approved.as_str(),
            Self::Deny => Status::Denied.as_str(),
        }
    }
}

/// A person's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The verdict
    pub verdict: Verdict,
    /// The name of the person
    pub by: String,
    /// Their reason
    pub reason: Option<String>,
    /// When they decided
    pub at_ms: i64,
}

/// A person who decides, as one request identifies them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The name of their account, or the name that the proxy reports
    pub name: String,
    /// The groups that the proxy reports
    pub groups: Vec<String>,
}
