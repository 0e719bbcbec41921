use std::collections::{HashMap, HashSet};

use super::*;

fn layout(capacity: u32) -> Layout {
    Layout::new([7; 16], NonZeroU32::new(capacity).unwrap())
}

fn window(seconds: u64) -> Window {
    Window::new(seconds, Kind::Sliding).unwrap()
}

fn session(session: &str) -> Counter<'_> {
    let scope = Scope::Session { grant: "g", session: session.as_bytes() };
    Counter::new("s", "n", window(60), scope)
}

#[test]
fn buckets_hold_the_capacity_exactly() {
    for (capacity, buckets) in
        [(1, 1), (16, 1), (63, 1), (64, 1), (127, 1), (128, 2), (16_384, 256), (1000, 8), (u32::MAX, 1 << 25)]
    {
        let layout = layout(capacity);
        assert_eq!(layout.buckets, buckets, "{capacity}");
        if buckets <= 256 {
            let rooms: usize = (0..buckets).map(|bucket| layout.room(bucket)).sum();
            assert_eq!(rooms, usize::try_from(capacity).unwrap());
            assert!((0..buckets).all(|bucket| capacity < 128 || (64..128).contains(&layout.room(bucket))));
        }
    }
}

#[test]
fn another_capacity_does_not_move_a_counter_within_one_table() {
    for (capacity, buckets, room) in [
        // Fewer entries than the table was made for: each bucket keeps room for 64.
        (1, 256, Some(64)),
        (1024, 256, Some(64)),
        (16_383, 256, Some(64)),
        (16_384, 256, Some(64)),
        (30_000, 256, Some(118)),
        // More entries: the buckets become larger, within bounds.
        (65_536, 256, Some(256)),
        (1000, 1, Some(1000)),
        (16_384, 1, Some(16_384)),
        (16_385, 1, None),
        (u32::MAX, 256, None),
        // No number of buckets.
        (1024, 0, None),
        (1024, 3, None),
        (1024, u32::MAX, None),
    ] {
        let adapted = layout(capacity).with_buckets(buckets);
        assert_eq!(adapted.is_some(), room.is_some(), "{capacity} {buckets}");
        let Some((adapted, room)) = adapted.zip(room) else { continue };
        assert_eq!(adapted.buckets(), buckets);
        let made_for = layout(buckets * 64);
        let mut rooms = HashSet::new();
        for number in 0..200 {
            let session = format!("session {number}");
            let (place, first) =
                (adapted.place(&self::session(&session)), made_for.place(&self::session(&session)));
            assert_eq!((place.key(), place.id), (first.key(), first.id), "{capacity} {buckets}");
            rooms.insert(place.room);
        }
        assert!(rooms.iter().all(|one| one.abs_diff(room) <= 1), "{capacity} {buckets}: {rooms:?}");
    }
    let same = layout(1000).with_buckets(layout(1000).buckets());
    assert_eq!(same.map(|layout| (layout.capacity, layout.buckets)), Some((1000, 8)));
}

#[test]
fn sessions_share_a_fixed_set_of_short_keys_evenly() {
    let layout = layout(1024);
    let mut keys = HashMap::new();
    for number in 0..16_000 {
        let place = layout.place(&session(&format!("session {number}")));
        assert!(place.key().len() <= 64 && place.room == 64);
        *keys.entry(place.key).or_insert(0) += 1;
    }
    assert_eq!(keys.len(), 16);
    assert!(keys.values().all(|count| (850..1150).contains(count)), "{keys:?}");
    assert!(keys.keys().all(|key| key.starts_with("mcp-policy/2/t/")));
}

