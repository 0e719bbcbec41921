//! The keys of a grant.

use super::{ENTRY, HIDDEN, METHODS, NAME, RULES, SCALAR, VERDICT};
use crate::document::Absent::{As, Means, Nothing, Refused};
use crate::document::Takes::{Either, Filled, List, Named, Object, Words};
use crate::document::{Takes, object};

/// Who a grant is for.
pub(in crate::policy) const MATCHING: Takes = Takes::Said(
    "`any` or a list of descriptions such as `{\"jwt\": \"ci@corp.example\"}`",
    &Either(&[Words(&["any"]), List(&Object(&MATCH))]),
);
/// What a grant says of claims.
pub(in crate::policy) const CLAIMS: Takes =
    Takes::Said("an object of claims, such as `{\"team\": \"sre\"}`", &Named(&SCALAR));
/// What a grant says of a key.
pub(in crate::policy) const DIGEST: Takes = Takes::Said("the SHA-256 of the key, as 64 hex digits", &Filled);

/// When a grant begins or ends.
const TIME: Takes = Takes::Said("a time as in RFC 3339, such as `2027-01-01T00:00:00Z`", &Filled);
/// What a token must allow.
pub(in crate::policy) const SCOPE_WORD: Takes =
    Takes::Said("a scope such as `mcp:run`, without spaces", &Filled);
/// What a grant says of scopes.
pub(in crate::policy) const SCOPE_WORDS: Takes =
    Takes::Said("a list of scopes such as `[\"mcp:run\"]`", &List(&SCOPE_WORD));

object! {
    /// What the document allows a set of callers.
    GRANT, Grant: "an object with `name` and `match`", Any;

    Name "name": NAME, Refused, "its name in records, counters and conditions";
    Match "match": MATCHING, Refused, "who it is for";
    NotBefore "not_before": TIME, Means("always"), "until when its callers are refused";
    Expires "expires": TIME, Means("never"), "from when on its callers are refused";
    Default "default": VERDICT, Means("`deny` with any section of its own, else nothing"),
        "the verdict on what none of its entries names";
    Hide "hide": HIDDEN, As("[]"), "tools that seem not to exist";
    AllTools "all_tools": ENTRY, Nothing, "rules for every tool call, beside the tool's own";
    Tools "tools": RULES, Nothing, "rules by the tool's name";
    Resources "resources": RULES, Nothing, "rules by the resource's URI";
    Prompts "prompts": RULES, Nothing, "rules by the prompt's name";
    Methods "methods": METHODS, Nothing, "verdicts on methods that act on none of these";
}

object! {
    /// A description of callers, all of which must fit.
    MATCH, Match:
        "an object with `jwt`, `claim`, `scope`, `mtls`, `api_key_sha256`, `header`, `attribute` or `source`",
        Some;

    Jwt "jwt": NAME, Nothing, "a pattern of the name that a token gives";
    Mtls "mtls": NAME, Nothing, "a pattern of the name that a certificate gives";
    Header "header": NAME, Nothing, "a pattern of the name that a header gives";
    ApiKeySha256 "api_key_sha256": DIGEST, Nothing, "the SHA-256 of a key";
    Claim "claim": CLAIMS, Nothing,
        "claims of the token, by their paths: patterns of strings, or numbers or booleans";
    Scope "scope": SCOPE_WORDS, Nothing, "scopes of the token, all of these";
    Attribute "attribute": NAME, Nothing, "a pattern of the name that an attribute gives";
    Source "source": NAME, Nothing, "the name of the source that names the caller";
}
