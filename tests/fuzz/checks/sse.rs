//! Event streams that may have lists: however they are cut, the client gets the same, and no client finds a hidden name
//! in it.

use mcp_policy_engine::mcp::list::{Bounds, ListStream, Shown};

use crate::shown::{awaited, keeps, pieces, same, seed, shows_nothing_hidden};
use crate::stream_readers::messages;

/// How much is held: little, so that short events are beyond it, and more than a stream here has.
const BOUNDS: [Bounds; 2] = [Bounds { hold: 40, limit: 120 }, Bounds { hold: 1 << 20, limit: 1 << 22 }];

/// Checks one input: a stream.
pub fn check(stream: &[u8]) {
    for bounds in BOUNDS {
        for list in [false, true] {
            let whole = read(list, bounds, &[stream]);
            for round in 0..2 {
                same(&whole, &read(list, bounds, &pieces(stream, seed(stream) ^ (round << 40))));
            }
            for message in messages(&whole.bytes) {
                shows_nothing_hidden(message.as_bytes());
            }
        }
    }
}

fn read(list: bool, bounds: Bounds, pieces: &[&[u8]]) -> Shown {
    let mut stream = ListStream::new(awaited(list), bounds);
    let mut all = Shown::default();
    for piece in pieces {
        all.join(stream.push(piece, &mut keeps));
    }
    all.join(stream.finish(&mut keeps));
    all
}
