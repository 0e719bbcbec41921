//! The keys of the sources of identity.

use super::NAME;
use crate::document::Absent::{As, Nothing, Refused};
use crate::document::Takes::{Object, Text, Words};
use crate::document::{object, words};
use crate::policy::words::CERTIFICATES;

object! {
    /// Where a caller's name comes from.
    SOURCE, Source: "an object with one of `jwt`, `mtls`, `api_key` and `header`", One;

    Jwt "jwt": Object(&JWT), Nothing, "a claim of a token that Envoy has verified";
    Mtls "mtls": Words(&words(&CERTIFICATES)), Nothing, "a name in the peer's certificate";
    ApiKey "api_key": Object(&API_KEY), Nothing, "the SHA-256 of a key";
    Header "header": Object(&HEADER), Nothing, "a header that a trusted hop sets";
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
