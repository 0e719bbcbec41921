//! How far the `*` of a pattern reaches in a URI.

use crate::mcp::uri::{to_host, to_path, to_query};
use crate::policy::Pattern;

/// The parts of a pattern, each of which has to fit the same part of a URI.
///
/// A `*` stands for any run of characters. But servers leave out the query and the fragment of a URI when they look for a
/// resource, read the parameters of a query one by one, and connect to its host. So `file:///srv/*.txt` must not match
/// `file:///srv/key?.txt`, nor `https://*.example/*` `https://other/.example/x`, nor `https://*/public/*`
/// `https://host/private/public/x`.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    /// All up to the end of the path, each parameter of the query, and the fragment
    parts: Vec<Pattern>,
    /// All up to the end of the host, and the path, in place of the first part; empty if no `*` stands in the host
    host_and_path: Vec<Pattern>,
    has_query: bool,
    /// Something follows a `*`, so that the `*` could reach too far
    is_bounded: bool,
}

impl Reach {
    /// Finds the parts of a pattern.
    pub fn of(pattern: &Pattern) -> Self {
        let text = pattern.as_str();
        let path = to_path(text);
        let parts = Parts::of(text, 0).map(Pattern::new).collect();
        // Without a scheme, a `*` could stand for it and for a part of the host.
        let host = match to_host(text) {
            None if !path.contains("://") => text.find(['/', '?', '#']).and_then(|end| text.get(..end)),
            host => host,
        };
        let host = host.filter(|host| host.contains('*'));
        let behind =
            host.and_then(|host| path.get(host.len()..)).filter(|_| host.map(str::len) < Some(text.len()));
        Self {
            parts,
            host_and_path: host.into_iter().chain(behind).map(Pattern::new).collect(),
            has_query: path.len() < to_query(text).len(),
            is_bounded: text.trim_end_matches('*').contains('*'),
        }
    }

    /// Returns the pattern of the path, if the pattern has a query.
    pub fn path_before_query(&self) -> Option<&Pattern> {
        self.parts.first().filter(|_| self.has_query)
    }

    /// Returns why a URI that the pattern matches does not fit its parts, as a whole sentence without its end.
    pub fn obstacle(&self, uri: &str) -> Option<&'static str> {
        if !self.is_bounded {
            return None;
        }
        let host = to_host(uri).filter(|_| !self.host_and_path.is_empty()).map_or(0, str::len);
        let (first, others) = self.parts.split_at_checked(1)?;
        let first = if host > 0 { &self.host_and_path } else { first };
        let mut parts = Parts::of(uri, host);
        let mut own = first.iter().chain(others).peekable();
        while let Some(pattern) = own.next() {
            let start = parts.start;
            let part = parts.next().unwrap_or_default();
            // The last part of a pattern also has to fit with all that follows.
            let is_last = own.peek().is_none();
            let fits = match is_last {
                true => {
                    parts.ends(start).all(|end| uri.get(start..end).is_some_and(|text| pattern.matches(text)))
                }
                false => pattern.matches(part),
            };
            if !fits {
                return Some(parts.misfit(start));
            }
        }
        None
    }

    /// Tells whether the pattern fits a URI up to the end of its host.
    pub fn fits_host(&self, host: &str) -> bool {
        !self.is_bounded || self.host_and_path.first().is_none_or(|own| own.matches(host))
    }

    /// Tells whether a `*` of the pattern could reach too far.
    pub fn is_bounded(&self) -> bool {
        self.is_bounded
    }
}

/// The parts of a URI: the host if its end is known, the path, each parameter of the query, and the fragment.
struct Parts<'u> {
    uri: &'u str,
    /// Where the host ends, or 0
    host: usize,
    path: usize,
    query: usize,
    /// Where the next part begins
    start: usize,
}

impl<'u> Parts<'u> {
    fn of(uri: &'u str, host: usize) -> Self {
        Self { uri, host, path: to_path(uri).len(), query: to_query(uri).len(), start: 0 }
    }

    /// Returns where the part ends that begins at `start`.
    fn end(&self, start: usize) -> usize {
        if start < self.host {
            self.host
        } else if start < self.path {
            self.path
        } else if start < self.query {
            let behind = start.saturating_add(1);
            let rest = self.uri.get(behind..self.query).unwrap_or_default();
            rest.find('&').map_or(self.query, |at| behind.saturating_add(at))
        } else {
            self.uri.len()
        }
    }

    /// Returns where servers could end a text that begins at `start`: behind its part, its path, its query, and at the end.
    fn ends(&self, start: usize) -> impl Iterator<Item = usize> {
        let first = self.end(start);
        let mut last = None;
        [first, self.path, self.query, self.uri.len()]
            .into_iter()
            .filter(move |end| *end >= first && last.replace(*end) != Some(*end))
    }

    /// Returns what does not fit if it is the part that begins at `start`.
    fn misfit(&self, start: usize) -> &'static str {
        if start < self.host {
            "the host of the resource's URI does not fit the entry for it"
        } else if start < self.path {
            "the path of the resource's URI does not fit the entry for it"
        } else {
            "the query or fragment of the resource's URI does not fit the entry for it"
        }
    }
}

impl<'u> Iterator for Parts<'u> {
    type Item = &'u str;

    fn next(&mut self) -> Option<&'u str> {
        let part = self.uri.get(self.start..self.end(self.start)).filter(|part| !part.is_empty())?;
        self.start = self.start.saturating_add(part.len());
        Some(part)
    }
}
