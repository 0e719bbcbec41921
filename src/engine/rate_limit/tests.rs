use prost::Message as _;

use super::*;
use crate::limit::{Amount, Counter, Kind, Of, Scale, Scope, Shadow, Window};

fn window(seconds: u64) -> Window {
    Window::new(seconds, Kind::Calendar).unwrap()
}

fn descriptor(most: u32, adds: u32, charges: bool) -> Descriptor {
    let counter = Counter::new("s", "c", window(60), Scope::Global);
    let tally = Tally::new(&counter, Scale::default());
    Descriptor { tally, most, unit: Unit::Minute, adds, charges }
}

fn question(descriptors: Vec<Descriptor>) -> Request {
    Request { domain: "d".to_owned(), descriptors }
}

#[test]
fn other_tallies_have_other_names_whatever_callers_choose() {
    let grant = |grant| Scope::Grant(grant);
    let principal = |grant, principal| Scope::Principal { grant, principal };
    let scopes = [
        Scope::Global,
        grant("a"),
        grant("ab"),
        principal("a", &b""[..]),
        principal("a", b"b"),
        principal("ab", b""),
        principal("a", b"b\0"),
        principal("a\0b", b""),
    ];
    let of = |path, value| Some(Of { path, value });
    let values = [None, of("args.a", &b""[..]), of("args.a", b"b"), of("args.ab", b""), of("claims.a", b"b")];
    let mut names = std::collections::BTreeSet::new();
    let mut count = 0;
    for (server, name) in [("s", "c"), ("sc", ""), ("", "sc"), ("s", "d")] {
        for (window, scale) in [(60, 1), (3_600, 1), (60, 100)].map(|(seconds, hit)| (window(seconds), hit)) {
            for (scope, of) in scopes.iter().flat_map(|scope| values.map(|of| (*scope, of))) {
                for (document, rule) in [(false, false), (true, false), (false, true), (true, true)] {
                    let shadow = Shadow { document, rule };
                    let counter = Counter { of, shadow, ..Counter::new(server, name, window, scope) };
                    let scale = Scale::of(Amount::from_micros(1_000_000 / scale));
                    assert!(names.insert(Tally::new(&counter, scale)), "{counter:?}");
                    count += 1;
                }
            }
        }
    }
    assert_eq!(names.len(), count);
}

#[test]
fn names_of_tallies_stay_the_same() {
    let scope = Scope::Principal { grant: "ci", principal: b"bob" };
    let of = Some(Of { path: "args.account", value: b"\"a\"" });
    let counter = Counter { of, ..Counter::new("shop", "spend", window(86_400), scope) };
    let Tally { of_policy, of_caller } = Tally::new(&counter, Scale::of(Amount::from_micros(10_000)));
    // Proxies of several versions count together, so another name is a breaking change.
    let expected = (b"a1c1c8bd96177cd474658b97d9fa9ab5", b"fd8ddbc8b89a9b77e6ac4f058c69fef4");
    assert_eq!((&of_policy, &of_caller), expected);
}

#[test]
fn names_that_are_kept_are_those_that_are_hashed_anew() {
    const GRANTS: [&str; 2] = ["one", "two"];
    let tallies = Tallies::new(2, GRANTS.len());
    let named = |grant: Option<usize>| grant.map_or("everybody", |grant| GRANTS[grant]);
    // Number 2 and the third grant are none of the policy: nothing is kept for them.
    let numbers = [("a", 1, None), ("b", 100, Some("args.x")), ("c", 1, None)];
    for _ in 0..2 {
        for (number, (name, hit, by)) in numbers.into_iter().enumerate() {
            for (grant, value) in
                [None, Some(0), Some(1)].into_iter().flat_map(|grant| [(grant, "v"), (grant, "w")])
            {
                let (name_of_grant, principal) = (named(grant), value.as_bytes());
                for scope in [
                    Scope::Global,
                    Scope::Grant(name_of_grant),
                    Scope::Principal { grant: name_of_grant, principal },
                    Scope::Session { grant: name_of_grant, session: principal },
                ] {
                    let of = by.map(|path| Of { path, value: value.as_bytes() });
                    let counter = Counter { of, ..Counter::new("s", name, window(60), scope) };
                    let scale = Scale::of(Amount::from_micros(1_000_000 / hit));
                    let kept = tallies.name(&counter, scale, number, grant);
                    assert_eq!(kept, Tally::new(&counter, scale), "{counter:?}");
                }
            }
        }
    }
    let third = Counter::new("s", "a", window(60), Scope::Grant("three"));
    let scale = Scale::default();
    for grant in [2, usize::MAX] {
        assert_eq!(tallies.name(&third, scale, 0, Some(grant)), Tally::new(&third, scale));
    }
}

