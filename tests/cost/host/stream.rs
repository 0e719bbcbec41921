//! The calls about one stream: its buffers, its headers, its answers.

use wasmi::{Caller, Error, Linker};

use super::{BAD_ARGUMENT, Call, Headers, Host, NOT_FOUND, OK, Reply, Status};

impl Host {
    fn map(&mut self, number: u32) -> Option<&mut Headers> {
        match number {
            0 => Some(&mut self.stream.request_headers),
            2 => Some(&mut self.stream.response_headers),
            6 => Some(&mut self.stream.answer_headers),
            _ => None,
        }
    }

    fn buffer(&mut self, number: u32) -> Option<&mut Vec<u8>> {
        match number {
            0 => Some(&mut self.stream.request_body),
            1 => Some(&mut self.stream.response_body),
            4 | 5 => Some(&mut self.stream.answer_body),
            7 => Some(&mut self.configuration),
            _ => None,
        }
    }
}

/// Writes headers in proxy-wasm's format.
fn serialize(headers: &Headers) -> Vec<u8> {
    let mut bytes = (headers.len() as u32).to_le_bytes().to_vec();
    for (name, value) in headers {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text);
        bytes.push(0);
    }
    bytes
}

/// Reads headers in proxy-wasm's format.
fn deserialize(bytes: &[u8]) -> Option<Headers> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    if bytes.is_empty() {
        return Some(Headers::new());
    }
    let count = number(0)?;
    let mut at = 4 + 8 * count;
    let mut text = |size: usize| {
        let text = bytes.get(at..at + size)?.to_vec();
        at += size + 1;
        Some(text)
    };
    (0..count).map(|one| Some((text(number(4 + 8 * one)?)?, text(number(8 + 8 * one)?)?))).collect()
}

/// Defines these calls.
pub(super) fn link(linker: &mut Linker<Host>) -> Result<(), Error> {
    buffers(linker)?;
    maps(linker)?;
    answers(linker)
}

fn buffers(linker: &mut Linker<Host>) -> Result<(), Error> {
    let name = "proxy_get_buffer_bytes";
    let get =
        move |caller: Caller<'_, Host>, kind: u32, start: u32, most: u32, place: u32, size: u32| -> Status {
            let mut call = Call::new(caller, name);
            let Some(buffer) = call.host().buffer(kind) else { return Ok(NOT_FOUND) };
            let from = buffer.len().min(start as usize);
            let bytes = buffer[from..buffer.len().min(from.saturating_add(most as usize))].to_vec();
            call.give(&bytes, place, size)?;
            Ok(OK)
        };
    linker.func_wrap("env", name, get)?;
    let name = "proxy_set_buffer_bytes";
    let set =
        move |caller: Caller<'_, Host>, kind: u32, start: u32, most: u32, at: u32, size: u32| -> Status {
            let mut call = Call::new(caller, name);
            let bytes = call.read(at, size)?;
            let Some(buffer) = call.host().buffer(kind) else { return Ok(NOT_FOUND) };
            let from = buffer.len().min(start as usize);
            let to = buffer.len().min(from.saturating_add(most as usize));
            buffer.splice(from..to, bytes);
            Ok(OK)
        };
    linker.func_wrap("env", name, set)?;
    Ok(())
}

