//! The time in a record.

use time::OffsetDateTime;

use crate::text::push_decimal;

const NANOS_IN_SECOND: u64 = 1_000_000_000;
const NANOS_IN_MILLI: u64 = 1_000_000;

/// Adds the time of the verdict to a record, in UTC with milliseconds (RFC 3339). `now_ns` is in nanoseconds since
/// the Unix epoch; null is added if the host has no clock.
pub fn add_time(record: &mut String, now_ns: Option<u64>) {
    if !record.ends_with('}') {
        return;
    }
    record.pop();
    record.push_str(r#","time":"#);
    match now_ns.and_then(moment) {
        Some((utc, milli)) => push(record, utc, milli),
        None => record.push_str("null"),
    }
    record.push('}');
}

fn moment(now_ns: u64) -> Option<(OffsetDateTime, u64)> {
    let seconds = i64::try_from(now_ns / NANOS_IN_SECOND).ok()?;
    let utc = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some((utc, now_ns % NANOS_IN_SECOND / NANOS_IN_MILLI))
}

fn push(out: &mut String, utc: OffsetDateTime, milli: u64) {
    let year = u64::try_from(utc.year()).unwrap_or_default();
    let (hour, minute, second) = utc.to_hms();
    let parts = [
        ("\"", year, 1000),
        ("-", u8::from(utc.month()).into(), 10),
        ("-", utc.day().into(), 10),
        ("T", hour.into(), 10),
        (":", minute.into(), 10),
        (":", second.into(), 10),
        (".", milli, 100),
    ];
    for (before, number, full) in parts {
        out.push_str(before);
        let mut least = full;
        while number < least && least > 1 {
            out.push('0');
            least /= 10;
        }
        push_decimal(out, number);
    }
    out.push_str("Z\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_when_the_verdict_was_reached() {
        for (now_ns, time) in [
            (Some(0), r#""1970-01-01T00:00:00.000Z""#),
            (Some(1_798_761_600_007_999_999), r#""2027-01-01T00:00:00.007Z""#),
            (Some(1_709_210_096_789_000_000), r#""2024-02-29T12:34:56.789Z""#),
            (Some(u64::MAX), r#""2554-07-21T23:34:33.709Z""#),
            (None, "null"),
        ] {
            let mut record = r#"{"decision":"allow"}"#.to_owned();
            add_time(&mut record, now_ns);
            assert_eq!(record, format!(r#"{{"decision":"allow","time":{time}}}"#));
        }
    }
}
