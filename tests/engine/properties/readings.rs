//! How readers that are laxer than the filter read a message.

use super::oracle::Tree;

#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The last of duplicate keys counts, not the first.
    pub last: bool,
    /// Keys are cut at a NUL and compared after case folding.
    pub folds: bool,
}

impl Reading {
    pub const ALL: [Self; 4] = [
        Self { last: true, folds: false },
        Self { last: false, folds: false },
        Self { last: true, folds: true },
        Self { last: false, folds: true },
    ];

    fn matches(self, key: &str, wanted: &str) -> bool {
        if !self.folds {
            return key == wanted;
        }
        let folded = key.split('\0').next().unwrap_or_default().chars().map(|char| match char {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        });
        folded.eq(wanted.chars())
    }

    pub fn get<'t>(self, tree: &'t Tree, key: &str) -> Option<&'t Tree> {
        let Tree::Object(entries) = tree else { return None };
        let mut found = entries.iter().filter(|(name, _)| self.matches(name, key)).map(|(_, value)| value);
        if self.last { found.next_back() } else { found.next() }
    }

    /// Reads the method of a message, and what a call names.
    pub fn call(self, message: &Tree) -> (Option<&Tree>, Option<&Tree>) {
        let method = self.get(message, "method");
        let named = match method {
            Some(Tree::Text(method)) if method == "tools/call" => {
                self.get(message, "params").and_then(|params| self.get(params, "name"))
            }
            _ => None,
        };
        (method, named)
    }
}
