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
    Counter { server: "s", name: "n", window: window(60), scope }
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
    assert!(keys.keys().all(|key| key.starts_with("mcp-policy/1/t/")));
}

#[test]
fn each_part_of_a_counter_tells_it_apart() {
    let layout = layout(1);
    let at = |server, name, window, scope| layout.place(&Counter { server, name, window, scope }).id;
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
    let named = |scope| layout.place(&Counter { server: "s", name: "n", window: window(60), scope });
    let (global, grant) = (named(Scope::Global), named(Scope::Grant("g")));
    assert_ne!(global.key(), grant.key());
    for place in [global, grant] {
        assert!(place.key().starts_with("mcp-policy/1/c/") && place.key().len() <= 64 && place.room == 1);
    }
}

#[test]
fn places_stay_where_they_are() {
    // Counters must outlive an update of the module: these keys were written by its first version.
    let layout = layout(1 << 20);
    let window = Window::new(86_400, Kind::Calendar).unwrap();
    let place = |name, scope| layout.place(&Counter { server: "payments", name, window, scope });
    let long = "n".repeat(1000);
    for (place, key, id) in [
        (
            place("spend", Scope::Grant("agents")),
            "mcp-policy/1/c/303f17234599fd925d8bcf068033249a",
            0x303f_1723_4599_fd92_5d8b_cf06_8033_249a_u128,
        ),
        (
            place(&long, Scope::Global),
            "mcp-policy/1/c/f1707db5d9f461ae4bd58998458eaeb6",
            0xf170_7db5_d9f4_61ae_4bd5_8998_458e_aeb6,
        ),
        (
            place("rate", Scope::Principal { grant: "agents", principal: b"alice" }),
            "mcp-policy/1/t/1de3",
            220_758_704_081_377_740_766_588_311_541_762_252_259,
        ),
        (
            place("rate", Scope::Session { grant: "", session: b"\xff" }),
            "mcp-policy/1/t/2e16",
            211_638_099_472_591_576_969_667_111_854_541_401_622,
        ),
    ] {
        assert_eq!((place.key(), place.id), (key, id));
    }
}

#[test]
fn the_secret_is_not_shown() {
    assert_eq!(format!("{:?}", layout(5)), "Layout { capacity: 5, buckets: 1, .. }");
}
