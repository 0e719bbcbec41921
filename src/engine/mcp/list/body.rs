//! A list answer as one JSON body, and the error that takes an unreadable answer's place.

use super::{Keep, ListKind, Unreadable, filter, filter_any};

/// What a client is told in place of a list that could not be read.
pub const UNREADABLE: &str = "the list could not be read and is not shown";

/// Writes the JSON-RPC error (JSON-RPC 2.0, section 5.1: internal error) that takes the place of
/// an answer that cannot be read. `id` is the request's, as JSON text.
#[must_use]
pub fn error_for(id: &str) -> String {
    [r#"{"jsonrpc":"2.0","id":"#, id, r#","error":{"code":-32603,"message":""#, UNREADABLE, r#""}}"#].concat()
}

/// Gathers the chunks of one `application/json` answer to a list request.
#[derive(Debug)]
pub struct ListBody {
    request: Option<(ListKind, String)>,
    limit: usize,
    bytes: Vec<u8>,
    too_large: bool,
}

/// The bytes that go to the client, and how the answer was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What goes out
    pub bytes: Vec<u8>,
    /// How many elements are gone from it
    pub removed: usize,
    /// Why an answer in it was replaced; the last one's cause where there were several
    pub unreadable: Option<Unreadable>,
}

impl ListBody {
    /// Awaits the answer to a request for `kind` with this `id` (JSON text), and holds at most
    /// `limit` bytes of it.
    #[must_use]
    pub fn answering(kind: ListKind, id: &str, limit: usize) -> Self {
        Self { request: Some((kind, id.to_owned())), ..Self::resumed(limit) }
    }

    /// Awaits the answers to any earlier requests, as a GET with `Last-Event-ID` may get them. What
    /// cannot be read becomes an error without an id, since its id is not known.
    #[must_use]
    pub fn resumed(limit: usize) -> Self {
        Self { request: None, limit, bytes: Vec::new(), too_large: false }
    }

    /// Takes the next bytes. None of them may go out before [`finish`](Self::finish).
    pub fn push(&mut self, chunk: &[u8]) {
        if chunk.len() > self.limit.saturating_sub(self.bytes.len()) {
            self.too_large = true;
            self.bytes = Vec::new();
        }
        if !self.too_large {
            self.bytes.extend_from_slice(chunk);
        }
    }

    /// Returns the whole body as the caller may see it: filtered, or an error in its place.
    #[must_use]
    pub fn finish(self, keep: &mut Keep<'_>) -> Shown {
        let filtered = match &self.request {
            _ if self.too_large => Err(Unreadable::TooLarge(self.limit)),
            Some((kind, _)) => filter(&self.bytes, *kind, &mut |name| keep(*kind, name)),
            None => filter_any(&self.bytes, keep),
        };
        match filtered {
            Ok(filtered) => Shown {
                bytes: filtered.bytes.unwrap_or(self.bytes),
                removed: filtered.removed,
                unreadable: None,
            },
            Err(unreadable) => {
                let id = self.request.as_ref().map_or("null", |(_, id)| id);
                Shown { bytes: error_for(id).into_bytes(), removed: 0, unreadable: Some(unreadable) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `body` in chunks of `size` bytes, and keeps what starts with `get`.
    fn shown(body: &str, size: usize, limit: usize) -> Shown {
        let mut list = ListBody::answering(ListKind::Tools, r#""7""#, limit);
        body.as_bytes().chunks(size).for_each(|chunk| list.push(chunk));
        list.finish(&mut |kind, name| kind == ListKind::Tools && name.starts_with("get"))
    }

    #[test]
    fn a_body_is_filtered_whole_whatever_its_chunks() {
        let list = r#"{"id":"7","result":{"tools":[{"name":"get_a"},{"name":"set_a"}]}}"#;
        let refused = error_for(r#""7""#);
        let refused = refused.as_str();
        let error = r#"{"id":"7","error":{"code":-32601,"message":"no such method"}}"#;
        for (body, limit, expected, removed, readable) in [
            (list, 1000, r#"{"id":"7","result":{"tools":[{"name":"get_a"}]}}"#, 1, true),
            (list, list.len(), r#"{"id":"7","result":{"tools":[{"name":"get_a"}]}}"#, 1, true),
            (list, list.len() - 1, refused, 0, false),
            (error, 1000, error, 0, true),
            ("<html>set_a</html>", 1000, refused, 0, false),
            (r#"{"id":"7","result":{"tools":[{"name":"set_a"}]}"#, 1000, refused, 0, false),
            ("", 1000, refused, 0, false),
        ] {
            for size in [1, 2, 7, 1000] {
                let shown = shown(body, size, limit);
                assert_eq!(String::from_utf8(shown.bytes).unwrap(), expected, "{body} by {size}");
                assert_eq!((shown.removed, shown.unreadable.is_none()), (removed, readable), "{body}");
            }
        }
    }

    #[test]
    fn a_body_over_the_bound_stays_refused_though_later_chunks_would_fit() {
        let mut list = ListBody::answering(ListKind::Tools, "1", 4);
        for chunk in [b"[".as_slice(), b"     ", b"", b"]", b"   "] {
            list.push(chunk);
            assert!(list.bytes.len() <= 4);
        }
        assert_eq!(list.finish(&mut |_, _| true).unreadable, Some(Unreadable::TooLarge(4)));
    }

    #[test]
    fn the_error_is_json_and_echoes_the_id() {
        for id in ["1", r#""a\"b\u0041""#, "-0"] {
            let error = error_for(id);
            assert!(error.contains(&format!(r#""id":{id},"#)), "{error}");
            let value: serde_json::Value = serde_json::from_str(&error).unwrap();
            assert_eq!(value["error"]["message"], UNREADABLE);
        }
    }
}
