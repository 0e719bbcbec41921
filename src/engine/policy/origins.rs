//! The origins of web pages that may send requests.

use super::{Pattern, keys};
use crate::document::{Faults, Part};
use crate::work::Work;

/// The origin of pages that have none, such as local files (RFC 6454, section 7).
const OPAQUE: &str = "null";

/// The origins that may send requests. Everything that a browser does not send as an origin matches none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<Pattern>);

impl Origins {
    /// Tells whether the value of an `Origin` header is allowed. `null` has to be named as such. If the budget `work` does
    /// not suffice, no value is.
    #[must_use]
    pub fn allow(&self, value: &[u8], work: &Work) -> bool {
        let Self(patterns) = self;
        let Ok(value) = std::str::from_utf8(value) else { return false };
        if value == OPAQUE {
            return patterns.iter().any(|pattern| pattern.as_str() == OPAQUE);
        }
        let fits = |pattern: &Pattern| work.spend(pattern.work(value.len())) && pattern.matches(value);
        work.spend(value.len()) && is_origin(value) && patterns.iter().any(fits)
    }

    /// Counts the patterns.
    #[must_use]
    pub fn len(&self) -> usize {
        let Self(patterns) = self;
        patterns.len()
    }

    /// Tells whether no web page may send requests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads the list of origins.
pub(super) fn origins(list: Vec<Part<'_>>, faults: &mut Faults) -> Origins {
    let mut patterns = Vec::new();
    for part in list {
        match part.value.string() {
            Some(text) if can_match(&text) => patterns.push(Pattern::new(&text)),
            _ => faults.unfit(&part, &keys::ORIGIN),
        }
    }
    Origins(patterns)
}

/// Tells whether an origin can match the pattern.
fn can_match(pattern: &str) -> bool {
    matches!(pattern, OPAQUE | "*") || is_origin(&pattern.replace('*', "0"))
}

/// Tells whether a text is an origin as browsers write it: scheme, host and port, without upper case.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let of = |text: &str, more: &[u8]| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte);
        !text.is_empty() && text.bytes().all(fits)
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = inner.map_or_else(|| of(host, b"-._"), |address| of(address, b":."));
    let numbered = port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    of(scheme, b"+-.") && named && numbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, fits) in [
            ("https://app.example", true),
            ("http://localhost:3000", true),
            ("http://[::1]:3000", true),
            ("http://[::1]", true),
            ("chrome-extension://abc", true),
            ("https://app.example/", false),
            ("https://APP.example", false),
            ("https://app.example:", false),
            ("https://app.example:80.corp.example", false),
            ("https://a@app.example", false),
            ("https://app.example https://b.example", false),
            ("https://app.example, https://b.example", false),
            ("https://", false),
            ("app.example", false),
            ("://app.example", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_origin(text), fits, "{text}");
        }
    }

    #[test]
    fn null_has_to_be_named() {
        let origins = |texts: &[&str]| Origins(texts.iter().map(|text| Pattern::new(text)).collect());
        for (patterns, value, allowed) in [
            (&["*"][..], &b"https://a.example"[..], true),
            (&["*"], b"null", false),
            (&["n*"], b"null", false),
            (&["null"], b"null", true),
            (&["null"], b"https://a.example", false),
            (&["*"], b"", false),
            (&["*"], b"\xff", false),
            (&["https://*.corp.example"], b"https://a.corp.example", true),
            (&["https://*.corp.example"], b"https://evil.example/.corp.example", false),
            (&["https://*.corp.example"], b"https://corp.example", false),
            (&["http://localhost:*"], b"http://localhost:3000", true),
            (&["http://localhost:*"], b"http://localhost", false),
            (&[], b"https://a.example", false),
        ] {
            assert_eq!(origins(patterns).allow(value, &Work::default()), allowed, "{patterns:?} {value:?}");
        }
    }
}
