//! The request that a record is about, as far as it says.

use mcp_policy_engine::approval::{self, Status};
use mcp_policy_engine::json;
use mcp_policy_engine::mcp::headers::Headers;
use mcp_policy_engine::mcp::message::Target;
use mcp_policy_engine::mcp::method::Method;

use crate::records::Record;

/// What the record of a text ends with that was cut.
const CUT: char = '…';
/// How many characters of a text a record has at most.
const LONGEST: usize = 512;
/// The method that acts on a prompt or a resource.
pub const COMPLETION: &str = "completion/complete";
const EMPTY_SHA256: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// What a record tells about arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arguments<'r> {
    /// They are these, as JSON, or there are none
    Known(Option<&'r str>),
    /// Only their digest is recorded, or nothing
    Unknown,
}

/// Returns whether a text was cut.
pub fn is_cut(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.len() > LONGEST && text.ends_with(CUT) && text.chars().count() > LONGEST)
}

/// Reads the arguments. `absent_means_none` if the policy of the record records arguments in some way, so that a record
/// without them is about a call without them.
pub fn arguments<'r>(record: &Record<'r>, absent_means_none: bool) -> Arguments<'r> {
    match (record.arguments, record.arguments_sha256.as_deref(), &record.arguments_blake3) {
        (Some(json), _, _) => Arguments::Known(Some(json.get())),
        (None, Some(EMPTY_SHA256), _) => Arguments::Known(Some("{}")),
        (None, None, None) if absent_means_none => Arguments::Known(None),
        _ => Arguments::Unknown,
    }
}

/// Returns the section of a policy that the request concerns. A completion is about a prompt or a resource, which only the
/// place of the rule that decided tells; `None` if it does not.
pub fn section(record: &Record<'_>, method: &Method<'_>) -> Option<&'static str> {
    if method.as_str() != COMPLETION {
        return method.section();
    }
    let rule = record.rule.as_deref()?;
    let in_grant = rule.strip_prefix("grants[").and_then(|rest| rest.split_once("]."));
    let own = in_grant.map_or(rule, |(_, own)| own);
    ["prompts", "resources"]
        .into_iter()
        .find(|section| own.strip_prefix(section).is_some_and(|rest| rest.starts_with(['.', '['])))
}

/// Writes the message of a record into `out`.
pub fn write(out: &mut String, record: &Record<'_>, method: &Method<'_>, arguments: Arguments<'_>) {
    out.clear();
    out.push_str(r#"{"jsonrpc":"2.0","#);
    if let Some(id) = record.request {
        out.push_str(r#""id":"#);
        out.push_str(id.get());
        out.push(',');
    }
    out.push_str(r#""method":"#);
    json::quote(out, method.as_str());
    let target = record.target.as_deref();
    match (target, section(record, method)) {
        (Some(target), Some(section)) if method.as_str() == COMPLETION => {
            out.push_str(match section {
                "prompts" => r#","params":{"ref":{"type":"ref/prompt","name":"#,
                _ => r#","params":{"ref":{"type":"ref/resource","uri":"#,
            });
            json::quote(out, target);
            out.push_str("}}");
        }
        (Some(target), Some("resources")) if method.as_str() == "subscriptions/listen" => {
            out.push_str(r#","params":{"notifications":{"resourceSubscriptions":["#);
            for (index, uri) in target.split(' ').enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                json::quote(out, uri);
            }
            out.push_str("]}}");
        }
        (Some(target), Some("resources")) => {
            out.push_str(r#","params":{"uri":"#);
            json::quote(out, target);
            out.push('}');
        }
        (Some(target), Some(_)) => {
            out.push_str(r#","params":{"name":"#);
            json::quote(out, target);
            if let Arguments::Known(Some(arguments)) = arguments {
                out.push_str(r#","arguments":"#);
                out.push_str(arguments);
            }
            out.push('}');
        }
        (None, _) | (_, None) => {}
    }
    out.push('}');
}

/// Makes the headers of a record: the session matters for limits.
pub fn headers(record: &Record<'_>) -> Headers {
    let none: &[String] = &[];
    let session = record.session.as_deref().map(|session| ("mcp-session-id", session));
    Headers::from_pairs(session, none)
}

/// Returns what the request acted on.
pub fn target<'r>(record: &'r Record<'_>, method: &Method<'_>) -> Target<'r> {
    match (section(record, method), record.target.as_deref()) {
        (Some("tools"), Some(name)) => Target::Tool(name.into()),
        (Some("prompts"), Some(name)) => Target::Prompt(name.into()),
        (Some(_), Some(uris)) if method.as_str() == "subscriptions/listen" => {
            Target::Resources(uris.split(' ').map(Into::into).collect())
        }
        (Some(_), Some(uri)) => Target::Resources(vec![uri.into()]),
        _ => Target::Session,
    }
}

/// Answers a question to the approval service as it was answered.
///
/// # Errors
/// There was no answer: why.
pub fn answer(record: &Record<'_>) -> Result<approval::Answer, approval::Cause> {
    let Some(recorded) = &record.approval else {
        let id = "a person would be asked".to_owned();
        return Ok(approval::Answer { status: Status::Pending, id, url: None, reason: None });
    };
    let status = match &*recorded.outcome {
        "approved" => Status::Approved,
        "denied" => Status::Denied,
        "pending" | "asked" => Status::Pending,
        _ => return Err(recorded.cause.as_deref().unwrap_or_default().to_owned().into()),
    };
    let id = recorded.id.as_deref().unwrap_or_default().to_owned();
    Ok(approval::Answer { status, id, url: None, reason: None })
}
