//! What the service knows: calls that somebody has to approve, and what became of them.
//!
//! Times are milliseconds since the Unix epoch, UTC. Whoever needs the present gets it as an argument.

/// What an Envoy asks: may this very call go on? One field for each of the request's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// SHA-256 of the call's canonical form, 64 hex digits: calls that are alike have the same
    pub fingerprint: String,
    /// The protected MCP server
    pub server: String,
    /// First 16 hex digits of the policy's SHA-256
    pub policy: String,
    /// Under which grant it is called
    pub grant: String,
    /// Who calls, where anybody knows
    pub principal: Option<String>,
    /// What is called
    pub tool: String,
    /// With what: the text of a JSON object, as the caller sent it
    pub arguments: String,
    /// The rule that asks, as a path into the policy
    pub rule: String,
    /// Why it asks
    pub reason: Option<String>,
    /// The filter's decision, which its records name too
    pub decision_id: String,
    /// Envoy's request
    pub request_id: Option<String>,
    /// For how long the question, or its answer, stands
    pub expires_seconds: u32,
}

/// Where an approval is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nobody has decided
    Pending,
    /// Somebody said yes; the call has not come back for it
    Approved,
    /// Somebody said no, which stands until it expires
    Denied,
    /// The call came back, and went on
    Consumed,
    /// Its time is over, whatever was decided
    Expired,
}

impl Status {
    /// Every status, in the order in which they come.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Approved, Self::Denied, Self::Consumed, Self::Expired];

    /// Returns the word for the database, the API and the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
        }
    }
}

/// One approval: a question, and its answer where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its own id, 32 hex digits that nobody can guess
    pub id: String,
    /// What was asked, by whoever asked first
    pub question: Question,
    /// Where it is on its way
    pub status: Status,
    /// When it was asked first
    pub created_ms: i64,
    /// From when on neither the question nor its answer stands
    pub expires_ms: i64,
    /// How often it was asked
    pub times: i64,
    /// What was decided
    pub decision: Option<Decision>,
    /// When the call came back, and went on
    pub consumed_ms: Option<i64>,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go on, once
    Approve,
    /// It may not
    Deny,
}

impl Verdict {
    /// Returns the word for what was done, in the database, the API and the metrics.
    #[must_use]
    pub fn done(self) -> &'static str {
        match self {
            Self::Approve => Status::Approved.as_str(),
            Self::Deny => Status::Denied.as_str(),
        }
    }
}

/// A decision that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided
    pub verdict: Verdict,
    /// Who did
    pub by: String,
    /// Why
    pub reason: Option<String>,
    /// When
    pub at_ms: i64,
}

/// A person who decides, as one request of theirs shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// The name of the account, or what the proxy calls them
    pub name: String,
    /// The groups that the proxy says they are in
    pub groups: Vec<String>,
}
