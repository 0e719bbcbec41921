//! Time zones: their texts, and the local time around changes.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";
const SYDNEY: &str = "AEST-10AEDT,M10.1.0,M4.1.0/3";

/// Returns the local time in a zone as `fri 2027-01-15 08:00`.
fn local(zone: &str, seconds: u32) -> String {
    let zone = TimeZone::parse(zone).unwrap();
    let now_ns = u64::from(seconds).saturating_mul(1_000_000_000);
    let local = zone.local(now_ns).unwrap();
    format!("{} {} {}", local.weekday(), local.date(), local.of_day())
}

#[test]
fn local_time_follows_the_offset_and_the_rules() {
    for (zone, seconds, expected) in [
        ("UTC0", 1_800_000_000, "fri 2027-01-15 08:00"),
        ("UTC0", 0, "thu 1970-01-01 00:00"),
        ("<+0530>-5:30", 1_800_000_000, "fri 2027-01-15 13:30"),
        ("<-12>+12", 1_800_000_000, "thu 2027-01-14 20:00"),
        (BERLIN, 1_800_000_000, "fri 2027-01-15 09:00"),
        // 2027-03-28 01:00 UTC
        (BERLIN, 1_806_195_599, "sun 2027-03-28 01:59"),
        (BERLIN, 1_806_195_600, "sun 2027-03-28 03:00"),
        // 2027-10-31 01:00 UTC
        (BERLIN, 1_824_944_399, "sun 2027-10-31 02:59"),
        (BERLIN, 1_824_944_400, "sun 2027-10-31 02:00"),
        // 2027-03-14 07:00 UTC
        (NEW_YORK, 1_805_007_599, "sun 2027-03-14 01:59"),
        (NEW_YORK, 1_805_007_600, "sun 2027-03-14 03:00"),
        (SYDNEY, 1_800_000_000, "fri 2027-01-15 19:00"),
        (SYDNEY, 1_814_400_000, "thu 2027-07-01 10:00"),
        // Daylight saving time all year.
        ("XXX3EDT4,0/0,J365/23", 1_800_000_000, "fri 2027-01-15 04:00"),
        // 2028-01-01 00:00 UTC
        ("EST5EDT,0/0,J365/25", 1_830_297_600, "fri 2027-12-31 20:00"),
    ] {
        assert_eq!(local(zone, seconds), expected, "{zone} {seconds}");
    }
}

#[test]
fn a_text_that_is_no_time_zone_says_why() {
    for (text, why) in [
        ("", "neither three or more letters"),
        ("CET", "has no offset"),
        ("Europe/Berlin", "name of a zone in a database"),
        ("CE-1", "neither three or more letters"),
        ("<CET-1", "not closed"),
        ("<C_T>-1", "neither three or more letters"),
        ("CET-25", "has an offset"),
        ("CET-1:60", "has an offset"),
        ("CET-1:00:00:00", "has an offset"),
        ("CET-", "has an offset"),
        ("CET--1", "has an offset"),
        ("CET-1 ", "neither three or more letters"),
        ("CET-1CEST", "does not say when"),
        ("CET-1,M3.5.0,M10.5.0", "no name of daylight"),
        ("CET-1CEST,M3.5.0", "does not say when"),
        ("CET-1CEST,M3.5.0,", "has a day of a change"),
        ("CET-1CEST,M13.5.0,M10.5.0", "has a day of a change"),
        ("CET-1CEST,M3.6.0,M10.5.0", "has a day of a change"),
        ("CET-1CEST,M3.5.7,M10.5.0", "has a day of a change"),
        ("CET-1CEST,M3.5,M10.5.0", "has a day of a change"),
        ("CET-1CEST,M3.5.0.0,M10.5.0", "has a day of a change"),
        ("CET-1CEST,J0,J365", "has a day of a change"),
        ("CET-1CEST,366,J365", "has a day of a change"),
        ("CET-1CEST,M3.5.0/168,M10.5.0", "has a time of a change"),
        ("CET-1CEST,M3.5.0/,M10.5.0", "has a time of a change"),
        ("CET-1CEST,M3.5.0,M10.5.0,M11.1.0", "has a day of a change"),
    ] {
        let found = TimeZone::parse(text).expect_err(text);
        assert!(found.contains(why), "{text}: {found}");
    }
}

