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
    /// Something follows a `*`, so that the `*` could reach too far
    is_bounded: bool,
}

impl Reach {
    /// Finds the beginnings of a pattern.
    pub fn of(pattern: &Pattern) -> Self {
        let text = pattern.as_str();
        let shorter = |start: &str| (start.len() < text.len()).then(|| Pattern::new(start));
        Self {
            host: to_host(text).filter(|host| host.contains('*')).map(Pattern::new),
            path: shorter(to_path(text)),
            located: shorter(to_query(text)),
            is_bounded: text.trim_end_matches('*').contains('*'),
        }
    }

    /// Returns the pattern of the path; `None` if the pattern has no query and no fragment.
    pub fn path(&self) -> Option<&Pattern> {
        self.path.as_ref()
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
        let fits_without = fits(to_path(uri), self.path()) && fits(to_query(uri), self.located.as_ref());
        (!fits_without).then_some("the resource's URI fits the entry for it only with its query or fragment")
    }

    /// Tells whether a `*` of the pattern could reach too far.
    pub fn is_bounded(&self) -> bool {
        self.is_bounded
    }
}
