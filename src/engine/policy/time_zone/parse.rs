//! Reads a time zone.

use time::Month;

use super::{Change, Day, Daylight, TimeZone};

/// When clocks change without a time: two in the morning.
const CHANGE_SECONDS: i32 = 7_200;
/// How far daylight saving time is ahead without an offset of its own: an hour.
const DAYLIGHT_SECONDS: i32 = 3_600;
/// The largest offset from UTC, in hours.
const MOST_OFFSET_HOURS: i32 = 24;
/// The largest time of a change, in hours (RFC 9636, section 3.3.2).
const MOST_CHANGE_HOURS: i32 = 167;

impl TimeZone {
    /// Reads a time zone as POSIX writes it: `UTC0`, or with daylight saving time
    /// `CET-1CEST,M3.5.0,M10.5.0/3`.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence whose subject is the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // A common mistake has a message of its own.
        if text.contains('/') && !text.contains(',') {
            return Err("is the name of a zone in a database, which the filter does not have");
        }
        let mut rest = name(text)?;
        if rest.is_empty() {
            return Err("has no offset from UTC, such as `UTC0`");
        }
        let standard = west(&mut rest)?;
        if rest.is_empty() {
            return Ok(Self { standard, daylight: None });
        }
        if rest.starts_with(',') {
            return Err("has rules, but no name of daylight saving time");
        }
        rest = name(rest)?;
        let offset = match rest.starts_with(',') || rest.is_empty() {
            true => standard.saturating_add(DAYLIGHT_SECONDS),
            false => west(&mut rest)?,
        };
        const RULES: &str =
            "does not say when daylight saving time starts and ends, such as `,M3.5.0,M10.5.0/3`";
        let rules = rest.strip_prefix(',').ok_or(RULES)?;
        let (start, end) = rules.split_once(',').ok_or(RULES)?;
        let (start, end) = (change(start)?, change(end)?);
        Ok(Self { standard, daylight: Some(Daylight { offset, start, end }) })
    }
}

/// Returns what follows the name at the start of `text`: at least three letters, or letters, digits and signs
/// in `<…>`.
fn name(text: &str) -> Result<&str, &'static str> {
    const NAME: &str = "has a name that is neither three or more letters nor in `<…>`";
    let (name, rest, allowed): (_, _, fn(char) -> bool) = match text.strip_prefix('<') {
        Some(quoted) => {
            let (name, rest) = quoted.split_once('>').ok_or("has a `<` that is not closed")?;
            (name, rest, |char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-'))
        }
        None => {
            let end = text.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end).ok_or(NAME)?;
            (name, rest, |char| char.is_ascii_alphabetic())
        }
    };
    if name.len() < 3 || !name.chars().all(allowed) {
        return Err(NAME);
    }
    Ok(rest)
}

/// Takes an offset from the start of `text`. POSIX counts to the west. Returns seconds to the east.
fn west(text: &mut &str) -> Result<i32, &'static str> {
    let end = text.find(|char: char| !matches!(char, '0'..='9' | ':' | '+' | '-')).unwrap_or(text.len());
    let (offset, rest) = text.split_at_checked(end).unwrap_or_default();
    *text = rest;
    let seconds = clock(offset, MOST_OFFSET_HOURS).ok_or(
        "has an offset that is not hours up to 24, with or without `:` and minutes, such as `-5:30`",
    )?;
    Ok(seconds.saturating_neg())
}

/// Reads `hh`, `hh:mm` or `hh:mm:ss` with or without a sign, as seconds.
fn clock(text: &str, most_hours: i32) -> Option<i32> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let number = |text: &str, most: i32| -> Option<i32> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && (0..=most).contains(number))
    };
    let hours = number(parts.next()?, most_hours)?;
    let minutes = parts.next().map_or(Some(0), |part| number(part, 59))?;
    let seconds = parts.next().map_or(Some(0), |part| number(part, 59))?;
    if parts.next().is_some() {
        return None;
    }
    let seconds = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
    if text.starts_with('-') { seconds.checked_neg() } else { Some(seconds) }
}

/// Reads when clocks change: a day, with or without `/` and a time.
fn change(text: &str) -> Result<Change, &'static str> {
    let (date, time) = text.split_once('/').map_or((text, None), |(date, time)| (date, Some(time)));
    let seconds = match time {
        None => CHANGE_SECONDS,
        Some(time) => clock(time, MOST_CHANGE_HOURS)
            .ok_or("has a time of a change that is not hours up to 167, with or without `:` and minutes")?,
    };
    let day = day(date).ok_or(
        "has a day of a change that is neither `Mm.w.d` (month, week, weekday) nor `Jn` (1 to 365) nor `n` (0 to 365)",
    )?;
    Ok(Change { day, seconds })
}

fn day(text: &str) -> Option<Day> {
    if let Some(text) = text.strip_prefix('M') {
        let mut parts = text.split('.').map(super::digits);
        let mut part = || parts.next().flatten().and_then(|number| u8::try_from(number).ok());
        let (month, week, weekday) = (part()?, part()?, part()?);
        if parts.next().is_some() || !(1..=5).contains(&week) || weekday > 6 {
            return None;
        }
        return Some(Day::OfMonth { month: Month::try_from(month).ok()?, week, weekday });
    }
    match text.strip_prefix('J') {
        Some(text) => super::digits(text).filter(|number| (1..=365).contains(number)).map(Day::Julian),
        None => super::digits(text).filter(|number| (0..=365).contains(number)).map(Day::FromZero),
    }
}
