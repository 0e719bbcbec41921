//! The style sheet, the script and the icon, which are embedded in the program.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// A static file.
#[derive(Debug)]
pub struct Asset {
    /// Its path
    pub path: &'static str,
    /// Its content type
    pub content_type: &'static str,
    /// Its content
    pub content: &'static str,
    digest: LazyLock<String>,
}

/// The style sheet.
pub static STYLE: Asset = Asset {
    path: "/assets/app.css",
    content_type: "text/css; charset=utf-8",
    content: include_str!("assets/app.css"),
    digest: LazyLock::new(|| digest(include_str!("assets/app.css"))),
};

/// The script that keeps pages up to date.
pub static SCRIPT: Asset = Asset {
    path: "/assets/app.js",
    content_type: "text/javascript; charset=utf-8",
    content: include_str!("assets/app.js"),
    digest: LazyLock::new(|| digest(include_str!("assets/app.js"))),
};

/// The icon of the browser tab.
pub static ICON: Asset = Asset {
    path: "/assets/icon.svg",
    content_type: "image/svg+xml",
    content: include_str!("assets/icon.svg"),
    digest: LazyLock::new(|| digest(include_str!("assets/icon.svg"))),
};

impl Asset {
    /// Returns all assets.
    pub fn all() -> [&'static Self; 3] {
        [&STYLE, &SCRIPT, &ICON]
    }

    /// Returns the path with a version in its query, which can be cached forever.
    pub fn url(&self) -> String {
        format!("{}?v={}", self.path, *self.digest)
    }

    /// Returns whether a request's query names the current version.
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
    fn no_asset_evaluates_code_or_loads_from_elsewhere() {
        for word in ["eval(", "new Function", "innerHTML", "http:", "https:", "document.write"] {
            assert!(!SCRIPT.content.contains(word), "{word}");
        }
        for word in ["http:", "https:", "@import", "url("] {
            assert!(!STYLE.content.contains(word), "{word}");
        }
    }
}
