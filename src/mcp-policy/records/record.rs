//! One record.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A record, as far as it is read here. It borrows from the line.
#[derive(Debug, Deserialize)]
pub struct Record<'r> {
    /// `allow`, `deny` or `would_deny`
    #[serde(borrow)]
    pub decision: Text<'r>,
    /// Why it was refused, or would have been
    #[serde(borrow, default)]
    pub code: Option<Text<'r>>,
    /// What decided
    #[serde(borrow, default)]
    pub rule: Option<Text<'r>>,
    /// The id of the verdict
    #[serde(borrow)]
    pub id: Text<'r>,
    /// The server's name
    #[serde(borrow)]
    pub server: Text<'r>,
    /// The method
    #[serde(borrow, default)]
    pub method: Option<Text<'r>>,
    /// What the request acts on
    #[serde(borrow, default)]
    pub target: Option<Text<'r>>,
    /// The name of the caller's grant
    #[serde(borrow, default)]
    pub grant: Option<Text<'r>>,
    /// The caller's name
    #[serde(borrow, default)]
    pub principal: Option<Text<'r>>,
    /// The name of the source of that name
    #[serde(borrow, default)]
    pub source: Option<Text<'r>>,
    /// The claims that the policy read, as JSON
    #[serde(borrow, default)]
    pub claims: Option<&'r RawValue>,
    /// The session, hashed
    #[serde(borrow, default)]
    pub session: Option<Text<'r>>,
    /// The id of the request, as JSON
    #[serde(borrow, default)]
    pub request: Option<&'r RawValue>,
    /// The arguments, as JSON
    #[serde(borrow, default)]
    pub arguments: Option<&'r RawValue>,
    /// The SHA-256 of the arguments
    #[serde(borrow, default)]
    pub arguments_sha256: Option<Text<'r>>,
    /// Their BLAKE3 digest
    #[serde(borrow, default)]
    pub arguments_blake3: Option<Text<'r>>,
    /// The limits that were looked at
    #[serde(borrow, default)]
    pub counters: Vec<Counter<'r>>,
    /// The approval that was asked for
    #[serde(borrow, default)]
    pub approval: Option<Approval<'r>>,
    /// The digest of the policy
    #[serde(borrow)]
    pub policy: Text<'r>,
    /// Whether the charges were given back
    #[serde(default)]
    pub given_back: bool,
    /// When the verdict was reached
    #[serde(borrow, default)]
    pub time: Option<Text<'r>>,
}

/// A limit and its use.
#[derive(Debug, Deserialize)]
pub struct Counter<'r> {
    /// The counter
    #[serde(borrow)]
    pub counter: Text<'r>,
    /// How much is used
    pub used: f64,
    /// The most
    pub max: f64,
    /// `true` if the rate limit service has counted it, `"local"` if the proxy had to count a shared limit alone
    #[serde(borrow, default)]
    pub shared: Option<&'r RawValue>,
}

/// An approval.
#[derive(Debug, Deserialize)]
pub struct Approval<'r> {
    /// Its id
    #[serde(borrow, default)]
    pub id: Option<Text<'r>>,
    /// The outcome
    #[serde(borrow)]
    pub outcome: Text<'r>,
    /// Why there is no answer
    #[serde(borrow, default)]
    pub cause: Option<Text<'r>>,
}

/// A text that borrows from the line unless it has escapes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Text<'r>(#[serde(borrow)] pub Cow<'r, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'r> Record<'r> {
    /// Reads a record.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn read(text: &'r str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| unreadable(&error))
    }

    /// Returns whether the record has the arguments, or their digest.
    pub fn tells_arguments(&self) -> bool {
        self.arguments.is_some() || self.arguments_sha256.is_some() || self.arguments_blake3.is_some()
    }

    /// Returns whether the proxy had to count a shared limit alone.
    pub fn counted_alone(&self) -> bool {
        let alone = |counter: &Counter<'_>| counter.shared.is_some_and(|shared| shared.get() == r#""local""#);
        self.counters.iter().any(alone)
    }

    /// Returns the verdict in one word, see [`outcome`].
    pub fn outcome(&self) -> Cow<'_, str> {
        outcome(&self.decision, self.code.as_deref())
    }
}

