//! Grants.

mod load;

pub(super) use load::grants;

use super::path::{Resolved, SPACE_AROUND, ValuePath};
use super::pattern::Pattern;
use super::rules::Rules;
use crate::json::Value;
use crate::work::Work;

/// What a set of callers may do. It can only narrow what the document allows.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its name
    pub name: String,
    /// Its path in the document
    pub path: String,
    /// When it begins, and the text of that time in the document
    pub not_before: Option<(i128, String)>,
    /// When it expires, in nanoseconds since the Unix epoch
    pub expires_ns: Option<i128>,
    /// The rules that its callers must pass in addition to the document's
    pub rules: Rules,
}

impl Grant {
    /// Tells whether the grant applies only at some times, so that the time has to be known.
    #[must_use]
    pub fn has_term(&self) -> bool {
        self.not_before.is_some() || self.expires_ns.is_some()
    }
}

/// Who a grant is for, as the document says it.
#[derive(Debug)]
pub(super) enum Matching {
    /// All callers
    Any,
    /// The callers that one of these describes
    One(Vec<Match>),
}

/// A description of callers. All parts of it must match.
#[derive(Debug)]
pub(super) struct Match {
    /// The number of the source that must have named the principal
    pub source: Option<usize>,
    /// The name of a principal from a token
    pub jwt: Option<Pattern>,
    /// Claims that the token must have
    pub claims: Vec<(ClaimPath, Expected)>,
    /// Scopes that the token must have
    pub scope: Vec<String>,
    /// The name of a principal from a certificate
    pub mtls: Option<Pattern>,
    /// The SHA-256 of an API key, in lower-case hex
    pub api_key_sha256: Option<String>,
    /// The name of a principal from a header
    pub header: Option<Pattern>,
    /// The name of a principal from an attribute
    pub attribute: Option<Pattern>,
}

/// The keys of a description in `match`, and the kind of source whose callers each describes.
pub const DESCRIBED: [(&str, &str); 7] = [
    ("jwt", "jwt"),
    ("claim", "jwt"),
    ("scope", "jwt"),
    ("mtls", "mtls"),
    ("header", "header"),
    ("attribute", "attribute"),
    ("api_key_sha256", "api_key"),
];

/// Where a claim stands in a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimPath {
    /// Under this key of the token itself
    Key(String),
    /// At this path
    Path(ValuePath),
}

impl ClaimPath {
    /// Parses a key of `claim`. A key without `.`, brackets, `*` and quotes is the name of a claim; any other
    /// is a path as in conditions, without `claims`.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence whose subject is the key.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.contains(['.', '[', ']', '*', '"']) {
            if text.trim() != text {
                return Err(SPACE_AROUND);
            }
            return Ok(Self::Key(text.to_owned()));
        }
        let dot = if text.starts_with('[') { "" } else { "." };
        let path = ValuePath::parse(&["claims", dot, text].concat())?;
        // A claim named by a URL, such as `https://corp.example/team`, has always been one name.
        let plain = |char: char| char.is_alphanumeric() || "_-.[]*".contains(char);
        let mut outside = text.split('"').step_by(2);
        match outside.all(|part| part.chars().all(plain)) {
            true => Ok(Self::Path(path)),
            false => Err("has a dot and is not one: write it in brackets and quotes"),
        }
    }

    /// Tells whether a value of the claim is accepted; `claims` is the token. Spends `work`; the result is of no use if
    /// it is exhausted.
    #[must_use]
    pub fn any(&self, claims: Value<'_>, work: &Work, accepts: impl Fn(Value<'_>) -> bool) -> bool {
        match self {
            Self::Key(key) => {
                let mut keyed =
                    claims.keyed().take_while(|(other, _)| work.spend(other.string_work().saturating_add(1)));
                let found = keyed.find(|(other, _)| other.string().is_some_and(|other| other == *key));
                found.is_some_and(|(_, value)| accepts(value))
            }
            Self::Path(path) => {
                let found = path.find(Some(claims), work);
                !work.is_exhausted()
                    && found
                        .into_iter()
                        .any(|found| matches!(found, Resolved::Value(value) if accepts(value)))
            }
        }
    }
}

/// What a claim must be. If the claim is a list, one element must match.
#[derive(Debug, Clone)]
pub enum Expected {
    /// A string that matches
    Text(Pattern),
    /// This number, in any notation
    Number(String),
    /// This boolean
    Bool(bool),
}