#[test]
fn a_question_is_written_as_the_protocol_says() {
    let request = question(vec![descriptor(300, 2, true), descriptor(5, 7, false)]);
    let bytes = request.encode();
    // domain, then two descriptors, then the hits for services that know no other.
    assert_eq!(bytes.get(..3), Some(&b"\x0a\x01d"[..]));
    assert_eq!(bytes.get(bytes.len() - 2..), Some(&b"\x18\x02"[..]));
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(has(b"\x12\x05\x08\xac\x02\x10\x02\x1a\x02\x08\x02"), "300 a minute, 2 hits: {bytes:?}");
    assert!(
        has(b"\x12\x04\x08\x05\x10\x02\x1a\x00"),
        "5 a minute, no hits, and they are not absent: {bytes:?}"
    );
}

#[test]
fn a_long_question_is_read_as_it_was_written() {
    let domain = "d".repeat(300);
    let descriptors = vec![descriptor(u32::MAX, 128, true), descriptor(127, u32::MAX, true)];
    let bytes = Request { domain: domain.clone(), descriptors: descriptors.clone() }.encode();
    let read = wire::RateLimitRequest::decode(&*bytes).unwrap();
    assert_eq!((read.domain, read.hits_addend), (domain, u32::MAX));
    let text = |digits: &[u8]| String::from_utf8(digits.to_vec()).unwrap();
    let told = descriptors.iter().map(|Descriptor { tally, most, adds, .. }| wire::Descriptor {
        entries: vec![wire::Entry { key: text(&tally.of_policy), value: text(&tally.of_caller) }],
        limit: Some(wire::Limit { requests_per_unit: *most, unit: 2 }),
        hits_addend: Some(wire::UInt64 { value: u64::from(*adds) }),
    });
    assert_eq!(read.descriptors, told.collect::<Vec<_>>());
}

#[test]
fn the_way_to_the_service_is_a_message_and_not_a_name() {
    assert_eq!(grpc_service("ab", "c"), b"\x0a\x07\x0a\x02ab\x12\x01c");
}

#[test]
fn an_answer_is_read_as_it_was_written_and_nothing_else_is() {
    let status = |over, remaining, resets_in_seconds| Status {
        over,
        applied: Some((9, 2)),
        remaining,
        resets_in_seconds,
    };
    let answer = Answer { over: true, statuses: vec![status(false, 3, Some(60)), status(true, 0, None)] };
    let bytes = answer.encode();
    assert_eq!(read(&bytes), Ok(answer));
    let mut more = bytes.clone();
    more.extend(b"\x2a\x01x");
    assert!(read(&more).is_ok(), "unknown fields are skipped");
    for end in 0..bytes.len() {
        // A message that ends between two fields is a message, and lacks a status.
        if let Ok(Answer { statuses, .. }) = read(&bytes[..end]) {
            assert!(statuses.len() < 2, "{end}");
        }
    }
    for bytes in [&b""[..], b"\xff", b"\x08", b"\x08\x00", b"\x08\x03", b"\x08\x01\x12\x02\x08\x00"] {
        assert_eq!(read(bytes), Err(Failure::Unreadable), "{bytes:?}");
    }
}

#[test]
fn a_duration_is_rounded_up_and_never_negative() {
    let with = |duration: &[u8]| {
        let mut bytes = b"\x08\x01\x12".to_vec();
        bytes.push(u8::try_from(duration.len()).unwrap() + 4);
        bytes.extend(b"\x08\x01\x22");
        bytes.push(u8::try_from(duration.len()).unwrap());
        bytes.extend(duration);
        read(&bytes).map(|answer| answer.statuses[0].resets_in_seconds)
    };
    assert_eq!(with(b"\x08\x05"), Ok(Some(5)));
    assert_eq!(with(b"\x08\x05\x10\x01"), Ok(Some(6)));
    assert_eq!(with(b""), Ok(Some(0)));
    assert_eq!(with(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Err(Failure::Unreadable));
}

#[test]
fn a_service_in_memory_counts_in_windows_and_charges_refused_calls() {
    let service = MemoryService::new();
    let ask = |descriptor: Descriptor, now_s: u64| {
        let request = question(vec![descriptor]);
        let answer = service.answer(&request, now_s * 1_000_000_000);
        let standing = request.standings(&answer).unwrap()[0];
        (standing.has_room, standing.remaining, standing.resets_in_seconds)
    };
    for (adds, charges, now_s, expected) in [
        (3, true, 0, (true, 7, Some(60))),
        (7, false, 1, (true, 7, Some(59))),
        (8, false, 1, (false, 7, Some(59))),
        (8, true, 59, (false, 0, Some(1))),
        (0, true, 59, (false, 0, Some(1))),
        (1, true, 59, (false, 0, Some(1))),
        (10, true, 60, (true, 0, Some(60))),
        (0, true, 60, (true, 0, Some(60))),
    ] {
        assert_eq!(ask(descriptor(10, adds, charges), now_s), expected, "{adds} {charges} {now_s}");
    }
    let request = question(vec![descriptor(10, 4, true)]);
    service.take_back(&request, 60_000_000_000);
    assert_eq!(ask(descriptor(10, 4, true), 61), (true, 0, Some(59)));
}
