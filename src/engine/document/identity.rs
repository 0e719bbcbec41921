//! What can be wrong with sources of identity, grants and what belongs to them, and its text.

use std::fmt;

use super::message::shortened;

/// How many characters of a name a message quotes.
const QUOTED: usize = 40;

/// How many names a message lists.
const LISTED: usize = 5;

/// What is wrong with a source of identity, a grant, or an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InIdentity {
    /// Another source has the same name
    SourceNameTaken {
        /// The name
        name: String,
        /// The path of the other source
        by: String,
    },
    /// Another source reads the same
    SameSource {
        /// The path of the other source
        other: String,
    },
    /// A source's name has a control character
    SourceName,
    /// A text cannot be the name of a header
    NoHeaderName {
        /// The text
        text: String,
    },
    /// A header that the host passes to no filter
    NeverArrives {
        /// The header
        header: String,
    },
    /// A text cannot be an authentication scheme
    NoScheme {
        /// The text
        text: String,
    },
    /// A description or a condition names a source that does not exist
    NoSource {
        /// The name
        name: String,
        /// The names of the sources that exist
        known: Vec<String>,
    },
    /// A description names a source of another kind
    OtherKind {
        /// The name of the source
        source: String,
        /// The kind of the source
        kind: &'static str,
    },
    /// A description has keys for callers of two kinds of sources
    TwoKinds {
        /// The key of the first kind
        first: &'static str,
    },
    /// A description must name a source, because several are of its kind
    WhichSource {
        /// The kind
        kind: &'static str,
    },
    /// A key of `claim` is not a path
    NoClaimPath {
        /// The key
        key: String,
        /// Why it is not
        why: &'static str,
    },
    /// A grant is never in force
    NeverInForce,
    /// The list of grants is empty
    NoGrants,
}

impl fmt::Display for InIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| shortened(text, QUOTED);
        match self {
            Self::SourceNameTaken { name, by } => {
                let name = quoted(name);
                write!(out, "has the same name as `{by}`, {name}: give each source its own `name`")
            }
            Self::SameSource { other } => {
                write!(out, "reads the same as `{other}`, so it never names a caller")
            }
            Self::SourceName => out.write_str("must be a name without control characters"),
            Self::NoHeaderName { text } => {
                write!(out, "must be the name of a header such as `x-api-key`, found {}", quoted(text))
            }
            Self::NeverArrives { header } => {
                write!(out, "must be another header, Envoy passes {} to no filter", quoted(header))
            }
            Self::NoScheme { text } => {
                let text = quoted(text);
                write!(out, "must be an authentication scheme such as `Bearer`, without spaces, found {text}")
            }
            Self::NoSource { name, known } => {
                let name = quoted(name);
                if known.is_empty() {
                    return write!(
                        out,
                        "must be the name of a source, but `identity` has none, found {name}"
                    );
                }
                let more = if known.len() > LISTED { ", …" } else { "" };
                let known: Vec<String> = known.iter().take(LISTED).map(|name| quoted(name)).collect();
                let known = known.join(", ");
                write!(out, "must be the name of a source in `identity` ({known}{more}), found {name}")
            }
            Self::OtherKind { source, kind } => {
                write!(out, "is not allowed here, the source {} is of the kind `{kind}`", quoted(source))
            }
            Self::TwoKinds { first } => write!(
                out,
                "is not allowed beside `{first}`, one source alone names a caller, so nobody would match both: write \
                 a description for each, of which one is enough"
            ),
            Self::WhichSource { kind } => {
                write!(out, "needs a `source`, because `identity` has several of the kind `{kind}`")
            }
            Self::NoClaimPath { key, why } => {
                let example = "`realm_access.roles`, or `[\"a.b\"]` for a claim whose name has a dot";
                write!(out, "must be a path such as {example}, but {} {why}", quoted(key))
            }
            Self::NeverInForce => out.write_str("must be earlier than `expires`, or nothing is ever granted"),
            Self::NoGrants => out.write_str(
                "must not be empty, every caller would pass: leave `grants` out, or grant something",
            ),
        }
    }
}
