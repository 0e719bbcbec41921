//! What a step expects of the time after which to retry.

use std::fmt;

use mcp_policy_engine::policy::Order;

use crate::input::Value;
use crate::test::fields::{Faults, Part};

/// What a step expects of the time after which to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    Some,
    Equals(u64),
    Lies(Order, u64),
}

impl Retry {
    /// Reads what a step expects.
    pub(super) fn read(part: &Part<'_>, faults: &mut Faults) -> Option<Self> {
        let read = match &part.node.value {
            Value::Number(text) => text.parse().ok().map(Retry::Equals),
            Value::Text(text) => compared(text),
            _ => None,
        };
        if read.is_none() {
            part.unfit("seconds such as `63` or `\"<= 63\"`, `some` or `none`", faults);
        }
        read
    }

    /// Returns whether seconds are as expected; `None` stands for no such time.
    pub(super) fn fits(self, found: Option<u64>) -> bool {
        match (self, found) {
            (Self::Never, found) => found.is_none(),
            (_, None) => false,
            (Self::Some, Some(_)) => true,
            (Self::Equals(seconds), Some(found)) => found == seconds,
            (Self::Lies(order, seconds), Some(found)) => match order {
                Order::Less => found < seconds,
                Order::LessOrEqual => found <= seconds,
                Order::Greater => found > seconds,
                Order::GreaterOrEqual => found >= seconds,
            },
        }
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => out.write_str("none"),
            Self::Some => out.write_str("some"),
            Self::Equals(seconds) => write!(out, "{seconds}"),
            Self::Lies(Order::Less, seconds) => write!(out, "< {seconds}"),
            Self::Lies(Order::LessOrEqual, seconds) => write!(out, "<= {seconds}"),
            Self::Lies(Order::Greater, seconds) => write!(out, "> {seconds}"),
            Self::Lies(Order::GreaterOrEqual, seconds) => write!(out, ">= {seconds}"),
        }
    }
}

fn compared(text: &str) -> Option<Retry> {
    if let "none" | "some" = text {
        return Some(if text == "none" { Retry::Never } else { Retry::Some });
    }
    let digits = text.find(|char: char| char.is_ascii_digit())?;
    let (operator, seconds) = text.split_at_checked(digits)?;
    let seconds = seconds.trim().parse().ok()?;
    match operator.trim() {
        "" | "==" | "=" => Some(Retry::Equals(seconds)),
        "<" => Some(Retry::Lies(Order::Less, seconds)),
        "<=" => Some(Retry::Lies(Order::LessOrEqual, seconds)),
        ">" => Some(Retry::Lies(Order::Greater, seconds)),
        ">=" => Some(Retry::Lies(Order::GreaterOrEqual, seconds)),
        _ => None,
    }
}
