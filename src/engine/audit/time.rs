//! The time in a record.

use std::str;

const MILLIS_IN_SECOND: u64 = 1_000;
const SECONDS_IN_DAY: u64 = 86_400;
const NANOS_IN_MILLI: u64 = 1_000_000;
/// The days of 400 years, after which the calendar repeats.
const DAYS_IN_ERA: u32 = 146_097;
/// The days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: u32 = 719_468;

/// Adds the time of the verdict to a record, in UTC with milliseconds (RFC 3339). `now_ns` is in nanoseconds since
/// the Unix epoch; null is added if the host has no clock.
pub fn add_time(record: &mut String, now_ns: Option<u64>) {
    if !record.ends_with('}') {
        return;
    }
    record.pop();
    match now_ns.map(written) {
        Some(time) => {
            record.push_str(r#","time":""#);
            record.push_str(str::from_utf8(&time).unwrap_or_default());
            record.push_str("\"}");
        }
        None => record.push_str(r#","time":null}"#),
    }
}

/// Returns a time in digits. No number here overflows: 2^64 nanoseconds end in the year 2554.
fn written(now_ns: u64) -> [u8; 24] {
    let millis = now_ns / NANOS_IN_MILLI;
    let (seconds, milli) = (millis / MILLIS_IN_SECOND, narrow(millis % MILLIS_IN_SECOND));
    let (days, second) = (narrow(seconds / SECONDS_IN_DAY), narrow(seconds % SECONDS_IN_DAY));
    let [year, month, day] = date(days);
    let (century, hour) = (year / 100, second / 3600);
    let [y0, y1] = two(century);
    let [y2, y3] = two(year % 100);
    let ([m0, m1], [d0, d1], [h0, h1]) = (two(month), two(day), two(hour));
    let ([n0, n1], [s0, s1]) = (two(second / 60 % 60), two(second % 60));
    let ([_, f0], [f1, f2]) = (two(milli / 100), two(milli % 100));
    [
        y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, b'.', f0, f1,
        f2, b'Z',
    ]
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// Returns the two digits of a number below 100.
fn two(number: u32) -> [u8; 2] {
    let digit = |number: u32| b'0'.saturating_add(u8::try_from(number % 10).unwrap_or_default());
    [digit(number / 10), digit(number)]
}

/// Returns year, month and day of a number of days since 1970-01-01. Counts in years that begin in March, so that the
/// leap day ends one (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn date(days: u32) -> [u32; 3] {
    let days = days.saturating_add(DAYS_BEFORE_1970);
    let (era, day) = (days / DAYS_IN_ERA, days % DAYS_IN_ERA);
    // day - day / 1460 + day / 36524 - day / 146096, without a negative part.
    let passed = day.saturating_add(day / 36_524).saturating_sub(day / 1_460).saturating_sub(day / 146_096);
    let year = passed / 365;
    let of_year =
        day.saturating_sub(year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100));
    let shifted = of_year.saturating_mul(5).saturating_add(2) / 153;
    let of_month = of_year.saturating_sub(shifted.saturating_mul(153).saturating_add(2) / 5);
    let month = if shifted < 10 { shifted.saturating_add(3) } else { shifted.saturating_sub(9) };
    let year = year.saturating_add(era.saturating_mul(400)).saturating_add(u32::from(month <= 2));
    [year, month, of_month.saturating_add(1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::time::OffsetDateTime;

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

    #[test]
    fn every_day_is_written_as_another_program_writes_it() {
        for day in 0..213_503_u64 {
            let seconds = day * SECONDS_IN_DAY + day % SECONDS_IN_DAY;
            let date = OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).unwrap()).unwrap();
            let (hour, minute, second) = date.to_hms();
            let expected = format!("{}T{hour:02}:{minute:02}:{second:02}.000Z", date.date());
            assert_eq!(str::from_utf8(&written(seconds * 1_000_000_000)).unwrap(), expected);
        }
    }
}
