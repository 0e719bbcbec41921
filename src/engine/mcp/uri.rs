//! URIs that a pattern can judge.

use std::borrow::Cow;

/// The most layers of percent-encoding that are undone. Nobody means more.
const LAYERS: usize = 4;

/// Returns what keeps a URI from naming what it seems to name, or gives it another spelling that servers take for
/// the same: a dot segment (RFC 3986, section 3.3), also percent-encoded any number of times, an empty segment or
/// an encoded slash in the path, a backslash, a control character, user information, and everything that
/// normalization (section 6.2) would change. `None` if there is nothing of that: the URI is plain.
///
/// A pattern such as `file:///srv/*` would match what a server resolves to somewhere else, and miss
/// `FILE:///srv/x`, which it takes for `file:///srv/x`. The text is the end of "it has …".
#[must_use]
pub fn obstacle(uri: &str) -> Option<&'static str> {
    not_normal(uri).or_else(|| not_plain(uri))
}

/// Returns a URI without what servers leave out when they look for the resource: the fragment, and the query of a
/// `file` URI. `None` if there is neither.
#[must_use]
pub fn bare(uri: &str) -> Option<&str> {
    let whole = uri.split('#').next().unwrap_or_default();
    let bare = match whole.starts_with("file:") {
        true => whole.split('?').next().unwrap_or_default(),
        false => whole,
    };
    (bare.len() < uri.len()).then_some(bare)
}

/// Tells whether a URI has no [obstacle].
#[must_use]
pub fn is_plain(uri: &str) -> bool {
    obstacle(uri).is_none()
}

/// Returns the obstacle of all URIs that begin with `prefix`; `None` if one of them could be plain.
#[must_use]
pub fn obstacle_from(prefix: &str) -> Option<&'static str> {
    // What stands behind the last slash can go on in any way.
    let whole = prefix.rfind('/').map_or(prefix, |slash| prefix.get(..=slash).unwrap_or_default());
    let with = |rest: &str| obstacle(&[whole, rest].concat());
    let found = with("x")?;
    ["/x", "//x", "///x"].iter().all(|rest| with(rest).is_some()).then_some(found)
}

/// Returns the first thing that normalization changes: case, needless percent-encoding, ports, and the slashes of
/// schemes that libraries know.
fn not_normal(uri: &str) -> Option<&'static str> {
    // A text without a scheme is no URI: no server normalizes it.
    let (scheme, rest) = uri.split_once(':')?;
    let lower = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let named = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !named {
        return Some("something that is not a scheme before its first colon");
    }
    if !lower(scheme) {
        return Some("a scheme in upper case");
    }
    let default = match scheme {
        "http" | "ws" => "80",
        "https" | "wss" => "443",
        "ftp" => "21",
        _ => "",
    };
    let known = !default.is_empty();
    let host = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match (scheme, host) {
        ("file", Some("")) => {}
        // Servers leave the host out, or look for the file on it.
        ("file", Some(_)) => return Some("a host, which a `file` URI must not have"),
        ("file", None) => return Some("no `//` behind `file:`"),
        (_, Some(host)) if known && host.is_empty() => return Some("no host"),
        (_, None) if known => return Some("no `//` before its host"),
        _ => {}
    }
    let host = host.unwrap_or_default();
    if host.contains('%') {
        return Some("percent-encoding in its host");
    }
    // In other schemes a server does not take it for a host: normalization changes only its encoding.
    if known && !host.is_ascii() {
        return Some("a host with characters beyond ASCII");
    }
    if known && !lower(host) {
        return Some("a host in upper case");
    }
    if known && host.ends_with('.') {
        return Some("a dot behind its host");
    }
    odd_port(host, default).or_else(|| not_written_out(uri))
}

/// Returns what is unusual about the port, if there is one. `default` is the scheme's, empty for a scheme that
/// libraries do not know.
fn odd_port(authority: &str, default: &str) -> Option<&'static str> {
    let (host, port) = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'))?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    // `log://2026-01-01T09:05:00` has no port that anybody could read, so nobody writes it in another way.
    let opaque = default.is_empty() && (!digits || (host.contains(':') && !host.ends_with(']')));
    if opaque {
        return None;
    }
    match port {
        "" => Some("a colon without a port"),
        _ if !digits => Some("a port that is not a number"),
        _ if port.starts_with('0') => Some("a port that begins with 0"),
        _ if port == default => Some("the port that its scheme has anyway"),
        _ => None,
    }
}

fn not_written_out(uri: &str) -> Option<&'static str> {
    if uri.contains(char::is_whitespace) {
        return Some("a space, which has to be `%20`");
    }
    encodes_needlessly(uri).then_some("percent-encoding of a character that needs none")
}

/// Tells whether a character is percent-encoded that never has to be (RFC 3986, section 2.3).
fn encodes_needlessly(uri: &str) -> bool {
    uri.split('%').skip(1).any(|behind| {
        let digits = behind.as_bytes().get(..2);
        digits.and_then(hex).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    })
}

/// Returns the first thing that a server could resolve to another resource, in any layer of percent-encoding.
fn not_plain(uri: &str) -> Option<&'static str> {
    let path = path(uri);
    if path.contains("//") {
        return Some("an empty segment (`//`) in its path");
    }
    let slashes = |text: &[u8]| text.iter().filter(|byte| **byte == b'/').count();
    let (mut text, mut below) = (Cow::Borrowed(uri.as_bytes()), Cow::Borrowed(path.as_bytes()));
    for _ in 0..LAYERS {
        if let Some(why) = reads_differently(&text) {
            return Some(why);
        }
        if slashes(&below) != slashes(path.as_bytes()) {
            return Some("an encoded slash in its path");
        }
        if let Some(decoded) = decode(&below) {
            below = Cow::Owned(decoded);
        }
        text = Cow::Owned(decode(&text)?);
    }
    Some("more layers of percent-encoding than anybody means")
}

