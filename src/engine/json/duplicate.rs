//! Keys that stand twice in one object.

use std::borrow::Cow;

use super::node::Node;

/// Objects of up to this many keys are searched pairwise.
const FEW: usize = 8;

/// Finds the first key of the object at `index` that stands there before, unescaped keys compared, and
/// returns its byte offset. Takes little more than linear time, whatever the keys are.
#[cold]
#[inline(never)]
pub(super) fn find(text: &str, nodes: &[Node], index: usize) -> Option<usize> {
    let keys = Keys::of(text, nodes, index);
    if keys.clone().nth(FEW).is_some() {
        return find_among_many(keys);
    }
    // Each key is unescaped once.
    let mut seen = [const { Cow::Borrowed("") }; FEW];
    for (count, (name, at)) in keys.enumerate() {
        if seen.iter().take(count).any(|other| *other == name) {
            return Some(at);
        }
        if let Some(free) = seen.get_mut(count) {
            *free = name;
        }
    }
    None
}

/// Sorts by hash first, so that most comparisons are those of two numbers.
fn find_among_many(keys: Keys<'_, '_>) -> Option<usize> {
    let mut sorted: Vec<_> = keys.map(|(name, at)| (hash(name.as_bytes()), name, at)).collect();
    sorted.sort_unstable();
    let again = sorted.windows(2).filter_map(|pair| match pair {
        [(hash, name, _), (other_hash, other, at)] if hash == other_hash && name == other => Some(*at),
        _ => None,
    });
    again.min()
}

/// Hashes a key, without a secret.
pub(super) fn hash(name: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = name.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let mixed = words.chain(rest.iter().map(|byte| u64::from(*byte))).fold(FACTOR, |hash, word| {
        let product = (hash ^ word).wrapping_mul(FACTOR);
        product ^ (product >> 32)
    });
    u32::try_from(mixed >> 32).unwrap_or_default()
}

/// The keys of one object, unescaped, with their byte offsets.
#[derive(Clone)]
struct Keys<'t, 'n> {
    text: &'t str,
    nodes: &'n [Node],
    next: usize,
    end: usize,
}

impl<'t, 'n> Keys<'t, 'n> {
    fn of(text: &'t str, nodes: &'n [Node], index: usize) -> Self {
        let end = nodes.get(index).map_or(0, Node::after);
        Self { text, nodes, next: index.saturating_add(1), end }
    }
}

impl<'t> Iterator for Keys<'t, '_> {
    type Item = (Cow<'t, str>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let key = self.nodes.get(self.next)?;
        let value = self.nodes.get(self.next.saturating_add(1))?;
        self.next = value.after();
        Some((key.string(self.text), key.span().start))
    }
}

#[cfg(test)]
mod tests {
    use crate::json::read;

    fn first_again(text: &str) -> Option<usize> {
        read(text.as_bytes()).unwrap().duplicate().map(|defect| defect.at)
    }

    #[test]
    fn the_first_key_that_stands_there_before_is_found() {
        let many = (0..40).map(|number| format!(r#""k{number}":[{{"k":1}}],"#)).collect::<String>();
        for (text, expected) in [
            (r#"{"a":1,"b":2}"#.to_owned(), None),
            (r#"{"a":1,"b":2,"b":3,"a":4}"#.to_owned(), Some(13)),
            (r#"{"a":{"b":1,"b":2},"a":3}"#.to_owned(), Some(12)),
            (r#"{"a":1,"\u0061":2}"#.to_owned(), Some(7)),
            (r#"{"":1,"":2}"#.to_owned(), Some(6)),
            (format!(r#"{{{many}"k":1}}"#), None),
            (format!(r#"{{{many}"k\u0031":1,"k0":2}}"#), Some(many.len() + 1)),
            (format!(r#"{{{many}"z":1,"z":2,"k0":2}}"#), Some(many.len() + 7)),
        ] {
            assert_eq!(first_again(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_large_object_is_searched_in_little_more_than_linear_time() {
        let keys: String = (0..200_000).map(|number| format!(r#""{number}":0,"#)).collect();
        assert_eq!(first_again(&format!(r#"{{{keys}"x":0}}"#)), None);
        assert_eq!(first_again(&format!(r#"{{{keys}"7":0}}"#)), Some(keys.len() + 1));
    }
}
