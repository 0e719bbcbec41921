//! Wrong answers, for tests only: what a rate limit service could send, and no right one does.
//!
//! A fault belongs to a domain, so that one service can be right and wrong in many ways at once. The counters
//! are charged as always, and the answer is changed then.

use std::str::FromStr;
use std::time::Duration;

use prost::Message as _;

use crate::limit;
use crate::messages::{Code, Limit, Response};

/// One way to answer wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers rightly, but so many milliseconds late
    Delay(Duration),
    /// Never answers
    Hang,
    /// Answers with a gRPC status and no message
    Error,
    /// Answers with a message of 0 bytes
    Empty,
    /// Answers with bytes that are no message
    Nonsense,
    /// Leaves out the last byte
    Truncated,
    /// Adds 256 KiB of a field that nobody knows
    Large,
    /// Sends no statuses, as some services do
    NoStatuses,
    /// Leaves out the last status
    OneLess,
    /// Sends the last status twice
    OneMore,
    /// Says nothing about the limits, as for an unknown domain
    NoLimits,
    /// Has applied a limit that is larger by one
    OtherLimit,
    /// Has applied the limit to another unit
    OtherUnit,
    /// Sends a code that is not known
    UnknownCode,
    /// Says at the top that all is well, whatever the statuses say
    OverallOk,
    /// Says in each status that all is well, whatever is true
    StatusesOk,
}

/// The faults by their names on the command line; `delay` takes milliseconds too.
const NAMES: [(&str, Fault); 15] = [
    ("hang", Fault::Hang),
    ("error", Fault::Error),
    ("empty", Fault::Empty),
    ("nonsense", Fault::Nonsense),
    ("truncated", Fault::Truncated),
    ("large", Fault::Large),
    ("no-statuses", Fault::NoStatuses),
    ("one-less", Fault::OneLess),
    ("one-more", Fault::OneMore),
    ("no-limits", Fault::NoLimits),
    ("other-limit", Fault::OtherLimit),
    ("other-unit", Fault::OtherUnit),
    ("unknown-code", Fault::UnknownCode),
    ("overall-ok", Fault::OverallOk),
    ("statuses-ok", Fault::StatusesOk),
];

/// What is sent in place of a right answer.
#[derive(Debug, PartialEq)]
pub enum Sent {
    /// These bytes as the message
    Bytes(Vec<u8>),
    /// A gRPC status that is not OK
    Error,
    /// Nothing, ever
    Nothing,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if let Some(milliseconds) = word.strip_prefix("delay:") {
            let milliseconds =
                milliseconds.parse().map_err(|_| format!("`{word}`: no number of milliseconds"))?;
            return Ok(Self::Delay(Duration::from_millis(milliseconds)));
        }
        let known = || NAMES.map(|(name, _)| name).join(", ");
        let found = NAMES.into_iter().find(|(name, _)| *name == word);
        found.map(|(_, fault)| fault).ok_or_else(|| {
            format!("unknown fault `{word}`; expected delay:MILLISECONDS or one of {}", known())
        })
    }
}

impl Fault {
    /// Returns how long the answer waits.
    pub fn delay(&self) -> Duration {
        if let Self::Delay(delay) = self { *delay } else { Duration::ZERO }
    }

    /// Makes a right answer wrong.
    pub fn apply(&self, right: Response) -> Sent {
        match self {
            Self::Hang => Sent::Nothing,
            Self::Error => Sent::Error,
            Self::Empty => Sent::Bytes(Vec::new()),
            Self::Nonsense => Sent::Bytes(vec![0xff; 64]),
            Self::Truncated => {
                let mut bytes = right.encode_to_vec();
                bytes.pop();
                Sent::Bytes(bytes)
            }
            Self::Large => Sent::Bytes(enlarged(right.encode_to_vec())),
            _ => Sent::Bytes(self.changed(right).encode_to_vec()),
        }
    }

    /// Changes what the answer says, so that it is still a message.
    fn changed(&self, mut answer: Response) -> Response {
        let statuses = &mut answer.statuses;
        let limits = |change: fn(Limit) -> Option<Limit>| {
            move |statuses: &mut Vec<crate::messages::Status>| {
                for status in statuses {
                    status.current_limit = status.current_limit.and_then(change);
                }
            }
        };
        match self {
            Self::NoStatuses => statuses.clear(),
            Self::OneLess => drop(statuses.pop()),
            Self::OneMore => statuses.extend(statuses.last().cloned()),
            Self::NoLimits => statuses.fill(limit::unlimited()),
            Self::OtherLimit => limits(|limit| {
                Some(Limit { requests_per_unit: limit.requests_per_unit.wrapping_add(1), ..limit })
            })(statuses),
            Self::OtherUnit => limits(|limit| Some(Limit { unit: limit.unit % 4 + 1, ..limit }))(statuses),
            Self::UnknownCode => {
                statuses.iter_mut().for_each(|status| status.code = 7);
                answer.overall_code = 7;
            }
            Self::OverallOk => answer.overall_code = Code::Ok.into(),
            Self::StatusesOk => statuses.iter_mut().for_each(|status| status.code = Code::Ok.into()),
            _ => {}
        }
        answer
    }
}

/// Adds a field with the number 15 and 256 KiB of content.
fn enlarged(mut message: Vec<u8>) -> Vec<u8> {
    const LENGTH: usize = 256 << 10;
    prost::encoding::encode_key(15, prost::encoding::WireType::LengthDelimited, &mut message);
    prost::encoding::encode_varint(LENGTH as u64, &mut message);
    message.resize(message.len() + LENGTH, 0);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right() -> Response {
        let limit = Limit { requests_per_unit: 5, unit: 3 };
        limit::response([5, 6].map(|after| limit::status(limit, after, 0).unwrap()).to_vec())
    }

    #[test]
    fn every_fault_can_be_named_and_changes_the_answer() {
        for (name, fault) in NAMES {
            assert_eq!(name.parse(), Ok(fault.clone()));
            assert_ne!(fault.apply(right()), Sent::Bytes(right().encode_to_vec()), "{name}");
        }
        let late: Fault = "delay:20".parse().unwrap();
        assert_eq!(late.apply(right()), Sent::Bytes(right().encode_to_vec()));
        assert_eq!(late.delay(), Duration::from_millis(20));
    }

    #[test]
    fn an_unknown_fault_is_refused() {
        for word in ["delay", "delay:soon", "sulk", ""] {
            assert!(word.parse::<Fault>().is_err(), "{word}");
        }
    }
}
