//! Answers that may have lists: however they are cut, the client gets the same, and no client finds a hidden name in it.

use mcp_policy_engine::mcp::list::{self, Bounds, Filtered, ListBody, Shown};

use crate::shown::{awaited, keeps, pieces, same, seed, shows_nothing_hidden};

/// How much is held: little, so that short answers are beyond it, and more than an answer here has.
const BOUNDS: [Bounds; 2] = [Bounds { hold: 40, limit: 120 }, Bounds { hold: 1 << 20, limit: 1 << 22 }];

/// In which ways the filter reads an answer.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Plain,
    Padded,
    Announced,
    Late,
}

/// Checks one input: an answer.
pub fn check(answer: &[u8]) {
    for bounds in BOUNDS {
        for way in [Way::Plain, Way::Padded, Way::Announced, Way::Late] {
            let whole = read(way, bounds, &[answer]);
            for round in 0..2 {
                same(&whole, &read(way, bounds, &pieces(answer, seed(answer) ^ (round << 40))));
            }
            shows_nothing_hidden(&whole.bytes);
            if way == Way::Padded {
                assert_eq!(whole.bytes.len(), answer.len(), "the length has changed");
            }
        }
    }
    let [_, wide] = BOUNDS;
    if let Ok(Filtered { bytes, .. }) = list::filter(answer, &mut keeps)
        && answer.trim_ascii_start().starts_with(b"{")
    {
        assert_eq!(read(Way::Plain, wide, &[answer]).bytes, bytes.as_deref().unwrap_or(answer));
    }
}

fn read(way: Way, bounds: Bounds, pieces: &[&[u8]]) -> Shown {
    let list = matches!(way, Way::Announced | Way::Late);
    let body = ListBody::new(awaited(list), bounds);
    let mut body = match way {
        Way::Plain => body,
        Way::Padded => body.padded(),
        Way::Announced => body.announced(),
        Way::Late => body.announced().read_late(),
    };
    let mut all = Shown::default();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        if body.passes(piece) {
            all.bytes.extend_from_slice(piece);
        } else {
            all.join(body.push(piece, &mut keeps));
        }
    }
    all.join(body.read_held(&mut keeps));
    let may_end = body.may_end();
    let last = body.finish();
    assert_eq!(may_end, last == Shown::default(), "whether something is added at the end");
    all.join(last);
    all
}
