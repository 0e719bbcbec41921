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
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    // A comma joins two header lines into one; a server may take either of them.
    let (essence, parameters) = text.split_once(';').unwrap_or((&text, ""));
    !text.contains(',') && trim(essence) == "application/json" && has_no_charset_but(parameters, &["utf-8"])
}

/// Tells whether parameters in lower case are well-formed (RFC 9110, section 5.6.6), and have no `charset` or one of `known`.
///
/// Some servers take `charset=` wherever it stands, and some clients know it in quotes, behind other white space, or as
/// `charset*` (RFC 2231). So it must not occur anywhere else.
fn has_no_charset_but(parameters: &str, known: &[&str]) -> bool {
    let mut charsets = 0_usize;
    let is_sound = parameters.split(';').map(trim).all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if trim(name) == "charset" => {
            charsets = charsets.saturating_add(1);
            let charset = trim(charset);
            let quoted = charset.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            known.contains(&quoted.unwrap_or(charset))
        }
        Some((name, value)) => is_token(name) && value.is_ascii(),
        None => parameter.is_empty(),
    });
    is_sound && charsets <= 1 && parameters.matches("charset").count() == charsets
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
    let (essence, parameters) = text.split_once(';').unwrap_or((&text, ""));
    let essence = trim(essence);
    let is_stream = essence == "text/event-stream";
    if (!is_stream && text.contains("event-stream")) || (text.contains("json") && text.contains(',')) {
        return Answer::Unclear;
    }
    let known: &[&str] = match is_stream {
        // Others have characters that clients take for line ends.
        true => &["utf-8", "utf8", "us-ascii"],
        false => &["utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252"],
    };
    let is_plain = has_no_charset_but(parameters, known);
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
            ("application/json; xcharset=shift_jis", false),
            ("application/json; x=charset=utf-8", false),
            ("application/json; x=\"a;charset=utf-8\"", false),
            ("application/json; 'charset'=utf-8", false),
            ("application/json;\u{a0}charset=utf-8", false),
            ("application/json; x=\u{e9}", false),
            ("application/jsoncharset=utf-8", false),
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
            ("application/json; 'charset'=utf-7", Answer::Unclear),
            ("application/json; xcharset=utf-8", Answer::Unclear),
            ("application/json; x=\u{a0}", Answer::Unclear),
            ("application/json; x", Answer::Unclear),
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
            ("text/event-stream;\u{a0}charset=utf-7", Answer::Unclear),
            ("text/event-stream; 'charset'=utf-7", Answer::Unclear),
            ("text/event-stream; \"charset\"=utf-8", Answer::Unclear),
            ("text/event-stream; x", Answer::Unclear),
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
