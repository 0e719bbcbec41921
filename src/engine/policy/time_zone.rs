//! Time zones as POSIX writes them, such as `CET-1CEST,M3.5.0,M10.5.0/3`, and the local time in them.
//!
//! Such a text holds the offsets and the rules themselves (POSIX.1-2024, "TZ"), so no database of time zones
//! is needed.

mod parse;

use time::{Date, Duration, Month, OffsetDateTime, UtcOffset};

use super::words::WEEKDAYS;

/// A time zone. The default is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeZone {
    /// Seconds east of UTC
    standard: i32,
    daylight: Option<Daylight>,
}

/// Daylight saving time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Daylight {
    /// Seconds east of UTC
    offset: i32,
    start: Change,
    end: Change,
}

/// When clocks change, in each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    day: Day,
    /// Seconds from midnight on that day, in the local time before the change. It can lie on another day.
    seconds: i32,
}

/// A day of each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    /// `Jn`: from 1 to 365; February 29 is never counted
    Julian(u16),
    /// `n`: from 0 to 365; February 29 is counted in leap years
    FromZero(u16),
    /// `Mm.w.d`: the weekday (0 is Sunday) of the month in its week w, where 5 is the last
    OfMonth { month: Month, week: u8, weekday: u8 },
}

/// A local date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime(OffsetDateTime);

impl TimeZone {
    /// Returns the local time at `now_ns`, in nanoseconds since the Unix epoch. Returns `None` for a time
    /// that is out of range.
    #[must_use]
    pub fn local(&self, now_ns: u64) -> Option<LocalTime> {
        let utc = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now_ns)).ok()?;
        let offset = UtcOffset::from_whole_seconds(self.offset(utc)?).ok()?;
        Some(LocalTime(utc.checked_to_offset(offset)?))
    }

    /// Returns how many seconds east of UTC the local time is.
    fn offset(&self, utc: OffsetDateTime) -> Option<i32> {
        let Some(Daylight { offset, start, end }) = self.daylight else { return Some(self.standard) };
        // A change can be up to a week away from its day, so those of the years around count too.
        let years = utc.year().checked_sub(1)?..=utc.year().checked_add(1)?;
        let starts = |year| Some((start.at(year, self.standard)?, offset));
        let ends = |year| Some((end.at(year, offset)?, self.standard));
        let changes = years.flat_map(|year| [ends(year), starts(year)]).flatten();
        // Where one ends at the moment when the next starts, the start counts: daylight saving time is all
        // year.
        let last = changes.filter(|(at, _)| *at <= utc).max_by_key(|(at, to)| (*at, *to == offset));
        last.map(|(_, offset)| offset)
    }
}

impl Change {
    /// Returns when the change happens in a year, if the local time before it is `offset` seconds east of
    /// UTC.
    fn at(self, year: i32, offset: i32) -> Option<OffsetDateTime> {
        let midnight = self.day.in_year(year)?.midnight().assume_utc();
        let seconds = i64::from(self.seconds).checked_sub(i64::from(offset))?;
        midnight.checked_add(Duration::seconds(seconds))
    }
}

impl Day {
    fn in_year(self, year: i32) -> Option<Date> {
        match self {
            Self::Julian(number) => {
                // In a year without a leap day, the count is the same.
                let (month, day) =
                    Date::from_ordinal_date(2001, number).ok().map(|date| (date.month(), date.day()))?;
                Date::from_calendar_date(year, month, day).ok()
            }
            Self::FromZero(number) => {
                let first = Date::from_calendar_date(year, Month::January, 1).ok()?;
                first.checked_add(Duration::days(i64::from(number)))
            }
            Self::OfMonth { month, week, weekday } => {
                let first = Date::from_calendar_date(year, month, 1).ok()?;
                let from_sunday = first.weekday().number_days_from_sunday();
                let to_first = weekday.checked_add(7)?.checked_sub(from_sunday)?.checked_rem(7)?;
                let weeks = week.checked_sub(1)?.checked_mul(7)?;
                let date = first.checked_add(Duration::days(i64::from(to_first.checked_add(weeks)?)))?;
                // The fifth may be in the next month. Then the fourth is the last.
                if date.month() == month { Some(date) } else { date.checked_sub(Duration::weeks(1)) }
            }
        }
    }
}

impl LocalTime {
    /// Returns the day of the week, such as `mon`.
    #[must_use]
    pub fn weekday(self) -> &'static str {
        let Self(local) = self;
        WEEKDAYS.get(usize::from(local.weekday().number_days_from_monday())).copied().unwrap_or_default()
    }

    /// Returns the time of day, such as `08:30`.
    #[must_use]
    pub fn of_day(self) -> String {
        let Self(local) = self;
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// Returns the date, such as `2027-01-31`.
    #[must_use]
    pub fn date(self) -> String {
        let (year, month, day) = self.0.to_calendar_date();
        format!("{year:04}-{:02}-{day:02}", u8::from(month))
    }
}

/// Returns whether a text is a time of day such as `08:30`, from `00:00` to `23:59`.
#[must_use]
pub fn is_time_of_day(text: &str) -> bool {
    let (hour, minute) = (text.get(..2).and_then(digits), text.get(3..).and_then(digits));
    text.len() == 5
        && text.get(2..3) == Some(":")
        && hour.is_some_and(|hour| hour < 24)
        && minute.is_some_and(|minute| minute < 60)
}

/// Returns whether a text is a date such as `2027-01-31` that the calendar has.
#[must_use]
pub fn is_date(text: &str) -> bool {
    let part = |from: usize, to: usize| text.get(from..to).and_then(digits);
    let (Some(year), Some(month), Some(day)) = (part(0, 4), part(5, 7), part(8, 10)) else { return false };
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    text.len() == 10
        && text.get(4..5) == Some("-")
        && text.get(7..8) == Some("-")
        && month.is_some_and(|month| {
            Date::from_calendar_date(i32::from(year), month, u8::try_from(day).unwrap_or_default()).is_ok()
        })
}

/// Reads a number of digits alone.
fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
