//! What an approval is bound to: the caller, the server, the rules that decide, and everything that the server
//! could act on in the call.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::json::canonical::Canonical;
use crate::json::{self, Value};
use crate::mcp::message::{Call, Target};
use crate::mcp::method::Method;
use crate::policy::Pattern;
use crate::text::hex;

/// The members of `_meta` that no approval is bound to. They describe the client and the transport of one
/// request: a repeated call has others, and in earlier protocol versions they are not part of a call.
const OF_ONE_REQUEST: [&str; 7] = [
    "progressToken",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/logLevel",
    "traceparent",
    "tracestate",
];

/// Why a call cannot be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unapprovable {
    /// A number in it is not exact as a double, so another call could have the same fingerprint
    Inexact,
    /// Its tool has the name of a method, so a request with that method could have the same fingerprint
    Name,
    /// Its path or its host is not one text in UTF-8, so a question cannot contain it
    Address,
}

/// Everything that an approval is bound to. The approval of one call does not apply to a call that differs in
/// any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound<'b> {
    /// The protected server
    pub server: &'b str,
    /// The digest of the rules that decide, in hex
    pub rules: &'b str,
    /// The caller's grant
    pub grant: &'b str,
    /// The caller's principal, if known
    pub principal: Option<&'b str>,
    /// The identity source that named the principal, if it has a name
    pub source: Option<&'b str>,
    /// The tool's name; for a request that is not a tool call, its method
    pub tool: &'b str,
    /// The arguments, an object in canonical form
    pub arguments: &'b str,
    /// The other params, an object in canonical form
    pub params: &'b str,
    /// The host that the request is for, without its port
    pub host: Option<&'b str>,
    /// The request's path with its query
    pub path: Option<&'b str>,
}

impl Bound<'_> {
    /// Returns the fingerprint that an approval is bound to: the SHA-256, in hex, of the canonical form (RFC
    /// 8785) of an object with all members.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.digest(Some(self.rules))
    }

    /// Returns the same without the member `rules`: calls that differ only in the rules that decide on them have
    /// one such digest.
    #[must_use]
    pub fn call(&self) -> String {
        self.digest(None)
    }

    fn digest(&self, rules: Option<&str>) -> String {
        let Self { server, grant, principal, source, tool, arguments, params, host, path, .. } = *self;
        let mut text = format!(r#"{{"arguments":{arguments}"#);
        // In the order of RFC 8785.
        member(&mut text, "grant", Some(grant));
        member(&mut text, "host", host);
        text.push_str(r#","params":"#);
        text.push_str(params);
        member(&mut text, "path", path);
        member(&mut text, "principal", principal);
        if rules.is_some() {
            member(&mut text, "rules", rules);
        }
        member(&mut text, "server", Some(server));
        member(&mut text, "source", source);
        member(&mut text, "tool", Some(tool));
        text.push('}');
        hex(&Sha256::digest(text))
    }
}

/// Appends a member, with null for `None`.
fn member(out: &mut String, key: &str, value: Option<&str>) {
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
    match value {
        Some(value) => json::push_string(out, value),
        None => out.push_str("null"),
    }
}

/// The part of a [`Bound`] that comes from the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundCall {
    /// The tool's name; for a request that is not a tool call, its method
    pub tool: String,
    /// The arguments as sent, for a person to read; for a request that is not a tool call, its params without
    /// `_meta`
    pub arguments: String,
    /// The other params as sent, for a person to read
    pub params: String,
    /// The arguments in canonical form
    pub canonical_arguments: String,
    /// The other params in canonical form
    pub canonical_params: String,
}

impl BoundCall {
    /// Reads the part of a call that an approval is bound to. `params` are the params that the server will
    /// receive. Members of `_meta` that one of `ignored` matches are left out.
    ///
    /// # Errors
    /// [`Unapprovable`] if the approval could also apply to another call.
    pub fn read(
        call: &Call<'_>,
        params: Option<Value<'_>>,
        ignored: &[Pattern],
    ) -> Result<Self, Unapprovable> {
        let params = params.filter(|params| params.is_object());
        let meta = meta(params, ignored);
        let (tool, arguments, form, mut others) = match &call.target {
            Target::Tool(name) if name.contains('/') && is_method(name) => return Err(Unapprovable::Name),
            Target::Tool(name) => {
                let arguments = params.and_then(|params| params.get("arguments"));
                let arguments = arguments.filter(|arguments| arguments.is_object());
                let others = members(params, |key| !matches!(key, "name" | "arguments" | "_meta"));
                let (text, form) =
                    (arguments.map_or("{}", Value::raw).to_owned(), arguments.map(Canonical::of));
                (name.as_ref(), text, form.map_or_else(|| Ok("{}".to_owned()), exact)?, others)
            }
            _ => {
                let text = object(&members(params, |key| key != "_meta"));
                let form = canonical_form(&text)?;
                (call.method.as_str(), text, form, Vec::new())
            }
        };
        others.extend(meta.as_deref());
        let params = object(&others);
        let (canonical_arguments, canonical_params) = (form, canonical_form(&params)?);
        Ok(Self { tool: tool.to_owned(), arguments, params, canonical_arguments, canonical_params })
    }
}

/// Returns whether rules apply to a method of this name, so that it can require approval.
fn is_method(name: &str) -> bool {
    Method::new(name).section().is_some()
}

/// Returns the member `_meta` with what an approval is bound to; `None` if that is nothing.
fn meta(params: Option<Value<'_>>, ignored: &[Pattern]) -> Option<String> {
    let meta = params?.get("_meta").filter(|meta| meta.raw() != "null")?;
    let value: Cow<'_, str> = if meta.is_object() {
        let bound =
            |key: &str| !OF_ONE_REQUEST.contains(&key) && !ignored.iter().any(|pattern| pattern.matches(key));
        let members = members(Some(meta), bound);
        if members.is_empty() {
            return None;
        }
        object(&members).into()
    } else {
        meta.raw().into()
    };
    Some(format!(r#""_meta":{value}"#))
}

/// Returns those members of an object that `bound` accepts, byte for byte as they were sent.
fn members<'v>(object: Option<Value<'v>>, bound: impl Fn(&str) -> bool) -> Vec<&'v str> {
    let Some(object) = object else { return Vec::new() };
    let start = object.span().start;
    let sent = object.members().filter(|(key, ..)| bound(key)).filter_map(|(_, span, _)| {
        object.raw().get(span.start.checked_sub(start)?..span.end.checked_sub(start)?)
    });
    sent.collect()
}

/// Returns an object with these members.
fn object(members: &[&str]) -> String {
    format!("{{{}}}", members.join(","))
}

/// Returns the canonical form of an object's text.
///
/// # Errors
/// [`Unapprovable::Inexact`] if another text could have the same form.
fn canonical_form(text: &str) -> Result<String, Unapprovable> {
    // Most calls have no other params.
    if text == "{}" {
        return Ok(text.to_owned());
    }
    let document = json::read(text.as_bytes()).map_err(|_| Unapprovable::Inexact)?;
    exact(Canonical::of(document.root()))
}

/// Returns the text of a canonical form.
///
/// # Errors
/// [`Unapprovable::Inexact`] if another text could have the same form.
fn exact(form: Canonical) -> Result<String, Unapprovable> {
    if form.is_exact() { Ok(form.into_text()) } else { Err(Unapprovable::Inexact) }
}
