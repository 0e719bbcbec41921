//! Keys that reach the prototype of an object in JavaScript.
//!
//! Where a server copies an object key by key, `__proto__` becomes what other members are read from: the key
//! that the filter sees is not the one that the server reads.

use crate::json::node::{Kind, Node};

/// The key below which `prototype` is the prototype of all objects.
pub(super) const CONSTRUCTOR: &[u8] = b"constructor";

const PROTOTYPE: &str = "prototype";

/// The length of the shortest key that matters here.
pub(super) const SHORTEST: usize = 9;

/// Tells whether a key is `__proto__`, or a path with it or with `constructor` and `prototype`, which some
/// servers take apart.
pub(super) fn is_named(key: &[u8]) -> bool {
    let has = |part: &[u8]| key.windows(part.len()).any(|window| window == part);
    // Most keys have no such character, and are too short for the rest.
    (key.iter().position(|byte| *byte == b'_').is_some_and(|_| has(b"__proto__")))
        || (key.len() > CONSTRUCTOR.len().wrapping_add(PROTOTYPE.len())
            && (has(b"constructor.prototype") || has(b"constructor[prototype")))
}

/// Finds the first key `constructor` whose value is an object with the key `prototype`, and returns its byte
/// offset.
#[cold]
#[inline(never)]
pub(super) fn find(text: &str, nodes: &[Node]) -> Option<usize> {
    nodes.iter().enumerate().find_map(|(index, key)| {
        let object = nodes.get(index.saturating_add(1)).filter(|value| value.kind == Kind::Object)?;
        // An element of an array in front of an object looks alike, and is no key.
        let is_string = matches!(key.kind, Kind::String { .. });
        let behind = text.get(key.span().end..object.span().start)?.trim_ascii();
        if !is_string || behind != ":" || key.string(text).as_bytes() != CONSTRUCTOR {
            return None;
        }
        let mut at = index.saturating_add(2);
        while at < object.after() {
            if nodes.get(at)?.string(text) == PROTOTYPE {
                return Some(key.span().start);
            }
            at = nodes.get(at.saturating_add(1))?.after().max(at.saturating_add(2));
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use crate::json::read;

    #[test]
    fn keys_of_prototypes_are_found() {
        for (text, expected) in [
            (r#"{"__proto__":1}"#, Some(1)),
            (r#"{"a":[{"b":1,"__proto__":{}}]}"#, Some(13)),
            (r#"{"\u005f_proto__":1}"#, Some(1)),
            (r#"{"__proto__.a":1}"#, Some(1)),
            (r#"{"a[__proto__][b]":1}"#, Some(1)),
            (r#"{"constructor.prototype.a":1}"#, Some(1)),
            (r#"{"constructor[prototype][a]":1}"#, Some(1)),
            (r#"{"constructor":{"prototype":{}}}"#, Some(1)),
            (r#"{"x":1,"constructor" : {"a":{"b":1},"prototyp\u0065":1}}"#, Some(7)),
            (r#"{"c\u006fnstructor":{"prototype":{}}}"#, Some(1)),
            (r#"{"constructor":{"a":{"prototype":{}}}}"#, None),
            (r#"{"constructor":"x"}"#, None),
            (r#"{"constructor":{}}"#, None),
            (r#"["constructor",{"prototype":{}}]"#, None),
            (r#"{"prototype":{"constructor":{}}}"#, None),
            (r#"{"proto":1,"_proto_":1,"__proto":1}"#, None),
            (r#"{"a":"__proto__"}"#, None),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap().prototype_key(), expected, "{text}");
        }
    }
}
