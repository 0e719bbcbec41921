//! How far the `*` of a pattern reaches in a URI.

use crate::mcp::uri::{to_host, to_path, to_query};
use crate::policy::Pattern;

/// The beginnings of a pattern that the beginnings of a URI have to fit, too.
///
/// A `*` stands for any run of characters. But servers leave out the query and the fragment of a URI when they look for a
/// resource, and connect to its host. So `file:///srv/*.txt` must not match `file:///srv/key?.txt`, and
/// `https://*.example/*` must not match `https://other/.example/x`.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    /// Up to the end of the host
    host: Option<Pattern>,
    /// Up to the query or the fragment; `None` if the pattern has neither
    path: Option<Pattern>,
    /// Up to the fragment; `None` if the pattern has none
    located: Option<Pattern>,
    has_query: bool,
    /// Something follows a `*`, so that the `*` could reach too far
    is_bounded: bool,
}

impl Reach {
    /// Finds the beginnings of a pattern.
    pub fn of(pattern: &Pattern) -> Self {
        let text = pattern.as_str();
        let shorter = |start: &str| (start.len() < text.len()).then(|| Pattern::new(start));
        // Without a scheme, a `*` could stand for it and for a part of the host.
        let host = match to_host(text) {
            None if !text.contains("://") => text.find(['/', '?', '#']).and_then(|end| text.get(..end)),
            host => host,
        };
        Self {
            host: host.filter(|host| host.contains('*')).map(Pattern::new),
            path: shorter(to_path(text)),
            has_query: to_path(text).len() < to_query(text).len(),
            located: shorter(to_query(text)),
            is_bounded: text.trim_end_matches('*').contains('*'),
        }
    }

    /// Returns the pattern of the path, if the pattern has a query.
    pub fn path_before_query(&self) -> Option<&Pattern> {
        self.path.as_ref().filter(|_| self.has_query)
    }

    /// Returns why a URI that `pattern` matches does not fit it, as a whole sentence without its end.
    pub fn obstacle(&self, pattern: &Pattern, uri: &str) -> Option<&'static str> {
        if !self.is_bounded {
            return None;
        }
        let fits = |start: &str, own: Option<&Pattern>| {
            start.len() == uri.len() || own.unwrap_or(pattern).matches(start)
        };
        if let Some(host) = &self.host
            && !to_host(uri).is_none_or(|start| host.matches(start))
        {
            return Some("the host of the resource's URI does not fit the entry for it");
        }
        let fits_without =
            fits(to_path(uri), self.path.as_ref()) && fits(to_query(uri), self.located.as_ref());
        (!fits_without).then_some("the resource's URI fits the entry for it only with its query or fragment")
    }

    /// Tells whether a `*` of the pattern could reach too far.
    pub fn is_bounded(&self) -> bool {
        self.is_bounded
    }
}
