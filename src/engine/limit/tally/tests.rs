use super::*;

const SECOND: u64 = 1_000_000_000;

/// A counter's tally in memory.
#[derive(Clone)]
struct Stored([u8; BYTES]);

impl Stored {
    fn read(&self) -> Tally<'_> {
        Tally::read(&self.0).unwrap()
    }

    fn change(&mut self) -> TallyMut<'_> {
        TallyMut::read(&mut self.0).unwrap()
    }

    fn heal(&mut self, now_ns: u64) -> bool {
        let slot = self.read().healed(now_ns);
        slot.into_iter().for_each(|slot| self.change().heal(slot));
        slot.is_some()
    }

    fn charge(&mut self, now_ns: u64, amount: Amount) -> u64 {
        self.change().charge(now_ns, amount)
    }

    fn judge(&self, now_ns: u64, amount: Amount, max: Amount) -> Result<Usage, NoRoom> {
        self.read().judge(now_ns, amount, max).after
    }

    fn usage(&self, now_ns: u64, max: Amount) -> Usage {
        self.read().judge(now_ns, Amount::ZERO, max).before
    }
}

fn tally(seconds: u64, kind: Kind) -> Stored {
    Stored(empty(Window::new(seconds, kind).unwrap(), 0))
}

fn calls(number: u64) -> Amount {
    Amount::from_micros(number.saturating_mul(1_000_000))
}

/// Charges `number` calls if they fit into `max`.
fn admit(tally: &mut Stored, now_ns: u64, number: u64, max: u64) -> Result<u64, Option<u64>> {
    let usage =
        tally.judge(now_ns, calls(number), calls(max)).map_err(|no_room| no_room.retry_after_seconds)?;
    tally.charge(now_ns, calls(number));
    assert_eq!(tally.usage(now_ns, calls(max)), usage);
    Ok(usage.used.micros() / 1_000_000)
}

#[test]
fn a_sliding_window_counts_its_whole_stretch_and_at_most_a_25th_more() {
    let mut tally = tally(10, Kind::Sliding);
    for (now_ns, number, expected) in [
        (500_000_000, 1, Ok(1)),
        (9 * SECOND, 1, Ok(2)),
        (10 * SECOND, 1, Err(Some(1))),
        (10_500_000_000, 1, Err(Some(1))),
        (10_799_999_999, 1, Err(Some(1))),
        (10_799_999_999, 2, Err(Some(9))),
        (10_800_000_000, 1, Ok(2)),
        (10_800_000_000, 1, Err(Some(9))),
        (10_800_000_000, 3, Err(None)),
        (10_800_000_000, 0, Ok(2)),
        (19_199_999_999, 1, Err(Some(1))),
        (19_200_000_000, 1, Ok(2)),
        (1000 * SECOND, 2, Ok(2)),
    ] {
        assert_eq!(admit(&mut tally, now_ns, number, 2), expected, "{now_ns}");
    }
}

#[test]
fn a_calendar_window_resets_at_its_boundary() {
    let mut tally = tally(60, Kind::Calendar);
    for (now_ns, number, expected) in [
        (59 * SECOND, 2, Ok(2)),
        (59 * SECOND + 1, 1, Err(Some(1))),
        (60 * SECOND - 1, 1, Err(Some(1))),
        (60 * SECOND, 1, Ok(1)),
        (60 * SECOND, 1, Ok(2)),
        (60 * SECOND, 1, Err(Some(60))),
        (75_500_000_000, 1, Err(Some(45))),
        (75_500_000_000, 3, Err(None)),
        (300 * SECOND, 2, Ok(2)),
    ] {
        assert_eq!(admit(&mut tally, now_ns, number, 2), expected, "{now_ns}");
    }
}

#[test]
fn usage_tells_when_nothing_counts_any_more() {
    for (kind, now_ns, resets) in [
        (Kind::Sliding, 5 * SECOND, 11),
        (Kind::Sliding, 5_999_999_999, 11),
        (Kind::Calendar, 5 * SECOND, 5),
        (Kind::Calendar, 9_999_999_999, 1),
    ] {
        let mut tally = tally(10, kind);
        assert_eq!(tally.usage(now_ns, Amount::ONE).resets_in_seconds, 0);
        tally.charge(now_ns, Amount::ONE);
        assert_eq!(tally.usage(now_ns, Amount::ONE).resets_in_seconds, resets, "{kind:?} {now_ns}");
    }
}

