//! The style, the script and the icon, which are parts of the program.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// A file that never changes while the program runs.
#[derive(Debug)]
pub struct Asset {
    /// Its path
    pub path: &'static str,
    /// What it is
    pub content_type: &'static str,
    /// What it holds
    pub content: &'static str,
    digest: LazyLock<String>,
}

/// What the pages look like.
pub static STYLE: Asset = Asset {
    path: "/assets/app.css",
    content_type: "text/css; charset=utf-8",
    content: include_str!("assets/app.css"),
    digest: LazyLock::new(|| digest(include_str!("assets/app.css"))),
};

/// What keeps them up to date.
pub static SCRIPT: Asset = Asset {
    path: "/assets/app.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_str!("assets/app.js"),
    digest: LazyLock::new(|| digest(include_str!("assets/app.js"))),
};

/// What stands on the tab.
pub static ICON: Asset = Asset {
    path: "/assets/icon.svg",
    content_type: "image/svg+xml",
    content: include_str!("assets/icon.svg"),
    digest: LazyLock::new(|| digest(include_str!("assets/icon.svg"))),
};

impl Asset {
    /// All of them.
    pub fn all() -> [&'static Self; 3] {
        [&STYLE, &SCRIPT, &ICON]
    }

    /// Returns the path with what tells this version from all others, so that it can be kept forever.
    pub fn url(&self) -> String {
        format!("{}?v={}", self.path, *self.digest)
    }

    /// Tells whether a request's query names this version.
    pub fn is_version(&self, query: Option<&str>) -> bool {
        query.and_then(|query| query.strip_prefix("v=")) == Some(self.digest.as_str())
    }
}

fn digest(content: &str) -> String {
    Sha256::digest(content.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_version() {
        for asset in Asset::all() {
            let (path, query) =
                asset.url().split_once('?').map(|(p, q)| (p.to_owned(), q.to_owned())).unwrap();
            assert_eq!(path, asset.path);
            assert!(asset.is_version(Some(&query)) && query.len() == 18);
            assert!(!asset.is_version(None) && !asset.is_version(Some("v=0")));
        }
    }

    #[test]
    fn the_script_evaluates_nothing_and_asks_nobody_else() {
        for word in ["eval(", "new Function", "innerHTML", "http:", "https:", "document.write"] {
            assert!(!SCRIPT.content.contains(word), "{word}");
        }
        for word in ["http:", "https:", "@import", "url("] {
            assert!(!STYLE.content.contains(word), "{word}");
        }
    }
}
