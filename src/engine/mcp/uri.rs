//! URIs that a pattern can judge.

use std::borrow::Cow;

/// The most layers of percent-encoding that are undone. Nobody means more.
const LAYERS: usize = 4;

/// Tells whether a URI names what it seems to name, and has no other spelling that servers take for
/// the same: no dot segment (RFC 3986, section 3.3), also percent-encoded any number of times, no
/// backslash, no control character, no user information, and nothing that normalization (section 6.2)
/// would change. A pattern such as `file:///srv/*` would match what a server resolves to somewhere
/// else, and miss `FILE:///srv/x`, which it takes for `file:///srv/x`.
#[must_use]
pub fn is_plain(uri: &str) -> bool {
    if !is_normal(uri) {
        return false;
    }
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

/// Tells whether normalization leaves a URI as it is: case, needless percent-encoding, ports, and the
/// slashes of schemes that libraries know.
fn is_normal(uri: &str) -> bool {
    // A text without a scheme is no URI: no server normalizes it.
    let Some((scheme, rest)) = uri.split_once(':') else { return true };
    let lower = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let named = scheme.starts_with(|char: char| char.is_ascii_lowercase())
        && lower(scheme)
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let host = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let port = host.and_then(|host| host.rsplit_once(':')).map(|(_, port)| port);
    let default = match scheme {
        "http" | "ws" => "80",
        "https" | "wss" => "443",
        "ftp" => "21",
        _ => "",
    };
    let known = !default.is_empty();
    let slashes = match scheme {
        "file" => host == Some(""),
        _ if known => host.is_some_and(|host| !host.is_empty()),
        _ => true,
    };
    let usual_port = port.is_none_or(|port| {
        let number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        (number && !port.starts_with('0') && port != default) || port.ends_with(']')
    });
    // In other schemes a server does not take it for a host: normalization changes only its encoding.
    let host = host.unwrap_or_default();
    let host_is_normal =
        !host.contains('%') && (!known || (host.is_ascii() && lower(host) && !host.ends_with('.')));
    named
        && slashes
        && usual_port
        && host_is_normal
        && !uri.contains(char::is_whitespace)
        && !encodes_needlessly(uri)
}

/// Tells whether a character is percent-encoded that never has to be (RFC 3986, section 2.3).
fn encodes_needlessly(uri: &str) -> bool {
    uri.split('%').skip(1).any(|behind| {
        let digits = behind.as_bytes().get(..2);
        digits.and_then(hex).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    })
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
            ("memo://notes/café", true),
            ("https://example.com:8443/a", true),
            ("http://[::1]:8080/a", true),
            ("http://[::1]/a", true),
            ("test://static-text", true),
            ("FILE:///srv/a", false),
            ("file:/srv/a", false),
            ("file://localhost/srv/a", false),
            (" file:///srv/a", false),
            ("file:///srv/a ", false),
            ("https://EXAMPLE.com/a", false),
            ("https://example.com:443/a", false),
            ("https://example.com:/a", false),
            ("https://example.com:0443/a", false),
            ("https://example.com./a", false),
            ("https:example.com/a", false),
            ("https:/example.com/a", false),
            ("https:///example.com/a", false),
            ("https://ex%61mple.com/a", false),
            ("https://ｅxample.com/a", false),
            ("test://template/%73ecret/data", false),
            ("", true),
            ("memo://Notés/a", true),
            ("memo://not%C3%A9s/a", false),
        ] {
            assert_eq!(is_plain(uri), plain, "{uri}");
        }
    }
}
