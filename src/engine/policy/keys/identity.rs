//! The keys of the sources of identity.

use super::NAME;
use crate::document::Absent::{As, Means, Nothing, Refused};
use crate::document::Takes::{Filled, List, Object, Text, Words};
use crate::document::{Takes, object, words};
use crate::policy::words::CERTIFICATES;

/// The path of an attribute that clients cannot set.
pub(in crate::policy) const ATTRIBUTE: Takes = Takes::Said(
    "a path such as `[\"filter_state\", \"io.istio.peer_principal\"]`: it begins with `filter_state`, which \
     clients cannot set, and not with a key of `wasm`",
    &List(&Filled),
);
/// The URL of a document about a protected resource (RFC 9728).
const METADATA_URL: Takes =
    Takes::Said("an `https` URL without user and fragment (`http` only for the local host)", &Filled);
/// Scopes of a token (RFC 6749).
const SCOPES: Takes = Takes::Said("scopes with one space between them, such as `mcp:read mcp:run`", &Filled);
/// The origin of a web page.
pub(in crate::policy) const ORIGIN: Takes = Takes::Said(
    "an origin such as `https://app.example` or `https://*.corp.example`, or `null`, or `*`",
    &Filled,
);

object! {
    /// Where a caller's name comes from.
    SOURCE, Source: "an object with one of `jwt`, `mtls`, `api_key`, `header` and `attribute`", One;

    Name "name": NAME, Means("the word for its kind"), "its name in records and in `match`";
    Jwt "jwt": Object(&JWT), Nothing, "a claim of a token that Envoy has verified";
    Mtls "mtls": Words(&words(&CERTIFICATES)), Nothing, "a name in the peer's certificate";
    ApiKey "api_key": Object(&API_KEY), Nothing, "the SHA-256 of a key";
    Header "header": Object(&HEADER), Nothing, "a header that a trusted hop sets";
    Attribute "attribute": ATTRIBUTE, Nothing, "an attribute that clients cannot set";
}

object! {
    /// A claim of a token.
    JWT, Jwt: "an object", Any;

    Metadata "metadata": NAME, As(r#""envoy.filters.http.jwt_authn""#),
        "the filter that has verified the token";
    Payload "payload": NAME, Refused, "the `payload_in_metadata` of its provider";
    Claim "claim": NAME, As(r#""sub""#), "the claim";
}

object! {
    /// A key in a header.
    API_KEY, ApiKey: "an object with `header`", Any;

    Header "header": NAME, Refused, "the header's name";
    Scheme "scheme": Text, Nothing, "the authentication scheme before the key";
}

object! {
    /// A header that a trusted hop sets.
    HEADER, Header: "an object with `name`", Any;

    Name "name": NAME, Refused, "the header's name";
}

object! {
    /// What a caller without an identity is told.
    UNAUTHENTICATED, Unauthenticated: "an object with `resource_metadata` or `scope`", Some;

    ResourceMetadata "resource_metadata": METADATA_URL, Nothing, "where clients learn how to get a token";
    Scope "scope": SCOPES, Nothing, "the scopes that a token needs";
}
