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
    // Almost every request has this.
    if value == b"application/json" {
        return true;
    }
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

/// What a client may take a response for, by its `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// JSON in UTF-8
    Json,
    /// A relative of JSON, in UTF-8
    JsonAlike,
    /// Server-sent events in UTF-8
    Events,
    /// Nothing that contains messages
    Other,
    /// Clients can take it for JSON or for an event stream, and read it in different ways
    Unclear,
}

/// Tells what a client may take a response for, by its one `Content-Type`. Clients are lenient: some only
/// look whether the value contains the name of a type. `utf8` and the charsets that extend ASCII byte by byte
/// do not change the structure of JSON, and clients read JSON as UTF-8 whatever the charset says. Event streams are
/// always in UTF-8 by the standard, but some clients decode them by the charset.
#[must_use]
pub fn answer(value: &[u8]) -> Answer {
    // Almost every response has one of these.
    if value == b"application/json" {
        return Answer::Json;
    }
    if value == b"text/event-stream" {
        return Answer::Events;
    }
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    let essence = trim(text.split(';').next().unwrap_or_default());
    let is_stream = essence == "text/event-stream";
    if (!is_stream && text.contains("event-stream")) || (text.contains("json") && text.contains(',')) {
        return Answer::Unclear;
    }
    let charsets = text.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = charsets.filter(|(name, _)| trim(name).starts_with("charset"));
    let known: &[&str] = match is_stream {
        // Others have characters that clients take for line ends.
        true => &["utf-8", "utf8", "us-ascii"],
        false => &["utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252"],
    };
    let extends_ascii = |(name, charset): (&str, &str)| {
        trim(name) == "charset" && known.contains(&trim(charset).trim_matches('"'))
    };
    let is_plain = charsets.next().is_none_or(extends_ascii) && charsets.next().is_none();
    if is_stream {
        return if is_plain { Answer::Events } else { Answer::Unclear };
    }
    match (essence.contains("json"), is_plain) {
        (true, false) => Answer::Unclear,
        (true, true) if essence == "application/json" => Answer::Json,
        (true, true) => Answer::JsonAlike,
        (false, _) if text.contains("json") => Answer::JsonAlike,
        (false, _) => Answer::Other,
    }
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

    #[test]
    fn a_response_is_what_some_client_takes_it_for() {
        for (value, expected) in [
            ("application/json", Answer::Json),
            ("Application/JSON; charset=\"UTF-8\"", Answer::Json),
            ("application/json;charset=utf8", Answer::Json),
            ("application/json; charset=iso-8859-1", Answer::Json),
            ("application/json; profile=x", Answer::Json),
            ("application/json; charset=utf-16", Answer::Unclear),
            ("application/json; charset=utf-7", Answer::Unclear),
            ("application/json; charset=utf-8; charset=utf-16", Answer::Unclear),
            ("application/json; charset*=utf-8''utf-16", Answer::Unclear),
            ("application/json, text/plain", Answer::Unclear),
            ("application/problem+json", Answer::JsonAlike),
            ("text/plain; type=application/json", Answer::JsonAlike),
            ("text/event-stream", Answer::Events),
            ("Text/Event-Stream ; charset=utf-8", Answer::Events),
            ("text/event-stream; charset=utf-8; x=y", Answer::Events),
            ("text/event-stream; charset=\"UTF8\"", Answer::Events),
            ("text/event-stream; charset=utf-16", Answer::Unclear),
            ("text/event-stream; charset=utf-7", Answer::Unclear),
            ("text/event-stream; charset=iso-8859-1", Answer::Unclear),
            ("text/event-stream; charset=utf-8; charset=utf-16", Answer::Unclear),
            ("text/event-stream; charset*=utf-8''utf-16", Answer::Unclear),
            ("application/x; text/event-stream", Answer::Unclear),
            ("text/event-stream, text/html", Answer::Unclear),
            ("text/html", Answer::Other),
            ("text/plain; charset=shift_jis", Answer::Other),
            ("", Answer::Other),
        ] {
            assert_eq!(answer(value.as_bytes()), expected, "{value}");
        }
    }
}
