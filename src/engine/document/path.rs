//! Paths to the parts of a document.

use std::fmt;

/// A path from the whole document to one part of it, such as `tools.run_agent.limits[0].max`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Path(String);

impl Path {
    /// Returns the path of the member `key` of the object at this path.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let plain = !key.is_empty()
            && key
                .chars()
                .all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '*' | '/' | ':' | '$'));
        let Self(parent) = self;
        if !plain {
            return Self(format!("{parent}[{key:?}]"));
        }
        Self(if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") })
    }

    /// Returns the path of element `index` of the list at this path.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let Self(parent) = self;
        Self(format!("{parent}[{index}]"))
    }
}

impl fmt::Display for Path {
    /// Writes the path; that of the whole document is `document`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path) = self;
        out.write_str(if path.is_empty() { "document" } else { path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_quotes_the_keys_that_need_it() {
        let root = Path::default();
        for (path, expected) in [
            (root.clone(), "document"),
            (root.key("tools").key("get_*").key("limits").index(0), "tools.get_*.limits[0]"),
            (root.key("methods").key("tools/call"), "methods.tools/call"),
            (root.key("tools").key("a.b"), "tools[\"a.b\"]"),
            (root.key(""), "[\"\"]"),
            (root.key("tools").key("a\nb").key("x"), "tools[\"a\\nb\"].x"),
        ] {
            assert_eq!(path.to_string(), expected);
        }
    }
}