#[test]
fn each_part_of_a_counter_tells_it_apart() {
    let layout = layout(1);
    let at = |server, name, window, scope| layout.place(&Counter::new(server, name, window, scope)).id;
    let principal =
        |grant, principal: &'static str| Scope::Principal { grant, principal: principal.as_bytes() };
    let calendar = Window::new(60, Kind::Calendar).unwrap();
    let ids = [
        at("s", "n", window(60), Scope::Global),
        at("S", "n", window(60), Scope::Global),
        at("s", "N", window(60), Scope::Global),
        at("s", "n", window(61), Scope::Global),
        at("s", "n", calendar, Scope::Global),
        at("s", "n", window(60), Scope::Grant("")),
        at("s", "n", window(60), Scope::Grant("a")),
        at("s", "n", window(60), principal("", "")),
        at("s", "n", window(60), principal("a", "bc")),
        at("s", "n", window(60), principal("ab", "c")),
        at("s", "n", window(60), Scope::Session { grant: "ab", session: b"c" }),
        at("sn", "", window(60), Scope::Global),
        at("", "sn", window(60), Scope::Global),
    ];
    let of = |path, value: &'static str, scope| {
        let of = Some(Of { path, value: value.as_bytes() });
        layout.place(&Counter { of, ..Counter::new("s", "n", window(60), scope) })
    };
    let values = [
        of("args.a", "x", Scope::Global),
        of("args.a", "y", Scope::Global),
        of("args.b", "x", Scope::Global),
        of("args.a", "", Scope::Global),
        of("args.a", "x", Scope::Grant("a")),
        of("args.a", "x", principal("a", "bc")),
        of("args.a", "x", principal("a", "b")),
        of("args.a", "bc", principal("a", "")),
        of("args.a", "bx", principal("a", "c")),
    ];
    assert!(values.iter().all(|place| place.key().starts_with("mcp-policy/2/t/")), "callers choose values");
    let apart = [(false, true), (true, false), (true, true)].map(|(document, rule)| {
        let shadow = Shadow { document, rule };
        layout.place(&Counter { shadow, ..Counter::new("s", "n", window(60), Scope::Global) }).id
    });
    let ids: Vec<u128> = ids.into_iter().chain(values.iter().map(|place| place.id)).chain(apart).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    assert_eq!(at("s", "n", window(60), Scope::Global), ids[0], "and the same parts give the same");
}

#[test]
fn another_secret_gives_other_places() {
    let one = layout(1).place(&session("x"));
    let two = Layout::new([8; 16], NonZeroU32::MIN).place(&session("x"));
    assert_ne!(one.id, two.id);
}

#[test]
fn counters_of_the_document_have_a_key_each() {
    let layout = layout(1);
    let named = |scope| layout.place(&Counter::new("s", "n", window(60), scope));
    let (global, grant) = (named(Scope::Global), named(Scope::Grant("g")));
    assert_ne!(global.key(), grant.key());
    for place in [global, grant] {
        assert!(place.key().starts_with("mcp-policy/2/c/") && place.key().len() <= 64 && place.room == 1);
    }
}

#[test]
fn places_stay_where_they_are() {
    // Counters must outlive an update of the module: these keys were written when the format was introduced.
    let layout = layout(1 << 20);
    let window = Window::new(86_400, Kind::Calendar).unwrap();
    let place = |name, scope| layout.place(&Counter::new("payments", name, window, scope));
    let long = "n".repeat(1000);
    for (place, key, id) in [
        (
            place("spend", Scope::Grant("agents")),
            "mcp-policy/2/c/de42c9f74dfa50a35293e58950f7f1a8",
            0xde42_c9f7_4dfa_50a3_5293_e589_50f7_f1a8_u128,
        ),
        (
            place(&long, Scope::Global),
            "mcp-policy/2/c/dbcd213f734014513ded537f6eea434d",
            0xdbcd_213f_7340_1451_3ded_537f_6eea_434d,
        ),
        (
            place("rate", Scope::Principal { grant: "agents", principal: b"alice" }),
            "mcp-policy/2/t/2640",
            91_720_524_771_058_537_704_377_808_784_485_393_984,
        ),
        (
            place("rate", Scope::Session { grant: "", session: b"\xff" }),
            "mcp-policy/2/t/3b1",
            66_905_353_642_161_005_101_935_863_659_663_098_801,
        ),
    ] {
        assert_eq!((place.key(), place.id), (key, id));
    }
}

#[test]
fn the_secret_is_not_shown() {
    assert_eq!(format!("{:?}", layout(5)), "Layout { capacity: 5, buckets: 1, .. }");
}
