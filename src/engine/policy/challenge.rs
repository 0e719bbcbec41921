//! What a caller without an identity is told: the challenge of a 401.

use super::keys;
use super::source::{Source, SourceKind};
use crate::document::{Faults, Fields, Found, Keys as _, Part, Wrong};

/// Reads `unauthenticated` and returns the parameters of the `Bearer` challenge (RFC 6750, section 3; RFC
/// 9728, section 5.1), each with a space before it.
pub(super) fn parameters(part: &Part<'_>, faults: &mut Faults) -> Option<String> {
    let mut fields = Fields::<keys::Unauthenticated>::open(part, faults)?;
    if part.value.entries().next().is_none() {
        let expected = keys::Unauthenticated::EXPECTED;
        faults.add(part, Wrong::Unfit { expected, found: Found::Untold });
    }
    let text = |part: &Part<'_>| part.value.string().map(std::borrow::Cow::into_owned);
    let fits = |part: &Part<'_>, fits: fn(&str) -> bool| text(part).filter(|text| fits(text));
    let metadata =
        fields.read(keys::Unauthenticated::ResourceMetadata, |part| fits(part, is_metadata_url), faults);
    let scope = fields.read(keys::Unauthenticated::Scope, |part| fits(part, is_scope), faults);
    fields.close(faults);
    let mut parameters = String::new();
    for (name, value) in [("resource_metadata", metadata), ("scope", scope)] {
        let Some(value) = value else { continue };
        // Neither value contains a quote or a backslash.
        let separator = if parameters.is_empty() { " " } else { ", " };
        parameters.push_str(&[separator, name, "=\"", &value, "\""].concat());
    }
    Some(parameters)
}

/// Returns the value of `WWW-Authenticate`: a challenge for each way in which a caller can authenticate with
/// a header. Certificates and headers of a trusted hop have none. A 401 needs one (RFC 9110, section 15.5.2),
/// so `Bearer` stands where there is no other.
pub(super) fn challenge(sources: &[Source], parameters: Option<&str>) -> String {
    let mut challenges: Vec<String> = Vec::new();
    let tokens = sources.iter().any(|source| matches!(source.kind, SourceKind::Jwt { .. }));
    if tokens || parameters.is_some() {
        challenges.push(["Bearer", parameters.unwrap_or_default()].concat());
    }
    for source in sources {
        let SourceKind::ApiKey { header, scheme } = &source.kind else { continue };
        let challenge = match scheme {
            Some(scheme) if header == "authorization" => scheme.clone(),
            _ => ["ApiKey header=\"", header, "\""].concat(),
        };
        let scheme = |text: &str| text.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        let known = |other: &String| *other == challenge || scheme(other) == challenge.to_ascii_lowercase();
        if !challenges.iter().any(known) {
            challenges.push(challenge);
        }
    }
    if challenges.is_empty() {
        return "Bearer".to_owned();
    }
    challenges.join(", ")
}

/// Tells whether a text is an `https` URL, or an `http` URL of the local host, that can stand in quotes.
fn is_metadata_url(text: &str) -> bool {
    let rest = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if is_loopback(rest) => rest,
        _ => return false,
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let printable = |byte: u8| byte.is_ascii_graphic() && !b"\"\\<>^`{|}#".contains(&byte);
    !authority.is_empty()
        && !authority.starts_with(':')
        && !authority.contains('@')
        && text.bytes().all(printable)
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    matches!(host, "localhost" | "[::1]" | "127.0.0.1")
}

/// Tells whether a text is a list of scopes (RFC 6749, section 3.3).
fn is_scope(text: &str) -> bool {
    text.split(' ').all(is_scope_word)
}

/// Tells whether a text is one scope (RFC 6749, section 3.3).
pub(super) fn is_scope_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_an_https_url_or_a_local_one() {
        for (text, fits) in [
            ("https://mcp.example/.well-known/oauth-protected-resource/mcp", true),
            ("https://mcp.example:8443/x?y=1", true),
            ("http://localhost:8000/x", true),
            ("http://127.0.0.1/x", true),
            ("http://[::1]:1/x", true),
            ("http://mcp.example/x", false),
            ("http://localhost.evil.example/x", false),
            ("http://localhost@evil.example/x", false),
            ("https://a@b/x", false),
            ("https:///x", false),
            ("https://", false),
            ("https://:1/x", false),
            ("HTTPS://mcp.example/x", false),
            ("https://mcp.example/\"", false),
            ("https://mcp.example/a b", false),
            ("https://mcp.example/é", false),
            ("https://mcp.example/\r\nset-cookie:a", false),
            ("https://mcp.example/#a", false),
            ("mcp.example", false),
            ("", false),
        ] {
            assert_eq!(is_metadata_url(text), fits, "{text:?}");
        }
    }

    #[test]
    fn scopes_are_words_between_single_spaces() {
        for (text, fits) in [
            ("mcp:run", true),
            ("mcp:run mcp:read", true),
            ("", false),
            (" mcp:run", false),
            ("mcp:run  mcp:read", false),
            ("a\"b", false),
            ("a\\b", false),
            ("a\tb", false),
            ("é", false),
        ] {
            assert_eq!(is_scope(text), fits, "{text:?}");
        }
    }

    #[test]
    fn a_challenge_promises_only_what_the_sources_read() {
        let jwt = || SourceKind::Jwt { metadata: "m".into(), payload: "p".into(), claim: "sub".into() };
        let key = |header: &str, scheme: Option<&str>| SourceKind::ApiKey {
            header: header.to_owned(),
            scheme: scheme.map(str::to_owned),
        };
        let header = || SourceKind::Header("x-agent-id".to_owned());
        for (kinds, parameters, expected) in [
            (vec![], None, "Bearer"),
            (vec![header()], None, "Bearer"),
            (vec![jwt()], None, "Bearer"),
            (vec![jwt()], Some(" scope=\"a\""), "Bearer scope=\"a\""),
            (vec![header()], Some(" scope=\"a\""), "Bearer scope=\"a\""),
            (vec![key("x-api-key", None)], None, "ApiKey header=\"x-api-key\""),
            (vec![key("x-api-key", Some("Key"))], None, "ApiKey header=\"x-api-key\""),
            (vec![key("authorization", Some("Bearer"))], None, "Bearer"),
            (vec![key("authorization", Some("ApiKey"))], None, "ApiKey"),
            (vec![key("authorization", None)], None, "ApiKey header=\"authorization\""),
            (
                vec![jwt(), key("authorization", Some("bearer")), key("x-api-key", None), header()],
                Some(" scope=\"a\""),
                "Bearer scope=\"a\", ApiKey header=\"x-api-key\"",
            ),
        ] {
            let sources: Vec<Source> =
                kinds.into_iter().map(|kind| Source { name: String::new(), kind }).collect();
            assert_eq!(challenge(&sources, parameters), expected, "{sources:?}");
        }
    }
}
