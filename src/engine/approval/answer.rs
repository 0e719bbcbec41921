//! What the approval service answers. It may be anybody's, and broken: what cannot be read is no answer.

use std::borrow::Cow;

use crate::json::{self, Kind, Value};

/// Larger answers are not read.
pub const MOST_BYTES: usize = 65_536;
/// The longest id, in characters.
const LONGEST_ID: usize = 128;
/// The longest URL, in characters.
const LONGEST_URL: usize = 2_048;
/// How much of an approver's reason is told, in characters.
const LONGEST_REASON: usize = 2_000;

/// What became of the call's approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may go on, once: the service has noted that it did
    Approved,
    /// A person refused it
    Denied,
    /// Nobody has decided
    Pending,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What became of it
    pub status: Status,
    /// The approval's id
    pub id: String,
    /// Its page, which a pending one always has
    pub url: Option<String>,
    /// The approver's reason, in one line
    pub reason: Option<String>,
}

/// Why there is no answer, in words for records and logs.
pub type Cause = Cow<'static, str>;

/// Reads an answer from its HTTP status and its body.
///
/// # Errors
/// The [`Cause`] why it is no answer.
pub fn read(http_status: &[u8], body: &[u8]) -> Result<Answer, Cause> {
    if !matches!(http_status, b"200" | b"201" | b"202") {
        let status = http_status.get(..3).unwrap_or(http_status);
        return Err(format!("status {}", String::from_utf8_lossy(status)).into());
    }
    if body.len() > MOST_BYTES {
        return Err("more than 64 KiB".into());
    }
    let document = json::read(body).ok().filter(|document| document.defect().is_none());
    let document = document.as_ref().filter(|document| document.root().is_object());
    let root = document.ok_or("not one JSON object that reads in one way")?.root();
    let member = |key: &str| root.get(key).filter(|value| value.kind() != Kind::Null);
    let status = match member("status").and_then(Value::string).as_deref() {
        Some("approved") => Status::Approved,
        Some("denied") => Status::Denied,
        Some("pending") => Status::Pending,
        _ => return Err("`status` is none of `approved`, `denied` and `pending`".into()),
    };
    let id = member("id").and_then(Value::string).filter(|id| is_id(id));
    let id = id.ok_or("`id` is not 1 to 128 printable characters")?.into_owned();
    let url = match member("url") {
        None if status == Status::Pending => return Err("`url` is missing".into()),
        None => None,
        Some(value) => {
            let url = value.string().filter(|url| is_page(url));
            Some(url.ok_or("`url` is no address of a page")?.into_owned())
        }
    };
    let text = |key: &'static str| match member(key) {
        None => Ok(None),
        Some(value) => value.string().map(Some).ok_or_else(|| format!("`{key}` is no text")),
    };
    let reason = text("reason")?.map(|reason| one_line(&reason)).filter(|reason| !reason.is_empty());
    text("expires_at")?;
    Ok(Answer { status, id, url, reason })
}

/// Tells whether a text can stand in a sentence as an id.
fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'`')
}

/// Tells whether a text is the address of a page that a client may be led to: `http` or `https`, in
/// characters that a URI has (RFC 3986), without user information.
fn is_page(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let in_uri = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    !authority.is_empty() && !authority.contains('@') && url.len() <= LONGEST_URL && url.bytes().all(in_uri)
}

/// Shortens a text and puts it into one line of what can be seen.
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|char| if json::is_unseen(char) { ' ' } else { char }).collect();
    let line = line.trim();
    match line.char_indices().nth(LONGEST_REASON) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_contract_says_is_read() {
        let body = r#"{"status":"pending","id":"a1","url":"https://a.example/approvals/a1?x=1#y","reason":null,"more":[1]}"#;
        let url = Some("https://a.example/approvals/a1?x=1#y".to_owned());
        let pending = Answer { status: Status::Pending, id: "a1".to_owned(), url, reason: None };
        assert_eq!(read(b"200", body.as_bytes()), Ok(pending.clone()));
        assert_eq!(read(b"202", body.as_bytes()), Ok(pending));
        let body = r#"{"status":"denied","id":"a1","reason":" not\ntoday\u202e ","expires_at":"2027-01-01T00:00:00Z"}"#;
        let denied = Answer {
            status: Status::Denied,
            id: "a1".to_owned(),
            url: None,
            reason: Some("not today".to_owned()),
        };
        assert_eq!(read(b"200", body.as_bytes()), Ok(denied));
        let body = r#"{"status":"approved","id":"a1"}"#;
        assert_eq!(read(b"200", body.as_bytes()).map(|answer| answer.status), Ok(Status::Approved));
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        let long = format!(r#"{{"status":"approved","id":"{}"}}"#, "a".repeat(129));
        let huge = format!(r#"{{"status":"approved","id":"a","x":"{}"}}"#, "a".repeat(MOST_BYTES));
        for body in [
            "",
            "approved",
            "null",
            "[]",
            "true",
            "{}",
            r#"{"status":"approved"}"#,
            r#"{"id":"a"}"#,
            r#"{"status":"Approved","id":"a"}"#,
            r#"{"status":"yes","id":"a"}"#,
            r#"{"status":true,"id":"a"}"#,
            r#"{"Status":"approved","id":"a"}"#,
            r#"{"status":"approved","id":7}"#,
            r#"{"status":"approved","id":""}"#,
            r#"{"status":"approved","id":"a b"}"#,
            r#"{"status":"approved","id":"a\n"}"#,
            r#"{"status":"approved","id":"é"}"#,
            r#"{"status":"denied","status":"approved","id":"a"}"#,
            r#"{"status":"approved","id":"a","x":{"y":1,"y":2}}"#,
            r#"{"status":"approved","id":"a"}{}"#,
            r#"{"status":"approved","id":"a","reason":7}"#,
            r#"{"status":"approved","id":"a","expires_at":7}"#,
            r#"{"status":"approved","id":"a","url":7}"#,
            r#"{"status":"pending","id":"a"}"#,
            r#"{"status":"pending","id":"a","url":null}"#,
            r#"{"status":"pending","id":"a","url":"javascript:alert(1)"}"#,
            r#"{"status":"pending","id":"a","url":"HTTPS://a"}"#,
            r#"{"status":"pending","id":"a","url":"https:///x"}"#,
            r#"{"status":"pending","id":"a","url":"https://bank.example@evil.example/"}"#,
            r#"{"status":"pending","id":"a","url":"https://a.example/ b"}"#,
            r#"{"status":"pending","id":"a","url":"https://a.example/`b"}"#,
            r#"{"status":"pending","id":"a","url":"https://é.example/"}"#,
            r#"{"status":"pending","id":"a","url":"/approvals/a"}"#,
            &long,
            &huge,
        ] {
            assert!(read(b"200", body.as_bytes()).is_err(), "{body}");
        }
        for status in ["", "100", "204", "206", "301", "400", "404", "500", "2000"] {
            let cause = read(status.as_bytes(), br#"{"status":"approved","id":"a"}"#).unwrap_err();
            assert_eq!(cause, format!("status {}", status.get(..3).unwrap_or(status)));
        }
    }
}