#[test]
fn times_of_day_and_dates_have_one_form() {
    for (text, expected) in [
        ("08:30", true),
        ("00:00", true),
        ("23:59", true),
        ("24:00", false),
        ("08:60", false),
        ("8:30", false),
        ("08:30:00", false),
        ("08.30", false),
        ("+8:30", false),
        ("08:3", false),
        ("é8:30", false),
    ] {
        assert_eq!(is_time_of_day(text), expected, "{text}");
    }
    for (text, expected) in [
        ("2027-01-31", true),
        ("2028-02-29", true),
        ("2027-02-29", false),
        ("2027-13-01", false),
        ("2027-00-01", false),
        ("2027-1-31", false),
        ("2027/01/31", false),
        ("27-01-31", false),
        ("2027-01-311", false),
        ("+027-01-31", false),
    ] {
        assert_eq!(is_date(text), expected, "{text}");
    }
}

/// A change in one of these months, or on one of these days: its day, and sometimes a time.
fn changes(months: RangeInclusive<u8>, days: RangeInclusive<u16>) -> impl Strategy<Value = String> {
    let day = prop_oneof![
        4 => (months, 1..=5_u8, 0..=6_u8).prop_map(|(month, week, day)| format!("M{month}.{week}.{day}")),
        1 => days.clone().prop_map(|day| format!("J{day}")),
        1 => days.prop_map(|day| day.to_string()),
    ];
    let time = prop_oneof![
        Just(String::new()),
        (0..=24_u8).prop_map(|hour| format!("/{hour}")),
        (-167..=167_i16, 0..=59_u8).prop_map(|(hour, minute)| format!("/{hour}:{minute:02}")),
    ];
    (day, time).prop_map(|(day, time)| day + &time)
}

fn zones() -> impl Strategy<Value = String> {
    let name = || select(vec!["CET", "EDT", "<+03>", "<-0530>", "ABCDEF"]);
    let offset = || {
        let parts = (select(vec!["", "-", "+"]), 0..=14_u8, prop::option::of(0..=59_u8));
        parts.prop_map(|(sign, hour, minute)| match minute {
            None => format!("{sign}{hour}"),
            Some(minute) => format!("{sign}{hour}:{minute:02}"),
        })
    };
    // The seasons keep the changes in one order. Implementations differ if it differs from year to year.
    let (spring, autumn) = (changes(1..=5, 10..=140), changes(7..=11, 190..=320));
    let daylight =
        (name(), prop_oneof![3 => Just(String::new()), 1 => offset()], spring, autumn, any::<bool>());
    (name(), offset(), prop::option::weighted(0.9, daylight)).prop_map(|(name, offset, daylight)| {
        match daylight {
            None => format!("{name}{offset}"),
            Some((other, ahead, spring, autumn, south)) => {
                let (start, end) = if south { (autumn, spring) } else { (spring, autumn) };
                format!("{name}{offset}{other}{ahead},{start},{end}")
            }
        }
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[A-Z<>+,./JM0-9:-]{0,30}", now in any::<u64>()) {
        if let Ok(zone) = TimeZone::parse(&text) {
            let _ = zone.local(now);
        }
    }

    #[test]
    fn local_times_agree_with_another_implementation(zone in zones(), seconds in any::<u32>()) {
        let Ok(other) = jiff::tz::TimeZone::posix(&zone) else { return Err(TestCaseError::reject("not for jiff")) };
        let expected = jiff::Timestamp::from_second(seconds.into()).unwrap().to_zoned(other);
        let expected = expected.strftime("%a %Y-%m-%d %H:%M").to_string().to_lowercase();
        prop_assert_eq!(local(&zone, seconds), expected, "{} {}", zone, seconds);
    }
}
