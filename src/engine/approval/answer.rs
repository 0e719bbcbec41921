//! The answer of the approval service. It is read strictly, because the service can be any program: an
//! invalid answer counts as none.

use std::borrow::Cow;

use crate::json::{self, Kind, Value};

/// The largest answer that is read, in bytes.
pub const MOST_BYTES: usize = 65_536;
/// The longest id, in characters.
const LONGEST_ID: usize = 128;
/// The longest URL, in characters.
const LONGEST_URL: usize = 2_048;
/// The longest reason of an approver that is passed on, in characters.
const LONGEST_REASON: usize = 2_000;

/// The status of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The call may be made once. The service has recorded that this approval is used
    Approved,
    /// A person refused the call
    Denied,
    /// Nobody has decided yet
    Pending,
}

/// A valid answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The approval's status
    pub status: Status,
    /// The approval's id
    pub id: String,
    /// The approval's page; always present if the approval is pending
    pub url: Option<String>,
    /// The approver's reason, as one line
    pub reason: Option<String>,
}

/// Why there is no valid answer, in words for records and logs.
pub type Cause = Cow<'static, str>;

/// Reads an answer from the HTTP status and the body.
///
/// # Errors
/// A [`Cause`] if the answer is not valid.
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
    let root = document.ok_or("not one unambiguous JSON object")?.root();
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
            Some(url.ok_or("`url` is not the address of a page")?.into_owned())
        }
    };
    let text = |key: &'static str| match member(key) {
        None => Ok(None),
        Some(value) => value.string().map(Some).ok_or_else(|| format!("`{key}` is not a string")),
    };
    let reason = text("reason")?.map(|reason| one_line(&reason)).filter(|reason| !reason.is_empty());
    text("expires_at")?;
    Ok(Answer { status, id, url, reason })
}

/// Returns whether a text is a valid id, which messages quote in back-ticks.
fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'`')
}

/// Returns whether a text is the address of a page that is safe to show to a user: `http` or `https`, only
/// characters of URIs (RFC 3986), no user information.
fn is_page(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let in_uri = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    !authority.is_empty() && !authority.contains('@') && url.len() <= LONGEST_URL && url.bytes().all(in_uri)
}

/// Replaces line breaks and unseen characters by spaces, and shortens the text.
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
    fn valid_answers_are_read() {
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
    fn invalid_answers_are_rejected() {
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
