//! One MCP message, read from exactly the bytes that the server will read.
//!
//! The envelope is JSON-RPC 2.0 as MCP narrows it (basic/index, "Messages"): one object, ids that
//! are strings or integers, params that are objects, no batches.

mod agreement;
mod params;
mod target;

use super::headers::Headers;
use super::keys::{self, Member};
use super::method::Method;
use crate::denial::{Code, Denial, Invalid};
use crate::json::{self, Document, Kind, Value};

pub use target::Target;

use params::Params;

/// A message that every MCP server reads alike.
#[derive(Debug, Clone)]
pub struct Message<'d> {
    /// The id's own text, byte for byte; `None` for a notification
    pub id: Option<&'d str>,
    /// What it is
    pub body: Body<'d>,
}

/// What a message is.
#[derive(Debug, Clone)]
pub enum Body<'d> {
    /// A request, or a notification where there is no id
    Call(Call<'d>),
    /// An answer of the client to a request of the server
    Response,
}

/// A request or a notification.
#[derive(Debug, Clone)]
pub struct Call<'d> {
    /// `method`
    pub method: Method<'d>,
    /// `params`, an object where it is there
    pub params: Option<Value<'d>>,
    /// What it acts on
    pub target: Target<'d>,
    arguments: Option<Value<'d>>,
    pub(super) request_state: Option<Value<'d>>,
    pub(super) input_responses: Option<Value<'d>>,
    pub(super) meta: Option<Value<'d>>,
}

impl<'d> Call<'d> {
    /// Returns the arguments of a call of a tool or a prompt. Servers read none with other methods.
    #[must_use]
    pub fn arguments(&self) -> Option<Value<'d>> {
        self.arguments.filter(|_| self.method.takes_arguments())
    }
}

/// Why a body is no message, and the id that its refusal can still be answered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The id's own text; `None` where there is none, or none that can be told
    pub id: Option<String>,
    /// The code and what is wrong
    pub denial: Denial,
}

/// Reads the bytes of a body as JSON.
///
/// # Errors
/// A [`Rejection`] with -32700 where the bytes are no JSON text in UTF-8.
pub fn parse(body: &[u8]) -> Result<Document<'_>, Rejection> {
    json::read(body).map_err(|malformed| Rejection {
        id: None,
        denial: Denial::protocol(
            Code::InvalidRequest(Invalid::Unparsable),
            format!("the body is not one JSON text in UTF-8: {malformed}"),
        )
        .because_of("malformed"),
    })
}

impl<'d> Message<'d> {
    /// Reads one message and compares it with the headers that speak of it.
    ///
    /// # Errors
    /// A [`Rejection`] where the document is not one message, reads in two ways, or disagrees with
    /// the headers.
    pub fn read(document: &'d Document<'d>, headers: &Headers) -> Result<Self, Rejection> {
        Self::judge(document, headers)
            .map_err(|denial| Rejection { id: readable_id(document).map(str::to_owned), denial })
    }

    fn judge(document: &'d Document<'d>, headers: &Headers) -> Result<Self, Denial> {
        let root = document.root();
        if root.is_array() {
            return Err(
                not_a_request("a batch is not accepted: send each message on its own").because_of("batch")
            );
        }
        if !root.is_object() {
            return Err(not_a_request(format!("a message is an object, this is {}", root.kind().name())));
        }
        if let Some(defect) = document.defect() {
            return Err(not_a_request(format!("the message reads in more than one way: {defect}"))
                .because_of(defect.kind.as_str()));
        }
        if let Some(at) = document.prototype_key() {
            let reason = format!("a key changes the prototype of an object on some servers, at byte {at}");
            return Err(not_a_request(reason).because_of("prototype_key"));
        }
        let envelope = keys::pick(root, ["jsonrpc", "method", "params", "id", "result", "error"]);
        refuse_respelled(&envelope)?;
        let [jsonrpc, method, params, id, result, error] = envelope.map(|member| member.value);
        if jsonrpc.and_then(Value::string).as_deref() != Some("2.0") {
            return Err(not_a_request("`jsonrpc` must be \"2.0\""));
        }
        let id = match id {
            None => None,
            Some(value) if is_id(value) => Some(value.raw()),
            Some(_) => return Err(not_a_request("`id` must be a string or an integer")),
        };
        let members = Params::read(params);
        let body = match (method, [result, error]) {
            (Some(method), [None, None]) => Body::Call(read_call(method, params, &members)?),
            (Some(_), _) => {
                return Err(not_a_request("`method` cannot stand together with `result` or `error`"));
            }
            (None, [None, None]) => return Err(not_a_request("`method` is missing")),
            (None, [Some(_), Some(_)]) => {
                return Err(not_a_request("`result` cannot stand together with `error`"));
            }
            (None, _) if id.is_none() => return Err(not_a_request("an answer must have an `id`")),
            (None, _) => Body::Response,
        };
        agreement::check(headers, &body, &members)?;
        Ok(Self { id, body })
    }
}

