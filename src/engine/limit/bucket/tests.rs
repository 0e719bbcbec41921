use std::num::NonZeroU32;

use super::super::place::{Counter, Layout, Scope};
use super::super::window::{Kind, Window};
use super::*;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_000_000 * SECOND;

fn place(session: &str, kind: Kind, capacity: u32) -> Place {
    let scope = Scope::Session { grant: "g", session: session.as_bytes() };
    let window = Window::new(10, kind).unwrap();
    let layout = Layout::new([1; 16], NonZeroU32::new(capacity).unwrap());
    layout.place(&Counter::new("s", "n", window, scope))
}

fn read(value: &[u8], now_ns: u64) -> Bucket {
    let (bucket, healed) = Bucket::read(Some(value.to_vec()), now_ns).unwrap();
    assert!(!healed);
    bucket
}

#[test]
fn what_is_written_is_read_again() {
    let mut bucket = Bucket::empty();
    for (session, kind) in [("a", Kind::Sliding), ("b", Kind::Calendar), ("c", Kind::Sliding)] {
        bucket.charge(&place(session, kind, 16), START, Amount::ONE, session == "b");
    }
    let value = bucket.value().to_vec();
    assert_eq!(value.len(), 1 + 3 * entry::BYTES);
    assert_eq!(read(&value, START), bucket);
    assert_eq!(Bucket::read(None, START), Some((Bucket::empty(), false)));
}

#[test]
fn a_value_of_another_format_is_not_read() {
    let mut bucket = Bucket::empty();
    bucket.charge(&place("a", Kind::Sliding, 16), START, Amount::ONE, false);
    let good = bucket.value().to_vec();
    let changed = |at: usize, byte| {
        let mut bad = good.clone();
        bad[at] = byte;
        bad
    };
    let kind = 1 + 16 + 4 + 8;
    let mut no_seconds = good.clone();
    no_seconds[kind + 1..kind + 5].fill(0);
    for (what, bad) in [
        ("empty", vec![]),
        ("text", b"not a bucket".to_vec()),
        ("another version", changed(0, 2)),
        ("an unknown kind", changed(kind, 2)),
        ("a window of no length", no_seconds),
        ("a byte short", good[..good.len() - 1].to_vec()),
        ("a byte long", [&good[..], &[0]].concat()),
    ] {
        assert_eq!(Bucket::read(Some(bad), START), None, "{what}");
    }
    assert!(Bucket::read(Some(good), START).is_some());
}

#[test]
fn no_bytes_make_a_panic() {
    let place = place("a", Kind::Sliding, 16);
    for fill in [0x00, 0x01, 0x7f, 0xff] {
        let mut value = vec![fill; 1 + entry::BYTES];
        value[0] = VERSION;
        value[1..17].copy_from_slice(&place.id.to_le_bytes());
        for kind in [0, 1] {
            value[29] = kind;
            for now_ns in [0, 1, START, u64::MAX] {
                let Some((mut bucket, _)) = Bucket::read(Some(value.clone()), now_ns) else { continue };
                if let Some(tally) = bucket.tally(&place, now_ns) {
                    tally.judge(now_ns, Amount::MAX, Amount::MAX);
                }
                let receipt = bucket.charge(&place, now_ns, Amount::MAX, true).unwrap();
                bucket.withdraw(&receipt, now_ns);
            }
        }
    }
}

#[test]
fn entries_pass_a_second_after_their_window_or_when_their_room_is_needed() {
    let (old, new) = (place("old", Kind::Sliding, 1), place("new", Kind::Sliding, 1));
    let mut bucket = Bucket::empty();
    bucket.charge(&old, START, Amount::ONE, false);
    let value = bucket.value().to_vec();
    for (after, live, kept) in
        [(0, 1, true), (10_399, 1, true), (10_400, 0, true), (11_399, 0, true), (11_400, 0, false)]
    {
        let now_ns = START + after * 1_000_000;
        let mut bucket = read(&value, now_ns);
        assert_eq!((bucket.live(now_ns), bucket.holds(&old)), (live, kept), "{after}");
        assert_eq!(bucket.value().len(), if kept { 1 + entry::BYTES } else { 1 }, "{after}");
        if live == 0 {
            bucket.charge(&new, now_ns, Amount::ONE, false);
            assert!(bucket.holds(&new) && !bucket.holds(&old), "{after}");
        }
    }
}

#[test]
fn a_charge_is_pending_until_it_is_settled_or_withdrawn_or_a_second_old() {
    let place = place("a", Kind::Sliding, 1);
    let mut bucket = Bucket::empty();
    let one = bucket.charge(&place, START, Amount::ONE, true).unwrap();
    let two = bucket.charge(&place, START, Amount::ONE, true).unwrap();
    bucket.settle(&one);
    assert!(bucket.is_pending(&place, START) && bucket.any_pending(START + SECOND - 1));
    assert!(!bucket.is_pending(&place, START + SECOND) && !bucket.any_pending(START + SECOND));
    bucket.withdraw(&two, START);
    assert!(!bucket.is_pending(&place, START));
    let used = |bucket: &Bucket| {
        bucket.tally(&place, START).unwrap().judge(START, Amount::ZERO, Amount::MAX).before.used
    };
    assert_eq!(used(&bucket), Amount::ONE, "only the withdrawn charge is gone");

    bucket.charge(&place, START, Amount::ONE, true);
    let later = START + 2 * SECOND;
    let late = bucket.charge(&place, later, Amount::ONE, true).unwrap();
    bucket.settle(&late);
    assert!(!bucket.is_pending(&place, later), "a stale charge does not stay pending");
}

#[test]
fn a_clock_that_was_stepped_back_moves_all_entries_and_says_so() {
    let mut bucket = Bucket::empty();
    bucket.charge(&place("a", Kind::Sliding, 16), START, Amount::ONE, false);
    bucket.charge(&place("b", Kind::Calendar, 16), START, Amount::ONE, false);
    let value = bucket.value().to_vec();
    let (_, healed) = Bucket::read(Some(value.clone()), START - 10 * SECOND).unwrap();
    assert!(!healed, "a window back is not far enough");
    let back = START - 3600 * SECOND;
    let (bucket, healed) = Bucket::read(Some(value.clone()), back).unwrap();
    assert!(healed);
    assert_eq!(bucket.live(back), 2);
    let value = bucket.value().to_vec();
    assert_eq!(read(&value, back).live(back), 2);
    assert_eq!(read(&value, back + 20 * SECOND).live(back + 20 * SECOND), 0);
}
