//! Headers that repeat what the body says (2026-07-28, basic/transports/streamable-http).
//!
//! A server may route on the header and act on the body, or the other way round, so they must agree. Older
//! clients send only `MCP-Protocol-Version` of these headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Body, Call, Params, refuse_respelled};
use crate::denial::{Code, Denial};
use crate::json::Value;
use crate::mcp::headers::{Field, Headers};
use crate::mcp::keys;
use crate::mcp::method::Named;

/// The key of `params._meta` that carries the protocol version.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// Compares the headers that are there with the body.
pub(super) fn check(headers: &Headers, body: &Body<'_>, params: &Params<'_>) -> Result<(), Denial> {
    let call = match body {
        Body::Call(call) => Some(call),
        Body::Response => None,
    };
    if headers.session_id == Field::Repeated {
        return Err(disagree("`Mcp-Session-Id` occurs more than once"));
    }
    let method = present(&headers.mcp_method, "Mcp-Method")?;
    if let Some(value) = method
        && call.map(|call| call.method.as_str().as_bytes()) != Some(value)
    {
        return Err(disagree("`Mcp-Method` is not the body's method"));
    }
    if let Some(value) = present(&headers.mcp_name, "Mcp-Name")? {
        let decoded = decode(value)?;
        let named = call.map(|call| name(call, params)).transpose()?.flatten().and_then(Value::string);
        if named.as_deref().map(str::as_bytes) != Some(decoded.as_slice()) {
            return Err(disagree("`Mcp-Name` is not what the body names"));
        }
    }
    let version = present(&headers.protocol_version, "MCP-Protocol-Version")?;
    if let Some(meta) = call.and_then(|call| call.meta) {
        let [own] = keys::pick(meta, [VERSION_KEY]);
        refuse_respelled(&[own])?;
        if let (Some(header), Some(body)) = (version, own.value)
            && body.string().as_deref().map(str::as_bytes) != Some(header)
        {
            return Err(disagree("`MCP-Protocol-Version` is not the body's protocol version"));
        }
    }
    Ok(())
}

/// Returns what a call names, which `Mcp-Name` repeats.
fn name<'d>(call: &Call<'d>, params: &Params<'d>) -> Result<Option<Value<'d>>, Denial> {
    let named = match call.method.header_names() {
        Named::Name => params.name,
        Named::Uri => params.uri,
        Named::TaskId => params.task_id,
    };
    refuse_respelled(&[named])?;
    Ok(named.value)
}

/// Undoes `=?base64?…?=`, in which clients send names that no header can hold.
fn decode(value: &[u8]) -> Result<Vec<u8>, Denial> {
    let wrapped = value.strip_prefix(b"=?base64?").and_then(|rest| rest.strip_suffix(b"?="));
    match wrapped {
        None => Ok(value.to_vec()),
        Some(encoded) => STANDARD.decode(encoded).map_err(|_| disagree("`Mcp-Name` is not valid base64")),
    }
}

fn present<'h>(field: &'h Field, name: &str) -> Result<Option<&'h [u8]>, Denial> {
    match field {
        Field::Absent => Ok(None),
        Field::Once(value) => Ok(Some(value)),
        Field::Repeated => Err(disagree(format!("`{name}` occurs more than once"))),
    }
}

#[cold]
#[inline(never)]
fn disagree(reason: impl Into<String>) -> Denial {
    Denial::protocol(Code::HeadersDisagree, reason).because_of("headers")
}
