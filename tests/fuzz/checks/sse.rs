//! Event streams that may have lists: however they are cut, the client gets the same, and no client finds a hidden name
//! in it.

use mcp_policy_engine::mcp::list::{Bounds, ListStream, Shown};

use crate::shown::{awaited, keeps, pieces, same, seed, shows_nothing_hidden};

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
            for data in messages(&whole.bytes) {
                shows_nothing_hidden(&data);
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

/// Returns the data of each event that a client takes for a message (WHATWG HTML, section 9.2.6). An event at the end
/// without a blank line is one, too: not every client drops it.
fn messages(stream: &[u8]) -> Vec<Vec<u8>> {
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let (mut messages, mut data, mut kind) = (Vec::new(), None::<Vec<u8>>, Vec::new());
    let mut dispatch = |data: &mut Option<Vec<u8>>, kind: &mut Vec<u8>| {
        let message = data.take().filter(|_| matches!(kind.as_slice(), b"" | b"message"));
        messages.extend(message);
        kind.clear();
    };
    for line in lines(stream) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            _ if line.is_empty() => dispatch(&mut data, &mut kind),
            b"data" => match &mut data {
                Some(data) => data.extend([b"\n", value].concat()),
                None => data = Some(value.to_vec()),
            },
            b"event" => kind = value.to_vec(),
            _ => {}
        }
    }
    dispatch(&mut data, &mut kind);
    messages
}

fn lines(stream: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut rest = stream;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        lines.push(&rest[..end]);
        rest = &rest[end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 }..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}