fn maps(linker: &mut Linker<Host>) -> Result<(), Error> {
    let name = "proxy_get_header_map_pairs";
    let pairs = move |caller: Caller<'_, Host>, kind: u32, place: u32, size: u32| -> Status {
        let mut call = Call::new(caller, name);
        let Some(map) = call.host().map(kind) else { return Ok(BAD_ARGUMENT) };
        let bytes = serialize(map);
        call.give(&bytes, place, size)?;
        Ok(OK)
    };
    linker.func_wrap("env", name, pairs)?;
    let name = "proxy_get_header_map_value";
    let value =
        move |caller: Caller<'_, Host>, kind: u32, at: u32, length: u32, place: u32, size: u32| -> Status {
            let mut call = Call::new(caller, name);
            let key = call.read(at, length)?;
            let Some(map) = call.host().map(kind) else { return Ok(BAD_ARGUMENT) };
            let found = map.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone());
            let Some(value) = found else { return Ok(NOT_FOUND) };
            call.give(&value, place, size)?;
            Ok(OK)
        };
    linker.func_wrap("env", name, value)?;
    let name = "proxy_replace_header_map_value";
    let replace =
        move |caller: Caller<'_, Host>, kind: u32, at: u32, length: u32, from: u32, size: u32| -> Status {
            let mut call = Call::new(caller, name);
            let (key, value) = (call.read(at, length)?, call.read(from, size)?);
            let Some(map) = call.host().map(kind) else { return Ok(BAD_ARGUMENT) };
            let place = map.iter().position(|(name, _)| *name == key).unwrap_or(map.len());
            map.retain(|(name, _)| *name != key);
            map.insert(place, (key, value));
            Ok(OK)
        };
    linker.func_wrap("env", name, replace)?;
    let name = "proxy_add_header_map_value";
    let add =
        move |caller: Caller<'_, Host>, kind: u32, at: u32, length: u32, from: u32, size: u32| -> Status {
            let mut call = Call::new(caller, name);
            let pair = (call.read(at, length)?, call.read(from, size)?);
            let Some(map) = call.host().map(kind) else { return Ok(BAD_ARGUMENT) };
            map.push(pair);
            Ok(OK)
        };
    linker.func_wrap("env", name, add)?;
    let name = "proxy_remove_header_map_value";
    let remove = move |caller: Caller<'_, Host>, kind: u32, at: u32, length: u32| -> Status {
        let mut call = Call::new(caller, name);
        let key = call.read(at, length)?;
        let Some(map) = call.host().map(kind) else { return Ok(BAD_ARGUMENT) };
        map.retain(|(name, _)| *name != key);
        Ok(OK)
    };
    linker.func_wrap("env", name, remove)?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI requires them")]
fn send_local_response(
    caller: Caller<'_, Host>,
    status: u32,
    _details: u32,
    _details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    _grpc_status: i32,
) -> Status {
    let mut call = Call::new(caller, "proxy_send_local_response");
    let Some(headers) = deserialize(&call.read(headers, headers_size)?) else { return Ok(BAD_ARGUMENT) };
    let body = call.read(body, body_size)?;
    call.host().stream.reply = Some(Reply { status, headers, body });
    Ok(OK)
}

#[expect(clippy::too_many_arguments, reason = "the ABI requires them")]
fn http_call(
    caller: Caller<'_, Host>,
    _cluster: u32,
    _cluster_size: u32,
    headers: u32,
    headers_size: u32,
    _body: u32,
    _body_size: u32,
    _trailers: u32,
    _trailers_size: u32,
    _timeout: u32,
    token: u32,
) -> Status {
    let mut call = Call::new(caller, "proxy_http_call");
    if deserialize(&call.read(headers, headers_size)?).is_none() {
        return Ok(BAD_ARGUMENT);
    }
    send(&mut call, "proxy_on_http_call_response", token)
}

#[expect(clippy::too_many_arguments, reason = "the ABI requires them")]
fn grpc_call(
    caller: Caller<'_, Host>,
    _service: u32,
    _service_size: u32,
    _name: u32,
    _name_size: u32,
    _method: u32,
    _method_size: u32,
    _metadata: u32,
    _metadata_size: u32,
    _message: u32,
    _message_size: u32,
    _timeout: u32,
    token: u32,
) -> Status {
    send(&mut Call::new(caller, "proxy_grpc_call"), "proxy_on_grpc_receive", token)
}

/// Notes that the module has sent a request elsewhere, and writes the token of its answer.
fn send(call: &mut Call<'_>, callback: &'static str, token: u32) -> Status {
    call.host().last_token += 1;
    let number = call.host().last_token;
    call.host().stream.asked = Some((callback, number));
    call.write(token, &number.to_le_bytes())?;
    Ok(OK)
}

fn answers(linker: &mut Linker<Host>) -> Result<(), Error> {
    linker.func_wrap("env", "proxy_send_local_response", send_local_response)?;
    linker.func_wrap("env", "proxy_http_call", http_call)?;
    linker.func_wrap("env", "proxy_grpc_call", grpc_call)?;
    let name = "proxy_continue_stream";
    let resume = move |caller: Caller<'_, Host>, _stream: u32| -> Status {
        Call::new(caller, name).host().stream.resumed = true;
        Ok(OK)
    };
    linker.func_wrap("env", name, resume)?;
    let name = "proxy_set_effective_context";
    let effective = move |caller: Caller<'_, Host>, _context: u32| -> Status {
        Call::new(caller, name);
        Ok(OK)
    };
    linker.func_wrap("env", name, effective)?;
    Ok(())
}