/// Says why a text is not a record.
pub fn unreadable(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    // What stands there may be a secret, so only what is expected is told.
    match (text.strip_prefix("missing field "), text.rsplit_once(", expected ")) {
        _ if !error.is_data() => format!("it is not JSON, at byte {}", error.column()),
        (Some(key), _) => format!("{key} is missing"),
        (None, Some((_, expected))) => format!("a member is not {expected}"),
        (None, None) => "it is not a record".to_owned(),
    }
}

/// Returns a verdict in one word: `allow`, or the code of the denial, after `would_deny: ` if it has no effect.
pub fn outcome<'r>(decision: &'r str, code: Option<&'r str>) -> Cow<'r, str> {
    match (decision, code) {
        ("would_deny", Some(code)) => format!("would_deny: {code}").into(),
        ("deny", Some(code)) => code.into(),
        (decision, _) => decision.into(),
    }
}

/// Returns a time in milliseconds since the Unix epoch. The form is that of RFC 3339.
pub fn milliseconds(time: &str) -> Option<i64> {
    fast(time.as_bytes()).or_else(|| {
        let nanos = OffsetDateTime::parse(time, &Rfc3339).ok()?.unix_timestamp_nanos();
        i64::try_from(nanos.checked_div(1_000_000)?).ok()
    })
}

/// Reads a time as the filter writes it.
fn fast(time: &[u8]) -> Option<i64> {
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
        b'.',
        f0,
        f1,
        f2,
        b'Z',
    ] = time
    else {
        return None;
    };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0_i64, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum.checked_mul(10)?.checked_add(i64::from(**digit).checked_sub(48)?))?
        })
    };
    let (year, month) = (number(&[y0, y1, y2, y3])?, number(&[m0, m1])?);
    let (day, hour) = (number(&[d0, d1])?, number(&[h0, h1])?);
    let (minute, second) = (number(&[n0, n1])?, number(&[s0, s1])?);
    if !(1970..).contains(&year) || !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        // The last days of months are left to the careful reader.
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(year, month, day)?;
    let seconds = days.checked_mul(24)?.checked_add(hour)?.checked_mul(60)?.checked_add(minute)?;
    let millis = seconds.checked_mul(60)?.checked_add(second)?.checked_mul(1000)?;
    millis.checked_add(number(&[f0, f1, f2])?)
}

/// Counts the days from 1970-01-01 to a date, which is not before.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    // Years that begin in March end with the leap day.
    let (year, month) =
        if month > 2 { (year, month.checked_sub(3)?) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let leaps = (year / 4).checked_sub(year / 100)?.checked_add(year / 400)?;
    let of_year = month.checked_mul(153)?.checked_add(2)? / 5;
    let days = year.checked_mul(365)?.checked_add(leaps)?.checked_add(of_year)?.checked_add(day)?;
    days.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readers_of_times_agree() {
        for time in [
            "1970-01-01T00:00:00.000Z",
            "2026-11-26T09:30:00.250Z",
            "2024-02-28T23:59:59.999Z",
            "2024-03-01T00:00:00.000Z",
            "2000-02-28T12:00:00.001Z",
            "2100-03-01T00:00:00.000Z",
        ] {
            let careful = OffsetDateTime::parse(time, &Rfc3339).unwrap().unix_timestamp_nanos() / 1_000_000;
            assert_eq!(fast(time.as_bytes()), i64::try_from(careful).ok(), "{time}");
            assert_eq!(milliseconds(time), fast(time.as_bytes()), "{time}");
        }
        for (time, expected) in [
            ("1970-01-31T00:00:00.000Z", Some(2_592_000_000)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01T00:00:00.0019Z", Some(1)),
            ("2026-02-30T00:00:00.000Z", None),
            ("2026-02-10T24:00:00.000Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(time), expected, "{time}");
        }
    }
}
