//! The current time, and times as text.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Returns the current time in milliseconds since the Unix epoch.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Formats a time, in milliseconds since the Unix epoch, as RFC 3339 in UTC and whole seconds.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(&Rfc3339).unwrap_or_default()
}

/// Parses an RFC 3339 time to milliseconds since the Unix epoch; `None` if it is malformed.
#[must_use]
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_can_be_written_and_read() {
        assert_eq!(rfc3339(1_800_000_000_999), "2027-01-15T08:00:00Z");
        assert_eq!(from_rfc3339("2027-01-15T08:00:00Z"), Some(1_800_000_000_000));
        assert_eq!(from_rfc3339("2027-01-15T09:00:00+01:00"), Some(1_800_000_000_000));
        assert_eq!(from_rfc3339("yesterday"), None);
    }
}