fn reads_differently(uri: &[u8]) -> Option<&'static str> {
    if uri.contains(&b'\\') {
        return Some("a backslash");
    }
    if uri.iter().any(u8::is_ascii_control) {
        return Some("a control character");
    }
    let mut segments = uri.split(|byte| matches!(byte, b'/' | b'?' | b'#' | b':' | b';'));
    if segments.any(|segment| segment == b"." || segment == b"..") {
        return Some("a dot segment (`.` or `..`)");
    }
    authority(uri).contains(&b'@').then_some("user information before its host")
}

/// Returns the path of a URI, or of a text without a scheme.
fn path(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = match rest.strip_prefix("//") {
        Some(behind) => behind.find(['/', '?', '#']).and_then(|at| behind.get(at..)).unwrap_or_default(),
        None => rest,
    };
    rest.split(['?', '#']).next().unwrap_or_default()
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
            ("https://example.com/a?x=1&y=%20", true),
            ("https://example.com/a#top", true),
            ("ui://app#view", true),
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
            ("file:///srv//x", false),
            ("file:////srv/x", false),
            ("file:///srv/", true),
            ("file:///srv//", false),
            ("https://example.com/a?b=//c", true),
            ("ui://example/a#//c", true),
            ("https://example.com//", false),
            ("memo:a//b", false),
            ("a//b", false),
            ("file:///srv/a%2Fb", false),
            ("file:///srv/a%2fb", false),
            ("file:///srv/a%252Fb", false),
            ("file:///srv/a%25252Fb", false),
            ("https://example.com/a?b=c%2Fd", true),
            ("https://example.com/a?b=c%252Fd", true),
            ("https://example.com/a?b=c%5Cd", false),
            ("https://example.com/a%255Cd", false),
            ("urn:x:a%2Fb", false),
            ("file:///My Documents/a", false),
            ("file:///My%20Documents/a", true),
            ("file://server/share/a", false),
            ("log://2026-01-01T09:05:00", true),
            ("log://2026-01-01T09:05:00/a", true),
            ("log://a:b", true),
            ("log://a:", false),
            ("log://a:05", false),
            ("log://[::1]:05", false),
            ("log://[::1]:5", true),
            ("memo://Notés/a", true),
            ("memo://not%C3%A9s/a", false),
        ] {
            assert_eq!(is_plain(uri), plain, "{uri}");
        }
    }

    #[test]
    fn a_bare_uri_has_no_fragment_and_a_file_no_query() {
        for (uri, expected) in [
            ("file:///a?b#c", Some("file:///a")),
            ("file:///a#b?c", Some("file:///a")),
            ("file:///a?", Some("file:///a")),
            ("file:///a", None),
            ("https://a/?b#c", Some("https://a/?b")),
            ("https://a/?b", None),
            ("memo://a#", Some("memo://a")),
            ("#", Some("")),
            ("", None),
        ] {
            assert_eq!(bare(uri), expected, "{uri}");
        }
    }

    #[test]
    fn an_obstacle_is_the_part_that_is_in_the_way() {
        for (uri, expected) in [
            ("FILE:///srv/a", "a scheme in upper case"),
            ("file:///My Documents/a", "a space"),
            ("file://server/share/a", "a host, which a `file` URI"),
            ("file:/srv/a", "no `//`"),
            ("https:a", "no `//`"),
            ("https:///a", "no host"),
            ("https://A.example/", "a host in upper case"),
            ("https://a.example./", "a dot behind its host"),
            ("https://a.example:443/", "the port that its scheme has"),
            ("https://a.example:/", "a colon without a port"),
            ("https://a.example:0443/", "a port that begins with 0"),
            ("https://a.example:x/", "a port that is not a number"),
            ("https://é.example/", "a host with characters beyond ASCII"),
            ("https://%61.example/", "percent-encoding in its host"),
            ("memo://a/%61", "percent-encoding of a character"),
            ("memo://a/../b", "a dot segment"),
            ("memo://a//b", "an empty segment"),
            ("memo://a/b%2Fc", "an encoded slash"),
            ("memo://a\\b", "a backslash"),
            ("memo://a/\u{7}", "a control character"),
            ("https://a@b.example/", "user information"),
            ("1a:b", "something that is not a scheme"),
            ("memo://a/%2525252525", "more layers"),
        ] {
            let found = obstacle(uri).unwrap_or_default();
            assert!(found.starts_with(expected), "{uri}: {found}");
        }
    }

    #[test]
    fn a_beginning_is_followed_by_something_plain_or_by_nothing_plain() {
        for (prefix, plain) in [
            ("", true),
            ("file:", true),
            ("file://", true),
            ("file:///srv/", true),
            ("https:", true),
            ("https://example.com:", true),
            ("https://EXAMPLE.com/", false),
            ("memo://a/%2", true),
            ("secret://payroll/", true),
            ("FILE:///x/", false),
            ("FILE:", false),
            ("file:///srv/../", false),
            ("file:///srv//", false),
            ("file://server/share/", false),
            ("file:///My Documents/", false),
        ] {
            assert_eq!(obstacle_from(prefix).is_none(), plain, "{prefix}");
        }
    }
}
