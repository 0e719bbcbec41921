//! Where a proxy finds the filter's module.

use crate::outcome::Failure;

/// Where the module is mounted, as in the example configurations.
pub const PATH: &str = "/etc/mcp-policy/mcp_policy_filter.wasm";

/// The filter's module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Module {
    /// A file where the proxy runs
    File(String),
    /// A URL to fetch it from, and the SHA-256 of what is there
    Fetched {
        /// `oci://…`, `https://…` or `http://…`
        url: String,
        /// 64 hex digits
        sha256: Option<String>,
    },
}

impl Module {
    /// Reads the options about the module.
    ///
    /// # Errors
    /// They do not fit each other.
    pub fn read(module: Option<&str>, sha256: Option<&str>) -> Result<Self, Failure> {
        if let Some(text) = sha256
            && !(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(Failure::new(format!("--sha256 `{text}` is not a SHA-256 in 64 hex digits")));
        }
        let printable = |text: &str| text.chars().all(|char| char.is_ascii_graphic());
        match module.unwrap_or(PATH) {
            text if !printable(text) || text.is_empty() => {
                Err(Failure::new(format!("--module `{text}` is neither a path nor a URL")))
            }
            url if url.starts_with("http://") && sha256.is_none() => Err(Failure::new(format!(
                "--sha256 is needed: `{url}` is fetched without TLS, so anybody on the way could put another module in its place"
            ))),
            url if ["oci://", "https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) => {
                Ok(Self::Fetched { url: url.to_owned(), sha256: sha256.map(str::to_lowercase) })
            }
            path if sha256.is_some() => {
                Err(Failure::new(format!("--sha256 is for a module that is fetched, but `{path}` is a file")))
            }
            path if path.contains("://") => Err(Failure::new(format!(
                "--module `{path}` must be a path, or begin with `oci://` or `https://`"
            ))),
            path => Ok(Self::File(path.to_owned())),
        }
    }

    /// Says what to pass if the module is fetched and nothing fixes what arrives.
    pub fn note(&self) -> Option<String> {
        let Self::Fetched { url, sha256: None } = self else { return None };
        let (what, how) = match url.strip_prefix("oci://") {
            // The reference has a digest itself.
            Some(image) if image.contains("@sha256:") => return None,
            Some(image) => (
                "image",
                format!(
                    "give the digest of its manifest, without `sha256:`, with `--sha256`; `docker buildx imagetools inspect {image}` \
                     shows it"
                ),
            ),
            None => ("file", "give its SHA-256 with `--sha256`; `sha256sum` prints it".to_owned()),
        };
        Some(format!(
            "nothing makes sure that `{url}` stays the same {what}, and proxies run what is there: {how}"
        ))
    }

    /// Returns the path of a file.
    ///
    /// # Errors
    /// It is not a file. `what` is the target in words.
    pub fn file(&self, what: &str) -> Result<&str, Failure> {
        match self {
            Self::File(path) => Ok(path),
            Self::Fetched { url, .. } => Err(Failure::new(format!(
                "--module `{url}`: {what} reads the module from a file, give its path there"
            ))),
        }
    }
}
