//! Which bodies are JSON in UTF-8, by their headers.

use super::headers::Field;

/// Tells what is wrong with the headers of a request body, or `None` where it is JSON, in UTF-8
/// and not compressed (RFC 9110, sections 8.3 and 8.4): one `Content-Type`, its media type
/// `application/json` in any case, `charset` absent or `utf-8`; `Content-Encoding` absent or
/// `identity`.
#[must_use]
pub fn fault(content_type: &Field, content_encoding: &Field) -> Option<&'static str> {
    match content_encoding {
        Field::Absent => {}
        Field::Once(value) if value.eq_ignore_ascii_case(b"identity") => {}
        _ => return Some("the body must not be compressed: `Content-Encoding` is `identity` or absent"),
    }
    match content_type {
        Field::Once(value) if is_json(value) => None,
        _ => Some("the body must be JSON: one `Content-Type`, `application/json`, with no charset but utf-8"),
    }
}

/// Tells whether a `Content-Type` value says JSON in UTF-8.
#[must_use]
pub fn is_json(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    // A comma joins two header lines into one; a server may take either of them.
    if text.contains(',') {
        return false;
    }
    let mut parts = text.split(';').map(trim);
    let media_type = parts.next().unwrap_or_default();
    let mut charsets = 0_usize;
    media_type.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| match parameter.split_once('=') {
            // `charset*` and `charset*0` are other ways to write it (RFC 2231), which some readers know.
            Some((name, _)) if is_extended_charset(name) => false,
            Some((name, charset)) if trim(name).eq_ignore_ascii_case("charset") => {
                charsets = charsets.saturating_add(1);
                let charset = trim(charset);
                let quoted = charset.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                let charset = quoted.unwrap_or(charset);
                charsets == 1 && charset.eq_ignore_ascii_case("utf-8")
            }
            Some((name, _)) => is_token(name),
            None => parameter.is_empty(),
        })
}

/// Tells whether a `Content-Type` value says server-sent events.
#[must_use]
pub fn is_event_stream(value: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

fn is_extended_charset(name: &str) -> bool {
    trim(name).split_once('*').is_some_and(|(name, _)| name.eq_ignore_ascii_case("charset"))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_in_utf_8_or_refused() {
        for (value, expected) in [
            ("application/json", true),
            ("APPLICATION/JSON", true),
            ("application/json; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"", true),
            ("application/json; profile=x", true),
            ("application/json;", true),
            ("application/json, text/plain", false),
            ("application/json; charset=utf-7", false),
            ("application/json; charset=utf-16", false),
            ("application/json; charset=utf-8; charset=utf-7", false),
            ("application/json; charset =utf-16", false),
            ("application/json; charset*=utf-8''utf-16", false),
            ("application/json; Charset*0=utf-; charset*1=16", false),
            ("application/jsonp", false),
            ("application/vnd.api+json", false),
            ("text/plain", false),
            ("", false),
            ("application/json; charset", false),
        ] {
            assert_eq!(is_json(value.as_bytes()), expected, "{value}");
        }
        assert!(!is_json(b"application/json\xff"));
    }
}
