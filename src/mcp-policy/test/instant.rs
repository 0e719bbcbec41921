//! Times and lengths of time, as a test file writes them.

use mcp_policy_engine::limit::Amount;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// When a case starts that does not say when: 2027-01-15T08:00:00Z, a Friday, in nanoseconds since the Unix epoch.
pub const START_NS: u64 = 1_800_000_000_000_000_000;

/// The units of a length of time, in nanoseconds.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads a length of time such as `65s`, `1.5h` or `500ms`, in nanoseconds.
pub fn length_ns(text: &str) -> Option<u64> {
    let digits = text.find(|char: char| !(char.is_ascii_digit() || char == '.'))?;
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit)?;
    // An amount is a number of millionths, and a unit a multiple of a million nanoseconds.
    let micros = Amount::from_decimal(number).ok()?.micros();
    micros.checked_mul(unit_ns.checked_div(1_000_000)?)
}

/// Writes a time as in RFC 3339, in UTC; it is given in nanoseconds since the Unix epoch.
pub fn text(now_ns: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now_ns)).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Reads a time as in RFC 3339, in nanoseconds since the Unix epoch.
pub fn parse_ns(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(time.unix_timestamp_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_number_and_a_unit() {
        for (text, expected) in [
            ("500ms", Some(500_000_000)),
            ("65s", Some(65_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("2m", Some(120_000_000_000)),
            ("1h", Some(3_600_000_000_000)),
            ("1d", Some(86_400_000_000_000)),
            ("0s", Some(0)),
            ("65", None),
            ("s", None),
            ("", None),
            ("-1s", None),
            ("1 s", None),
            ("1w", None),
            ("1e3s", None),
            ("999999999999d", None),
        ] {
            assert_eq!(length_ns(text), expected, "{text}");
        }
        assert_eq!(parse_ns("2027-01-15T08:00:00Z"), Some(START_NS));
        assert_eq!(parse_ns("1969-01-01T00:00:00Z"), None);
    }
}
