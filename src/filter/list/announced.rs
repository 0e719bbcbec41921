//! What the headers of a response say of its body, and how it can be read.

use super::{BOUNDS, State};
use crate::host::HeaderMap;
use mcp_policy_engine::mcp::list::{Awaited, ListBody, ListStream, error_for};
use mcp_policy_engine::mcp::media::{self, Answer};

/// What becomes of the header `content-length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// It stays, or there is none
    Stays,
    /// It goes, because the body may change
    Goes,
}

/// What a response's headers say of it.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    /// A server has answered. Envoy then adds a header, unless the router's `suppress_envoy_headers` is set
    pub from_server: bool,
    /// The status is 2xx: clients take the body for the answer
    found: bool,
    /// The status is 202 or 204, with which there is no body almost always
    bare: bool,
    answer: Option<Answer>,
    /// It is compressed
    packed: bool,
    /// The status is 206: it is a part, in which a list cannot be told
    part: bool,
    length: Option<usize>,
    /// It comes in the chunks of HTTP/1
    chunked: bool,
}

impl Announced {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut announced = Self::default();
        for (name, value) in headers.iter() {
            // A `match` would compare byte by byte.
            if name == b":status" {
                announced.found = value.first() == Some(&b'2');
                announced.bare = value == b"202" || value == b"204";
                announced.part = value == b"206";
            } else if name == b"content-type" {
                let repeated = announced.answer.is_some();
                announced.answer = Some(if repeated { Answer::Unclear } else { media::answer(value) });
            } else if name == b"content-encoding" {
                announced.packed |= !value.eq_ignore_ascii_case(b"identity");
            } else if name == b"content-length" {
                // What is no number is no length: Envoy refuses it.
                let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                announced.length = Some(number.unwrap_or(usize::MAX));
            } else if name == b"transfer-encoding" {
                announced.chunked = true;
            } else if name == b"x-envoy-upstream-service-time" {
                announced.from_server = true;
            }
        }
        announced
    }

    /// Tells whether a server has answered the request, with all of the body or a part of it.
    pub(super) fn succeeds(&self) -> bool {
        self.found
    }

    /// Returns how many bytes the body has at most; `None` if there can be trailers that end it. HTTP/1 has chunks or
    /// a length, so a body with neither comes over HTTP/2.
    pub(super) fn left(&self) -> Option<usize> {
        self.length.or(self.chunked.then_some(usize::MAX))
    }
}

/// Determines how a response can be read. Some clients take every type for JSON that is no event stream, so each is looked
/// through. One that is `early` may be a list that was asked for.
pub(super) fn choose(announced: &Announced, awaited: Awaited, early: bool) -> (State, Length) {
    let Announced { found, bare, answer, packed, part, length, .. } = *announced;
    let (plain, list) = (!packed && !part, early || awaited.list.is_some());
    let answer = answer.unwrap_or(Answer::JsonAlike);
    let is_answer = list || found && awaited.id.is_some();
    let goes = if length.is_some() { Length::Goes } else { Length::Stays };
    let replaced =
        |awaited: &Awaited| (State::Replaced(Some(error_for(awaited.id.as_deref().unwrap_or("null")))), goes);
    match answer {
        // A page or a file that was asked for by a GET, or an error. Clients that take every type for JSON may read the
        // answer to a call.
        Answer::Other if !plain && !is_answer => (State::Untouched, Length::Stays),
        _ if list && found && !bare && !matches!(answer, Answer::Json | Answer::Events) => replaced(&awaited),
        Answer::Events if plain => (State::Events(ListStream::new(awaited, BOUNDS)), goes),
        Answer::Json if plain && list && found && !bare && !early => {
            let body = ListBody::new(awaited, BOUNDS).announced();
            // An announced length tells the end before any trailers.
            (State::Body(if length.is_some() { body.read_late() } else { body }), goes)
        }
        // It hardly ever contains a list, so the length stays, and whatever is removed is made up.
        Answer::Json | Answer::JsonAlike | Answer::Other if plain => {
            let body = ListBody::new(awaited, BOUNDS);
            let body = match answer {
                _ if list && found => body.announced_if_any(),
                Answer::Other if !list => body.strictly(),
                _ => body,
            };
            match length {
                Some(_) if !list || !found || early => (State::Body(body.padded()), Length::Stays),
                // The error in its place can be longer.
                _ => (State::Body(body), goes),
            }
        }
        _ => replaced(&awaited),
    }
}