#[test]
fn a_clock_slightly_behind_counts_as_the_tallys_latest_slot() {
    for (kind, latest, behind, free) in
        [(Kind::Sliding, 100, 76, 126), (Kind::Calendar, 100, 99, 125), (Kind::Calendar, 100, 75, 125)]
    {
        let mut tally = tally(25, kind);
        assert_eq!(admit(&mut tally, latest * SECOND, 1, 2), Ok(1));
        assert_eq!(admit(&mut tally, behind * SECOND, 1, 2), Ok(2));
        assert_eq!(admit(&mut tally, behind * SECOND, 1, 2), Err(Some(free - behind)), "{kind:?}");
        assert_eq!(admit(&mut tally, free * SECOND - 1, 1, 2), Err(Some(1)));
        assert_eq!(admit(&mut tally, free * SECOND, 2, 2), Ok(2));
    }
}

#[test]
fn a_clock_stepped_back_makes_a_tally_younger_and_it_heals() {
    for (kind, back, passes) in [(Kind::Sliding, 50, 27), (Kind::Calendar, 50, 25), (Kind::Sliding, 74, 27)] {
        let mut tally = tally(25, kind);
        assert_eq!(admit(&mut tally, 100 * SECOND, 2, 2), Ok(2));
        assert!(tally.heal(back * SECOND), "{kind:?} {back}");
        assert!(!tally.heal(back * SECOND));
        assert_eq!(admit(&mut tally, back * SECOND, 1, 2), Err(Some(passes)), "{kind:?} {back}");
        assert_eq!(admit(&mut tally, (back + passes) * SECOND, 1, 2), Ok(1));
    }
}

#[test]
fn a_charge_is_withdrawn_from_its_own_slot() {
    let mut tally = tally(10, Kind::Sliding);
    tally.charge(SECOND, calls(1));
    let slot = tally.charge(3 * SECOND, calls(2));
    tally.charge(5 * SECOND, calls(4));
    tally.change().withdraw(slot, calls(2));
    for (now, used) in [(5, 5), (11, 5), (12, 4), (15, 4), (16, 0)] {
        assert_eq!(tally.usage(now * SECOND, calls(9)).used, calls(used), "{now}");
    }
    let before = tally.clone();
    for slot in [u64::MAX, 6, 0] {
        tally.charge(40 * SECOND, Amount::ZERO);
        tally.change().withdraw(slot, calls(1));
    }
    assert_eq!(tally.usage(40 * SECOND, calls(9)).used, Amount::ZERO);
    assert!(before.read().is_live(5 * SECOND) && !tally.read().is_live(40 * SECOND));
}

#[test]
fn amounts_and_times_at_their_ends_are_exact() {
    for kind in [Kind::Sliding, Kind::Calendar] {
        for seconds in [1, 86_400, Window::MAX_SECONDS] {
            let mut tally = tally(seconds, kind);
            for now_ns in [0, u64::MAX, 0, u64::MAX / 2, u64::MAX] {
                tally.heal(now_ns);
                tally.charge(now_ns, Amount::MAX);
                tally.charge(now_ns, Amount::MAX);
                assert!(tally.judge(now_ns, Amount::from_micros(1), Amount::MAX).is_err());
                assert!(tally.read().is_live(now_ns));
            }
        }
    }
    let mut tally = tally(1, Kind::Sliding);
    assert!(tally.judge(0, Amount::MAX, Amount::MAX).is_ok());
    tally.charge(0, Amount::from_micros(1));
    assert!(tally.judge(0, Amount::MAX, Amount::MAX).is_err());
}

#[test]
fn what_is_written_is_read_again() {
    for kind in [Kind::Sliding, Kind::Calendar] {
        let window = Window::new(60, kind).unwrap();
        let bytes = empty(window, 3 * SECOND);
        assert_eq!(Tally::read(&bytes), Some(Tally::new(window, 3 * SECOND)));
    }
}
