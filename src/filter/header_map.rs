//! All headers of a message, in one piece of memory.

/// The headers of a request or a response as proxy-wasm 0.2.1 hands them over: the number of headers, the lengths of
/// each name and value, then names and values, each with a NUL behind it. Numbers are 32 bits, little endian.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderMap(Vec<u8>);

impl HeaderMap {
    /// Takes the host's bytes; `None` if the lengths do not add up. No bytes are no headers.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        let map = Self(bytes);
        let Some((lengths, texts)) = map.parts() else { return map.0.is_empty().then_some(map) };
        // Each text has a NUL behind it.
        let sum = lengths.iter().try_fold(lengths.len(), |sum, length| sum.checked_add(number(*length)))?;
        (sum == texts.len()).then_some(map)
    }

    /// Makes a map of headers, for hosts that have them in another form. A length beyond 32 bits is cut.
    #[must_use]
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Self {
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let mut bytes = length(pairs.len()).to_vec();
        for (name, value) in pairs {
            bytes.extend(length(name.as_ref().len()));
            bytes.extend(length(value.as_ref().len()));
        }
        for (name, value) in pairs {
            for text in [name.as_ref(), value.as_ref()] {
                bytes.extend_from_slice(text);
                bytes.push(0);
            }
        }
        Self(bytes)
    }

    /// Walks the names, in lower case, and the values, as they are.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (lengths, texts) = self.parts().unwrap_or_default();
        let (pairs, _) = lengths.as_chunks::<2>();
        let mut at = 0_usize;
        let mut next = move |length: &[u8; 4]| {
            let end = at.wrapping_add(number(*length));
            let text = texts.get(at..end).unwrap_or_default();
            at = end.wrapping_add(1);
            text
        };
        pairs.iter().map(move |[name, value]| (next(name), next(value)))
    }

    /// Splits the bytes into the lengths and what they are lengths of.
    fn parts(&self) -> Option<(&[[u8; 4]], &[u8])> {
        let Self(bytes) = self;
        let (count, rest) = bytes.split_first_chunk()?;
        let (lengths, texts) = rest.split_at_checked(number(*count).checked_mul(8)?)?;
        Some((lengths.as_chunks().0, texts))
    }
}

fn number(bytes: [u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_out_as_they_went_in() {
        let pairs: [(&[u8], &[u8]); 3] = [(b":path", b"/mcp"), (b"x-empty", b""), (b"x-bytes", b"\xff\0")];
        let HeaderMap(bytes) = HeaderMap::from_pairs(&pairs);
        assert_eq!(HeaderMap::new(bytes).unwrap().iter().collect::<Vec<_>>(), pairs);
        assert_eq!(HeaderMap::new(Vec::new()).unwrap().iter().count(), 0);
        assert_eq!(HeaderMap::new(vec![0; 4]).unwrap().iter().count(), 0);
    }

    #[test]
    fn bytes_of_another_form_are_no_headers() {
        let HeaderMap(sound) = HeaderMap::from_pairs(&[("a", "b")]);
        for length in 1..sound.len() {
            assert_eq!(HeaderMap::new(sound[..length].to_vec()), None, "{length} bytes");
        }
        assert_eq!(HeaderMap::new([&*sound, b"x"].concat()), None);
        for (at, byte) in [(0, 2), (0, 0xff), (3, 0xff), (4, 0xff), (8, 0xff)] {
            let mut broken = sound.clone();
            broken[at] = byte;
            assert_eq!(HeaderMap::new(broken), None, "byte {at} is {byte}");
        }
    }
}
