//! When requests are sent.

use std::time::{Duration, Instant};

use crate::client::Client;

/// One way to load a server.
#[derive(Debug)]
pub enum Pace {
    /// This many more requests in rounds: one on every connection, then all answers
    Burst { left: u64, round: usize },
    /// One request in flight on every connection, for a time
    Sustain { until: Instant },
    /// One request in flight on every connection, for this many more requests
    Count { left: u64 },
    /// At fixed times
    Rate { due: Instant, interval: Duration, left: u64 },
}

impl Pace {
    /// Sends at least this many requests, in full rounds.
    pub fn burst(requests: u64) -> Self {
        Self::Burst { left: requests, round: 0 }
    }

    /// Sends for this long.
    pub fn sustain(time: Duration) -> Self {
        Self::Sustain { until: Instant::now() + time }
    }

    /// Sends this many requests a second for this long.
    pub fn rate(per_second: u64, time: Duration) -> Self {
        let left = per_second * time.as_millis() as u64 / 1_000;
        Self::Rate { due: Instant::now(), interval: Duration::from_secs(1) / per_second as u32, left }
    }

    /// Returns when the next request became due, if it is due.
    pub fn next(&mut self, now: Instant, client: &Client) -> Option<Instant> {
        match self {
            Self::Burst { left, round } => {
                if client.under_way() == 0 {
                    *round = if *left > 0 { client.connections() } else { 0 };
                    *left = left.saturating_sub(*round as u64);
                }
                *round = round.checked_sub(1)?;
                Some(now)
            }
            Self::Sustain { until } => (now < *until).then_some(now),
            Self::Count { left } => {
                *left = left.checked_sub(1)?;
                Some(now)
            }
            Self::Rate { due, interval, left } => {
                if *left == 0 || now < *due {
                    return None;
                }
                let since = *due;
                *left -= 1;
                *due += *interval;
                Some(since)
            }
        }
    }

    /// Tells whether nothing more is to be sent.
    pub fn is_over(&self, now: Instant) -> bool {
        match self {
            Self::Burst { left, .. } | Self::Count { left } => *left == 0,
            Self::Sustain { until } => now >= *until,
            Self::Rate { left, .. } => *left == 0,
        }
    }

    /// Returns when the next request is due, if that depends only on the time.
    pub fn due(&self) -> Option<Instant> {
        match self {
            Self::Rate { due, left, .. } if *left > 0 => Some(*due),
            _ => None,
        }
    }
}
