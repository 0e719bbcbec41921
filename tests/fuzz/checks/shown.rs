//! What clients find in an answer, strict ones and lenient ones. It is no check of its own.

use mcp_policy_engine::mcp::list::{Awaited, Element, ListKind, Shown};
use serde::Deserialize as _;

use crate::mutation::Random;
use crate::oracle::Tree;
use crate::readings::Reading;

/// Values for the mutation.
pub const FRAGMENTS: &[&str] = &[
    "\"result\"",
    "\"tools\"",
    "\"prompts\"",
    "\"resources\"",
    "\"resourceTemplates\"",
    "\"name\"",
    "\"uri\"",
    "\"uriTemplate\"",
    "\"id\"",
    "\"error\"",
    "\"Tools\"",
    "\"tool\\u017f\"",
    "\"Result\"",
    "\"result\\u0000\"",
    "\"na\\u006de\"",
    "\"set_a\"",
    "\"get_a\"",
    "{\"name\":\"set_b\"}",
    "{\"name\":\"get_b\"}",
    "[{\"name\":\"set_c\"},{\"name\":\"get_c\"}]",
    "{\"tools\":[{\"name\":\"set_d\"}]}",
    "\"cacheScope\"",
    "\"ttlMs\"",
    "\"toolsets\"",
    "\"groups\"",
    "\"public\"",
];

/// The lists that MCP has: the key of the list, and the key by which its elements are known.
const LISTS: [(&str, &str); 4] =
    [("tools", "name"), ("prompts", "name"), ("resources", "uri"), ("resourceTemplates", "uriTemplate")];

/// Tells whether an element may be seen.
pub fn keeps(Element { name, .. }: Element<'_>) -> bool {
    name.is_some_and(|name| name.starts_with("get"))
}

/// Makes the request that an answer belongs to: it asks for a list of tools, or for none.
pub fn awaited(list: bool) -> Awaited {
    Awaited { list: list.then_some(ListKind::Tools), id: Some("7".to_owned()), ..Awaited::default() }
}

/// Cuts bytes into pieces that the seed determines.
pub fn pieces(mut bytes: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut random = Random(seed | 1);
    let longest = [1, 2, 7, 40, 1_000][random.below(5)];
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((random.below(longest) + 1).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// Returns a number that depends on each byte.
pub fn seed(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// Asserts that two ways to cut an answer show the same.
pub fn same(whole: &Shown, pieces: &Shown) {
    let text = |shown: &Shown| String::from_utf8_lossy(&shown.bytes).into_owned();
    // The texts come first, because people can read them.
    assert_eq!(text(whole), text(pieces));
    assert_eq!(whole, pieces);
}

/// Asserts that no client finds an element in a text that is not kept: neither one that reads JSON texts, one behind
/// the other, nor one that reads JSON5.
pub fn shows_nothing_hidden(text: &[u8]) {
    let mut texts = serde_json::Deserializer::from_slice(text);
    // Behind anything else no client looks for a message.
    while let Ok(message @ (Tree::Object(_) | Tree::Array(_))) = Tree::deserialize(&mut texts) {
        look(&message, text);
    }
    let lenient = std::str::from_utf8(text).ok().and_then(|text| json5::from_str::<Tree>(text).ok());
    if let Some(message) = lenient {
        look(&message, text);
    }
}

fn look(message: &Tree, text: &[u8]) {
    if let Tree::Array(messages) = message {
        return messages.iter().for_each(|message| match message {
            Tree::Array(_) => {}
            message => look(message, text),
        });
    }
    for reading in Reading::ALL {
        let Some(result) = reading.get(message, "result") else { continue };
        for (list, key) in LISTS {
            let Some(Tree::Array(elements)) = reading.get(result, list) else { continue };
            for element in elements {
                if let Some(Tree::Text(name)) = reading.get(element, key) {
                    let text = String::from_utf8_lossy(text);
                    assert!(name.starts_with("get"), "{reading:?} finds {name:?} in {list} of {text}");
                }
            }
        }
    }
}
