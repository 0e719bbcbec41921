//! URIs that a pattern can judge.

use std::borrow::Cow;

/// More layers of percent-encoding than anybody means.
const LAYERS: usize = 4;

/// Tells whether a URI names what it seems to name: no dot segment (RFC 3986, section 3.3), also
/// percent-encoded any number of times, no backslash, no control character, no user information. A
/// pattern such as `file:///srv/*` would match what a server resolves to somewhere else.
#[must_use]
pub fn is_plain(uri: &str) -> bool {
    let mut text = Cow::Borrowed(uri.as_bytes());
    for _ in 0..LAYERS {
        if !reads_plain(&text) {
            return false;
        }
        match decode(&text) {
            Some(decoded) => text = Cow::Owned(decoded),
            None => return true,
        }
    }
    false
}

fn reads_plain(uri: &[u8]) -> bool {
    let printable = !uri.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\');
    let mut segments = uri.split(|byte| matches!(byte, b'/' | b'?' | b'#' | b':' | b';'));
    let authority = authority(uri);
    printable && !segments.any(|segment| segment == b"." || segment == b"..") && !authority.contains(&b'@')
}

/// Returns what stands between `//` and the path; empty where there is no authority.
fn authority(uri: &[u8]) -> &[u8] {
    let start = uri.windows(2).position(|pair| pair == b"//").map(|at| at.saturating_add(2));
    let rest = start.and_then(|start| uri.get(start..)).unwrap_or_default();
    rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next().unwrap_or_default()
}

/// Undoes one layer of percent-encoding; `None` where there is none.
fn decode(uri: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(uri.len());
    let mut changed = false;
    let mut rest = uri;
    while let Some((first, behind)) = rest.split_first() {
        let byte = (*first == b'%').then(|| behind.get(..2).and_then(hex)).flatten();
        match byte {
            Some(byte) => {
                decoded.push(byte);
                rest = behind.get(2..).unwrap_or_default();
                changed = true;
            }
            None => {
                decoded.push(*first);
                rest = behind;
            }
        }
    }
    changed.then_some(decoded)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_uri_names_what_it_seems_to() {
        for (uri, plain) in [
            ("file:///srv/data/a.txt", true),
            ("file:///srv/data/..hidden/a...b", true),
            ("https://example.com/a?x=1&y=%20#top", true),
            ("memo://notes/caf%C3%A9", true),
            ("urn:isbn:0451450523", true),
            ("mailto:a@example.com", true),
            ("https://example.com/@user", true),
            ("file:///srv/../etc/passwd", false),
            ("file:///srv/./a", false),
            ("file:///srv/..", false),
            ("file:../a", false),
            ("file:///srv/%2e%2E/etc", false),
            ("file:///srv/.%2e/etc", false),
            ("file:///srv%2f..%2fetc", false),
            ("file:///srv/%252e%252e/etc", false),
            ("file:///srv/%25252525252e/", false),
            ("file:///srv\\..\\etc", false),
            ("file:///srv/%5c", false),
            ("file:///srv/a\n", false),
            ("file:///srv/a%00.txt", false),
            ("https://safe.example@evil.example/", false),
            ("https://safe.example%40evil.example/", false),
            ("file:///srv/..;/etc", false),
        ] {
            assert_eq!(is_plain(uri), plain, "{uri}");
        }
    }
}