fn read_call<'d>(
    method: Value<'d>,
    params: Option<Value<'d>>,
    members: &Params<'d>,
) -> Result<Call<'d>, Denial> {
    let Some(method) = method.string() else {
        return Err(not_a_request("`method` must be a string"));
    };
    if !is_object_or_absent(params) {
        return Err(not_an_object("params", params));
    }
    let method = Method::new(method);
    let target = target::read(&method, params.is_some(), members)?;
    Ok(Call {
        method,
        params,
        target,
        arguments: members.arguments.value,
        request_state: members.request_state.value,
        input_responses: members.input_responses.value,
        meta: members.meta.value,
    })
}

/// Finds the id of a message that may have any other fault, where it has exactly one id.
fn readable_id<'d>(document: &'d Document<'d>) -> Option<&'d str> {
    let mut ids = document.root().entries().filter(|(key, _)| key == "id");
    match (ids.next(), ids.next()) {
        (Some((_, value)), None) if is_id(value) && is_sound(document, value) => Some(value.raw()),
        _ => None,
    }
}

/// Tells whether a value is free of the document's defects. An id with half of a surrogate pair would make
/// its own refusal unreadable.
fn is_sound(document: &Document<'_>, value: Value<'_>) -> bool {
    document.defect().is_none()
        || json::read(value.raw().as_bytes()).is_ok_and(|alone| alone.defect().is_none())
}

fn is_object_or_absent(value: Option<Value<'_>>) -> bool {
    value.is_none_or(Value::is_object)
}

/// Makes the denial of a value that must be an object. Some servers take null for nothing, others refuse it.
fn not_an_object(path: &str, value: Option<Value<'_>>) -> Denial {
    let is_null = value.is_some_and(|value| value.kind() == Kind::Null);
    let advice = if is_null { ", found null: leave it out" } else { "" };
    unusable_params(format!("`{path}` must be an object{advice}"))
}

/// Tells whether a value is an id that every server echoes alike. Some echo 1.0 and 1e2 as 1 and 100.
fn is_id(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::String { .. } => true,
        Kind::Number => json::fit(value.raw()) == json::Fit::Integer,
        _ => false,
    }
}

/// Refuses an object in which another spelling of a key stands that is read there.
fn refuse_respelled(read: &[Member<'_>]) -> Result<(), Denial> {
    let first = read.iter().filter(|member| member.respelled.is_some()).min_by_key(|member| member.respelled);
    match first {
        Some(Member { key, .. }) => {
            Err(not_a_request(format!("a key is another spelling of `{key}`")).because_of("key_spelling"))
        }
        None => Ok(()),
    }
}

#[cold]
#[inline(never)]
fn not_a_request(reason: impl Into<String>) -> Denial {
    Denial::protocol(Code::InvalidRequest(Invalid::Request), reason).because_of("message")
}

#[cold]
#[inline(never)]
fn unusable_params(reason: impl Into<String>) -> Denial {
    Denial::protocol(Code::InvalidRequest(Invalid::Params), reason).because_of("params")
}
