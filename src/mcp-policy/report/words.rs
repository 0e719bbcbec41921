//! Times, numbers and codes in words.

use mcp_policy_engine::denial::Code;
use time::OffsetDateTime;
use time::macros::format_description;

/// Writes a time as `2026-11-26 09:30:00`, in UTC.
pub fn moment(at_ms: i64) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    utc(at_ms).and_then(|time| time.format(form).ok()).unwrap_or_else(|| format!("{at_ms} ms"))
}

/// Writes a time for a computer (RFC 3339).
pub fn exact(at_ms: i64) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    utc(at_ms).and_then(|time| time.format(form).ok()).unwrap_or_default()
}

fn utc(at_ms: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000)).ok()
}

/// Writes how long something took, in its two largest units.
pub fn duration(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

fn two(large: i64, of: &str, small: i64, of_small: &str) -> String {
    match small {
        0 => format!("{large} {of}"),
        _ => format!("{large} {of} {small} {of_small}"),
    }
}

/// Writes the length of a period, such as "15 minutes".
pub fn period(ms: i64) -> String {
    let (number, unit) = match ms / 1000 {
        seconds @ 0..60 => (seconds, "second"),
        seconds @ 60..3600 => (seconds / 60, "minute"),
        seconds @ 3600..86_400 => (seconds / 3600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    if number == 1 { unit.to_owned() } else { format!("{number} {unit}s") }
}

/// Writes a share as a percentage with one digit below ten.
pub fn percent(part: u64, whole: u64) -> String {
    let share = ratio(part, whole) * 100.0;
    match share {
        _ if part == 0 => "0 %".to_owned(),
        share if share < 0.1 => "< 0.1 %".to_owned(),
        share if share < 10.0 => format!("{share:.1} %"),
        share => format!("{share:.0} %"),
    }
}

/// Returns a share between 0 and 1.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more precision")]
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Says what a code means; nothing for a code of another version of the filter.
pub fn code(word: &str) -> &'static str {
    let Some(code) = Code::ALL.into_iter().find(|code| code.as_str() == word) else { return "" };
    match code {
        Code::NotListed => "no rule names it",
        Code::Denied => "a rule denies it",
        Code::Hidden => "the tool is hidden",
        Code::ArgumentsInvalid => "the arguments do not fit",
        Code::ConditionFailed => "a condition does not hold",
        Code::DefinitionChanged => "the tool is not listed as it is pinned",
        Code::RateLimited => "a limit is used up",
        Code::ApprovalRequired => "a person has to approve it",
        Code::ApprovalDenied => "a person refused it",
        Code::ApprovalUnavailable => "nobody could be asked",
        Code::LimiterUnavailable => "it could not be counted",
        Code::InvalidRequest(_) => "the request cannot be read safely",
        Code::HeadersDisagree => "headers and body disagree",
        Code::UnsupportedMediaType => "the body is not JSON",
        Code::TooLarge => "the body is too large",
        Code::MethodNotAllowed => "the HTTP method is not used by MCP",
        Code::Unauthenticated => "the caller is not known",
        Code::NoGrant => "no grant matches the caller",
        Code::GrantExpired => "the grant has expired",
        Code::OriginDenied => "the web page may not send requests",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_are_short() {
        assert_eq!(moment(1_800_000_000_250), "2027-01-15 08:00:00");
        assert_eq!(exact(1_800_000_000_250), "2027-01-15T08:00:00Z");
        for (ms, expected) in [
            (250, "250 ms"),
            (4_000, "4 s"),
            (250_000, "4 min 10 s"),
            (7_200_000, "2 h"),
            (100_000_000, "1 d 3 h"),
        ] {
            assert_eq!(duration(ms), expected);
        }
        for (ms, expected) in
            [(1_000, "second"), (900_000, "15 minutes"), (86_400_000, "day"), (604_800_000, "7 days")]
        {
            assert_eq!(period(ms), expected);
        }
        for (part, whole, expected) in
            [(0, 9, "0 %"), (1, 100_000, "< 0.1 %"), (1, 30, "3.3 %"), (1, 2, "50 %"), (0, 0, "0 %")]
        {
            assert_eq!(percent(part, whole), expected);
        }
    }
}
