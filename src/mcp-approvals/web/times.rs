//! Times on the pages. The service writes them in UTC. The script shows them in the viewer's time zone, and
//! updates the distances.

use maud::{Markup, html};
use time::OffsetDateTime;

use crate::clock::rfc3339;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Shows how long ago `at_ms` was.
pub fn since(at_ms: i64, now_ms: i64) -> Markup {
    let distance = distance(now_ms.saturating_sub(at_ms));
    html! { time datetime=(rfc3339(at_ms)) title=(full(at_ms)) data-since=(at_ms) { (distance) " ago" } }
}

/// Shows how long it is until `at_ms`.
pub fn until(at_ms: i64, now_ms: i64) -> Markup {
    let left = at_ms.saturating_sub(now_ms);
    html! {
        time.soon[left < 2 * MINUTE] datetime=(rfc3339(at_ms)) title=(full(at_ms)) data-until=(at_ms) {
            @if left > 0 { "in " (distance(left)) } @else { "now" }
        }
    }
}

/// Shows the date and time of `at_ms`, to the second.
pub fn moment(at_ms: i64) -> Markup {
    html! { time datetime=(rfc3339(at_ms)) data-moment=(at_ms) { (full(at_ms)) } }
}

/// Shows the time of day of `at_ms`, with the date unless that is today.
pub fn clock(at_ms: i64, now_ms: i64) -> Markup {
    let (date, today) = (date(at_ms), date(now_ms));
    html! {
        time datetime=(rfc3339(at_ms)) title=(full(at_ms)) data-clock=(at_ms) {
            @if date.date() != today.date() { (date.day()) " " (date.month()) ", " }
            (format!("{:02}:{:02} UTC", date.hour(), date.minute()))
        }
    }
}

/// Formats a duration in its largest unit; hours are followed by minutes.
fn distance(ms: i64) -> String {
    let of = |unit: i64| ms.max(0).checked_div(unit).unwrap_or_default();
    match ms {
        ..MINUTE => format!("{} s", of(SECOND)),
        MINUTE..HOUR => format!("{} min", of(MINUTE)),
        HOUR..DAY => format!("{} h {} min", of(HOUR), of(MINUTE).checked_rem(60).unwrap_or_default()),
        _ => format!("{} d", of(DAY)),
    }
}

fn date(at_ms: i64) -> OffsetDateTime {
    let seconds = at_ms.checked_div_euclid(SECOND).unwrap_or_default();
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn full(at_ms: i64) -> String {
    let date = date(at_ms);
    let (hour, minute, second) = date.to_hms();
    format!("{} {} {}, {hour:02}:{minute:02}:{second:02} UTC", date.day(), date.month(), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_one_or_two_units() {
        for (ms, expected) in [
            (-5, "0 s"),
            (999, "0 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (3_599_999, "59 min"),
            (3_660_000, "1 h 1 min"),
            (90_000_000, "1 d"),
        ] {
            assert_eq!(distance(ms), expected);
        }
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(
            moment(1_764_021_936_123).into_string(),
            "<time datetime=\"2025-11-24T22:05:36Z\" data-moment=\"1764021936123\">24 November 2025, 22:05:36 UTC</time>"
        );
    }

    #[test]
    fn a_time_of_day_has_its_date_unless_that_is_today() {
        let text = |at_ms| clock(at_ms, 1_764_021_936_123).into_string();
        assert!(text(1_764_021_936_123).contains(">22:05 UTC<"));
        assert!(text(1_764_029_136_123).contains(">25 November, 00:05 UTC<"));
    }

    #[test]
    fn little_remaining_time_is_highlighted() {
        assert!(until(100_000, 0).into_string().contains("class=\"soon\""));
        assert!(!until(200_000, 0).into_string().contains("soon"));
        assert!(until(1, 5).into_string().contains(">now<"));
    }
}
