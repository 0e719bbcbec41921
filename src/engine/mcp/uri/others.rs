//! Other spellings of a URI.

use super::{decode, path};

/// Other spellings of a URI under which some servers find the same resource.
///
/// Servers decode percent-encoding, leave out a query whose names they do not know, and a slash at the end. None of
/// this is certain, so such a spelling is no obstacle.
#[derive(Debug)]
pub struct Others<'u> {
    /// The URI, and what is left of it without its fragment, its query and the slash at its end
    shorter: [&'u str; 5],
    count: usize,
    /// Its path has characters that can be percent-encoded or not
    respelled: bool,
}

/// How many spellings of one text there are at most.
const SPELLINGS: usize = 6;

/// The characters besides those that need no encoding which a path can contain (WHATWG URL, path percent-encode set).
const IN_PATHS: &[u8] = b"!$&'()*+,;=:@|[]";

impl<'u> Others<'u> {
    /// Finds out what other spellings a URI has.
    #[must_use]
    pub fn of(uri: &'u str) -> Self {
        let path = path(uri);
        let may_be_short = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
        let whole = uri.split(['?', '#']).next().unwrap_or_default();
        let respelled = !whole.bytes().all(may_be_short) || path.contains(':');
        let mut others = Self { shorter: [uri; 5], count: 1, respelled };
        let without_fragment = uri.split('#').next().unwrap_or_default();
        for text in [without_fragment, whole] {
            others.add(text);
            if path.len() > 1 {
                others.add(text.strip_suffix('/').unwrap_or(text));
            }
        }
        others
    }

    fn add(&mut self, text: &'u str) {
        if !self.shorter().contains(&text)
            && let Some(free) = self.shorter.get_mut(self.count)
        {
            *free = text;
            self.count = self.count.saturating_add(1);
        }
    }

    fn shorter(&self) -> &[&'u str] {
        self.shorter.get(..self.count).unwrap_or(&self.shorter)
    }

    /// Returns the most spellings that [`Self::each`] finds.
    #[must_use]
    pub fn most(&self) -> usize {
        let each = if self.respelled { SPELLINGS } else { 1 };
        self.count.saturating_mul(each).saturating_sub(1)
    }

    /// Calls `each` with every other spelling, perhaps with one of them several times.
    pub fn each(&self, each: &mut dyn FnMut(&str)) {
        for text in self.shorter().iter().skip(1) {
            each(text);
        }
        for text in self.shorter().iter().filter(|_| self.respelled) {
            let behind = text.find(['?', '#']).unwrap_or(text.len());
            let (whole, rest) = text.split_at(behind);
            let start = whole.len().saturating_sub(path(whole).len());
            let decoded = decode(whole.as_bytes()).unwrap_or_else(|| whole.into());
            if let Ok(decoded) = std::str::from_utf8(&decoded) {
                each(&[decoded, rest].concat());
            }
            for kept in [IN_PATHS, b""] {
                for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
                    each(&[&encode(&decoded, start, kept, digits), rest].concat());
                }
            }
        }
    }
}

/// Percent-encodes a decoded text. What stands before the path, at `start`, keeps what a path may contain.
fn encode(text: &[u8], start: usize, kept: &[u8], digits: &[u8; 16]) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
        if plain || kept.contains(byte) || (at < start && IN_PATHS.contains(byte)) {
            out.push(char::from(*byte));
            continue;
        }
        out.push('%');
        for half in [byte >> 4, byte & 15] {
            out.push(digits.get(usize::from(half)).map_or('0', |digit| char::from(*digit)));
        }
    }
    out
}
