//! The answer of the rate limit service. It counts only if it shows that the limits that were sent were applied.

use prost::Message as _;

use super::request::{Descriptor, Request};
use super::wire::{DescriptorStatus, Duration, Limit, RateLimitResponse};

/// The largest answer that is read, in bytes.
pub const MOST_BYTES: usize = 65_536;

/// `OK`, of an answer and of a status
const OK: i32 = 1;

/// `OVER_LIMIT`, of an answer and of a status
const OVER_LIMIT: i32 = 2;

/// An answer as the service sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the service says that some tally has no room
    pub over: bool,
    /// One for each descriptor, in their order
    pub statuses: Vec<Status>,
}

/// What the service says about one descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Whether the tally has no room for the hits
    pub over: bool,
    /// The limit that the service applied: hits in a unit, by its number
    pub applied: Option<(u32, i32)>,
    /// How many hits are left
    pub remaining: u32,
    /// In how many seconds the window ends, rounded up
    pub resets_in_seconds: Option<u64>,
}

/// How a tally stands after a valid answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the tally has room for what the call adds
    pub has_room: bool,
    /// Whether so few hits are left that those of this call can be among those that were counted
    pub is_counted: bool,
    /// How many hits are left
    pub remaining: u32,
    /// In how many seconds the window ends, if the service says it
    pub resets_in_seconds: Option<u64>,
}

/// Why there is no valid answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The question was not sent
    Unsent,
    /// Too many calls wait already
    Busy,
    /// No answer arrived in time, or there is no connection
    Unanswered,
    /// The service answered with an error
    Failed,
    /// The answer is not a message of this protocol, or contradicts itself
    Unreadable,
    /// The answer does not show that the limits that were sent were applied
    NotApplied,
}

impl Failure {
    /// Returns the word for records and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsent => "unsent",
            Self::Busy => "busy",
            Self::Unanswered => "unanswered",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
            Self::NotApplied => "not_applied",
        }
    }

    /// Explains it to an operator.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Unsent => "the question could not be sent: does the cluster exist, with an endpoint?",
            Self::Busy => "too many calls wait already",
            Self::Unanswered => "no answer in time, or no connection by HTTP/2",
            Self::Failed => "it answered with an error: does it reach its Redis?",
            Self::Unreadable => "its answer cannot be read",
            Self::NotApplied => {
                "it did not apply the limits that were sent: is the domain configured there, and is it the \
                 reference implementation?"
            }
        }
    }
}

/// The result of asking the rate limit service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All limits have room
    Ok,
    /// A limit has no room
    OverLimit,
    /// There is no valid answer
    Failed(Failure),
}

impl Outcome {
    /// Returns the word for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::OverLimit => "over_limit",
            Self::Failed(failure) => failure.as_str(),
        }
    }
}

/// Reads an answer.
///
/// # Errors
/// [`Failure::Unreadable`] if it is no answer of this protocol.
pub fn read(bytes: &[u8]) -> Result<Answer, Failure> {
    if bytes.is_empty() || bytes.len() > MOST_BYTES {
        return Err(Failure::Unreadable);
    }
    let response = RateLimitResponse::decode(bytes).map_err(|_| Failure::Unreadable)?;
    let statuses = response.statuses.iter().map(status).collect::<Result<_, _>>()?;
    Ok(Answer { over: is_over(response.overall_code)?, statuses })
}

fn status(status: &DescriptorStatus) -> Result<Status, Failure> {
    let resets_in_seconds = match status.duration_until_reset {
        None => None,
        Some(duration) => {
            let seconds = u64::try_from(duration.seconds).map_err(|_| Failure::Unreadable)?;
            let nanos = u64::try_from(duration.nanos).map_err(|_| Failure::Unreadable)?;
            Some(seconds.saturating_add(u64::from(nanos > 0)))
        }
    };
    Ok(Status {
        over: is_over(status.code)?,
        applied: status.current_limit.map(|Limit { requests_per_unit, unit }| (requests_per_unit, unit)),
        remaining: status.limit_remaining,
        resets_in_seconds,
    })
}

fn is_over(code: i32) -> Result<bool, Failure> {
    match code {
        OK => Ok(false),
        OVER_LIMIT => Ok(true),
        _ => Err(Failure::Unreadable),
    }
}

impl Answer {
    /// Writes the message, for native tools and tests.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let code = |over: bool| if over { OVER_LIMIT } else { OK };
        let statuses = self.statuses.iter().map(|status| DescriptorStatus {
            code: code(status.over),
            current_limit: status.applied.map(|(requests_per_unit, unit)| Limit { requests_per_unit, unit }),
            limit_remaining: status.remaining,
            duration_until_reset: status
                .resets_in_seconds
                .map(|seconds| Duration { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanos: 0 }),
        });
        RateLimitResponse { overall_code: code(self.over), statuses: statuses.collect() }.encode_to_vec()
    }
}

impl Request {
    /// Returns how each tally stands, in the order of the descriptors.
    ///
    /// # Errors
    /// [`Failure`] unless the answer has one status for each descriptor, with the limit that was sent, and does not
    /// contradict itself.
    pub fn standings(&self, answer: &Answer) -> Result<Vec<Standing>, Failure> {
        let Answer { over, statuses } = answer;
        if statuses.len() != self.descriptors.len() {
            return Err(Failure::NotApplied);
        }
        let pairs = || self.descriptors.iter().zip(statuses);
        if pairs().any(|(descriptor, status)| !descriptor.is_applied(status)) {
            return Err(Failure::NotApplied);
        }
        // A service that charges no tally when one is over has charged less than was asked.
        let counted = *over || pairs().all(|(descriptor, status)| descriptor.is_counted(status));
        if statuses.iter().any(|status| status.over) != *over || !counted {
            return Err(Failure::Unreadable);
        }
        let standing = |(descriptor, status): (&Descriptor, &Status)| Standing {
            has_room: !status.over && (descriptor.charges || status.remaining >= descriptor.adds),
            is_counted: descriptor.is_counted(status),
            remaining: status.remaining,
            resets_in_seconds: status.resets_in_seconds.filter(|seconds| {
                // The service tells whole seconds, so this is what is left of a window.
                (1..=descriptor.unit.seconds()).contains(seconds)
            }),
        };
        Ok(pairs().map(standing).collect())
    }
}

impl Descriptor {
    /// Returns whether the service says that it has applied the limit of this descriptor.
    fn is_applied(&self, status: &Status) -> bool {
        status.applied == Some((self.most, self.unit.number())) && status.remaining <= self.most
    }

    /// Returns whether so few hits are left that those of this call can be among those that were counted.
    fn is_counted(&self, status: &Status) -> bool {
        !self.charges || self.most.checked_sub(self.adds).is_some_and(|most| status.remaining <= most)
    }
}
