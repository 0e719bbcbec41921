//! URIs that a pattern can judge.

mod folded;
mod host;

pub use folded::{Folded, folded_entry, forms};

use std::borrow::Cow;

use crate::text::trimmed;

/// The most layers of percent-encoding that are undone. Nobody means more.
const LAYERS: usize = 4;

/// Returns what keeps a URI from naming what it seems to name, or gives it another spelling that servers take
/// for the same: a dot segment (RFC 3986, section 3.3), also percent-encoded any number of times, an empty
/// segment or an encoded slash in the path, a backslash, a control character, user information, and
/// everything that normalization (section 6.2) would change. `None` if there is nothing of that: the URI is
/// plain.
///
/// A pattern such as `file:///srv/*` would match what a server resolves to somewhere else, and miss
/// `FILE:///srv/x`, which it takes for `file:///srv/x`. The text is the end of "it has …".
#[must_use]
pub fn obstacle(uri: &str) -> Option<&'static str> {
    not_normal(uri).or_else(|| not_plain(uri))
}

/// Returns a URI without what servers leave out when they look for the resource: the fragment, and the query
/// of a `file` URI. `None` if there is neither.
#[must_use]
pub fn bare(uri: &str) -> Option<&str> {
    let whole = uri.split('#').next().unwrap_or_default();
    let bare = match whole.starts_with("file:") {
        true => whole.split('?').next().unwrap_or_default(),
        false => whole,
    };
    (bare.len() < uri.len()).then_some(bare)
}

/// Returns a URI up to the end of its host, if libraries know its scheme, or if a `*` stands in the scheme.
#[must_use]
pub fn to_host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let is_known =
        !default_port(scheme).is_empty() || scheme.contains('*') && !scheme.contains(['/', '?', '#']);
    uri.get(..scheme.len().saturating_add(3).saturating_add(host)).filter(|_| is_known)
}

/// Returns a URI up to its query or its fragment.
#[must_use]
pub fn to_path(uri: &str) -> &str {
    uri.find(['?', '#']).and_then(|end| uri.get(..end)).unwrap_or(uri)
}

/// Returns a URI up to its fragment.
#[must_use]
pub fn to_query(uri: &str) -> &str {
    uri.find('#').and_then(|end| uri.get(..end)).unwrap_or(uri)
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
    ["x/", "/x", "//x/", "///x"].iter().all(|rest| with(rest).is_some()).then_some(found)
}

/// Returns the first thing that normalization changes: case, needless percent-encoding, ports, hosts, and the
/// slashes of schemes that libraries know.
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
    let default = default_port(scheme);
    let known = !default.is_empty();
    let behind = rest.strip_prefix("//");
    let host = behind.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match (scheme, host) {
        ("file", Some("")) if is_odd_drive(rest) => return Some("a `|` behind the letter of a drive"),
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
    let odd = odd_port(host, default);
    // In other schemes a server does not take it for a host: normalization changes only its encoding, and IPv6 addresses.
    let odd = if known || host::is_ipv6(host) { host::obstacle(host).or(odd) } else { odd };
    let path = behind.and_then(|behind| behind.get(host.len()..)).unwrap_or_default();
    let no_path = (known && !path.starts_with('/')).then_some("no slash behind its host");
    odd.or(no_path).or_else(|| not_written_out(uri))
}

/// Returns the port of a scheme whose hosts libraries know; empty for other schemes.
fn default_port(scheme: &str) -> &'static str {
    match scheme {
        "http" | "ws" => "80",
        "https" | "wss" => "443",
        "ftp" => "21",
        _ => "",
    }
}

/// Tells whether the path of a `file` URI begins with a drive of Windows in a form that libraries change.
fn is_odd_drive(rest: &str) -> bool {
    let path = rest.strip_prefix("///").unwrap_or_default();
    path.starts_with(|char: char| char.is_ascii_alphabetic()) && path.get(1..2) == Some("|")
}

/// Returns what is unusual about the port, if there is one. `default` is the scheme's, empty for a scheme
/// that libraries do not know.
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
    encodes_needlessly(uri.as_bytes()).then_some("percent-encoding of a character that needs none")
}

/// Tells whether a character is percent-encoded that never has to be (RFC 3986, section 2.3).
fn encodes_needlessly(uri: &[u8]) -> bool {
    uri.split(|byte| *byte == b'%').skip(1).any(|behind| {
        let digits = behind.get(..2);
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
    let ends = |text: &[u8]| text.iter().any(|byte| matches!(byte, b'?' | b'#'));
    let (mut text, mut below) = (Cow::Borrowed(uri.as_bytes()), Cow::Borrowed(path.as_bytes()));
    let mut twice = None;
    for _ in 0..LAYERS {
        if let Some(why) = reads_differently(&text) {
            return Some(why);
        }
        if slashes(&below) != slashes(path.as_bytes()) {
            return Some("an encoded slash in its path");
        }
        if ends(&below) {
            return Some("an encoded `?` or `#` in its path");
        }
        if let Some(decoded) = decode(&below) {
            below = Cow::Owned(decoded);
        }
        let Some(decoded) = decode(&text) else { return twice };
        text = Cow::Owned(decoded);
        if encodes_needlessly(&text) || decode(&below).is_some() {
            twice.get_or_insert("percent-encoding that is encoded again");
        }
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
    // Servers also join the values of parameters to paths.
    let mut values = uri.split(|byte| matches!(byte, b'/' | b'?' | b'#' | b':' | b';' | b'&' | b'=' | b','));
    let leads_up = |value: &[u8]| str::from_utf8(value).is_ok_and(|text| trimmed(text) == "..");
    if segments.any(|segment| segment == b".") || values.any(leads_up) {
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
mod tests;
