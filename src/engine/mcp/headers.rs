//! The request headers that the filter reads, fetched once.

/// The host that a request is for. Only a policy with approvals needs it.
pub const AUTHORITY: &str = ":authority";

/// A header that may occur once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Field {
    /// The request has none
    #[default]
    Absent,
    /// Its value, byte for byte
    Once(Vec<u8>),
    /// It occurs more than once, so that two readers may take different values
    Repeated,
}

impl Field {
    fn add(&mut self, value: &[u8]) {
        *self = match self {
            Self::Absent => Self::Once(value.to_vec()),
            _ => Self::Repeated,
        };
    }

    /// Returns the value where the header occurs exactly once.
    #[must_use]
    pub fn once(&self) -> Option<&[u8]> {
        match self {
            Self::Once(value) => Some(value),
            Self::Absent | Self::Repeated => None,
        }
    }

    /// Tells whether the request has the header at all.
    #[must_use]
    pub fn is_present(&self) -> bool {
        *self != Self::Absent
    }
}

/// How a response may be compressed, by `accept-encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// In any way: there is no such header. Servers do not compress then
    #[default]
    Unsaid,
    /// Not at all: the header is `identity`
    None,
    /// In some way
    Some,
}

impl Compression {
    fn add(&mut self, value: &[u8]) {
        *self = match self {
            Self::Unsaid if value.eq_ignore_ascii_case(b"identity") => Self::None,
            _ => Self::Some,
        };
    }
}

/// What the filter reads of a request's headers.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// `:method`
    pub method: Field,
    /// `:path`, with its query
    pub path: Field,
    /// `content-type`
    pub content_type: Field,
    /// `content-encoding`
    pub content_encoding: Field,
    /// `content-length`
    pub content_length: Field,
    /// `accept-encoding`: how the response may be compressed
    pub compression: Compression,
    /// `transfer-encoding`: a body follows
    pub transfer_encoding: Field,
    /// `upgrade`: what follows is no longer HTTP
    pub upgrade: Field,
    /// `last-event-id`: the client resumes a stream
    pub last_event_id: Field,
    /// `mcp-method` (2026-07-28)
    pub mcp_method: Field,
    /// `mcp-name` (2026-07-28)
    pub mcp_name: Field,
    /// `mcp-protocol-version` (2025-06-18)
    pub protocol_version: Field,
    /// `mcp-session-id` (2025-03-26)
    pub session_id: Field,
    /// `x-request-id`, Envoy's own
    pub request_id: Field,
    /// `origin`: the web page that sends the request
    pub origin: Field,
    /// Whether there is `access-control-request-method`, as in a browser's preflight request
    pub requests_method: bool,
    /// Whether `accept` names event streams
    pub accepts_events: bool,
    /// Whether there is `authorization`
    pub authorization: bool,
    /// The names of those that would have Envoy send one call several times
    pub repeating: Vec<String>,
    /// Those that repeat arguments (2026-07-28, `Mcp-Param-…`), by their names
    mirrored: Vec<(String, Field)>,
    /// Those of the request's headers that the policy needs, such as those that identify the caller, by their
    /// names
    credentials: Vec<(String, Field)>,
}

/// Tells whether a header asks Envoy's router to send a request again or in parallel ("Router", HTTP
/// request headers). With such a header a client could have one counted call sent several times.
fn repeats(name: &[u8]) -> bool {
    name.strip_prefix(b"x-envoy-").is_some_and(|what| {
        let kinds = ["retry-on", "retry-grpc-on", "max-retries", "hedge-on-per-try-timeout"];
        kinds.iter().any(|kind| kind.as_bytes() == what)
            || what.starts_with(b"retriable-")
            || what.ends_with(b"-per-try-timeout-ms")
    })
}

/// Tells whether a value of `accept` contains the name of event streams, in any case.
fn names_events(accept: &[u8]) -> bool {
    let name = b"event-stream";
    // In almost every request it stands at the end.
    if accept.last_chunk::<12>().is_some_and(|end| end == name) {
        return true;
    }
    // Almost all of its bytes need one comparison.
    let dashes = accept.iter().enumerate().filter(|(_, byte)| **byte == b'-');
    let mut around = dashes.map(|(at, _)| accept.get(at.saturating_sub(5)..at.saturating_add(7)));
    around.any(|around| around.is_some_and(|around| around.eq_ignore_ascii_case(name)))
}

/// Tells whether a name may be one that the filter reads with underscores in place of dashes. Servers behind CGI and WSGI
/// cannot tell the two apart.
fn is_underscored(name: &[u8]) -> bool {
    (name.starts_with(b"mcp") || name.starts_with(b"last")) && name.contains(&b'_')
}

/// Adds a header to those of its kind.
fn add(fields: &mut Vec<(String, Field)>, name: &str, value: &[u8]) {
    match fields.iter_mut().find(|(known, _)| *known == name) {
        Some((_, field)) => field.add(value),
        None => fields.push((name.to_owned(), Field::Once(value.to_vec()))),
    }
}

/// Tells whether a text is a token, as names of headers and authentication schemes are (RFC 9110, section 5.6.2).
#[must_use]
pub fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

impl Headers {
    /// Picks the headers that the filter reads from all of a request's; names in lower case, as
    /// Envoy keeps them. `credentials` names more of them, in lower case.
    #[must_use]
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        pairs: impl IntoIterator<Item = (N, V)>,
        credentials: &[String],
    ) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.take(name.as_ref(), value.as_ref(), credentials);
        }
        headers
    }

    fn take(&mut self, name: &[u8], value: &[u8], credentials: &[String]) {
        match self.field_mut(name) {
            Some(field) => field.add(value),
            None if is_underscored(name) => {
                let dashed: Vec<u8> =
                    name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
                return self.take(&dashed, value, credentials);
            }
            None if name == b"accept-encoding" => self.compression.add(value),
            None if name == b"accept" => self.accepts_events |= names_events(value),
            None if name == b"authorization" => self.authorization = true,
            None if name == b"access-control-request-method" => self.requests_method = true,
            // Envoy takes no header name that is not ASCII.
            None if name.starts_with(b"mcp-param-") => {
                add(&mut self.mirrored, &String::from_utf8_lossy(name), value);
            }
            None if repeats(name) => self.repeating.push(String::from_utf8_lossy(name).into_owned()),
            None => {}
        }
        if let Some(credential) = credentials.iter().find(|credential| credential.as_bytes() == name) {
            add(&mut self.credentials, credential, value);
        }
    }

    /// Finds the field of a header that is read of every request.
    fn field_mut(&mut self, name: &[u8]) -> Option<&mut Field> {
        // A `match` of the name itself would compare byte by byte.
        Some(match name {
            _ if name == b":method" => &mut self.method,
            _ if name == b":path" => &mut self.path,
            _ if name == b"content-type" => &mut self.content_type,
            _ if name == b"content-encoding" => &mut self.content_encoding,
            _ if name == b"content-length" => &mut self.content_length,
            _ if name == b"transfer-encoding" => &mut self.transfer_encoding,
            _ if name == b"upgrade" => &mut self.upgrade,
            _ if name == b"last-event-id" => &mut self.last_event_id,
            _ if name == b"mcp-method" => &mut self.mcp_method,
            _ if name == b"mcp-name" => &mut self.mcp_name,
            _ if name == b"mcp-protocol-version" => &mut self.protocol_version,
            _ if name == b"mcp-session-id" => &mut self.session_id,
            _ if name == b"x-request-id" => &mut self.request_id,
            _ if name == b"origin" => &mut self.origin,
            _ => return None,
        })
    }

    /// Tells whether the request has a header that repeats an argument.
    #[must_use]
    pub fn is_any_mirrored(&self) -> bool {
        !self.mirrored.is_empty()
    }

    /// Returns a header that repeats an argument. Its name may be in any case.
    #[must_use]
    pub fn mirrored(&self, name: &str) -> &Field {
        let field = self.mirrored.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        field.map_or(&Field::Absent, |(_, field)| field)
    }

    /// Returns a header that the policy needs.
    #[must_use]
    pub fn credential(&self, name: &str) -> &Field {
        self.credentials.iter().find(|(known, _)| known == name).map_or(&Field::Absent, |(_, field)| field)
    }

    /// Returns the request's path without its query.
    #[must_use]
    pub fn path_without_query(&self) -> Option<&[u8]> {
        self.path.once()?.split(|byte| *byte == b'?').next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn underscores_are_dashes_for_some_servers() {
        let pairs = [
            ("mcp_name", "a"),
            ("mcp-method", "tools/call"),
            ("mcp_method", "tools/list"),
            ("last_event-id", "4"),
            ("mcp-param_a", "1"),
        ];
        let headers = Headers::from_pairs(pairs, &[]);
        assert_eq!(headers.mcp_name, Field::Once(b"a".to_vec()));
        assert_eq!(headers.mcp_method, Field::Repeated);
        assert!(headers.last_event_id.is_present() && headers.is_any_mirrored());
        assert_eq!(*headers.mirrored("mcp-param-A"), Field::Once(b"1".to_vec()));
    }

    #[test]
    fn headers_are_picked_by_their_names() {
        let pairs = [
            (":path", "/mcp?a=1"),
            ("x-key", "1"),
            ("accept", "*/*"),
            ("mcp-name", "a"),
            ("mcp-name", "b"),
            ("x-request-id", "r"),
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-retriable-status-codes", "500"),
            ("x-envoy-external-address", "::1"),
            ("authorization", "2"),
            ("authorization", "2"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
        let credentials = ["authorization", "x-key", "x-request-id", "x-absent"].map(str::to_owned);
        let headers = Headers::from_pairs(pairs, &credentials);
        assert_eq!(headers.path_without_query(), Some(b"/mcp".as_slice()));
        assert_eq!(headers.mcp_name, Field::Repeated);
        assert_eq!(headers.method, Field::Absent);
        assert_eq!(headers.request_id.once(), Some(b"r".as_slice()));
        assert_eq!(headers.repeating, ["x-envoy-retry-on", "x-envoy-retriable-status-codes"]);
        for (name, expected) in [
            ("authorization", Field::Repeated),
            ("x-key", Field::Once(b"1".to_vec())),
            ("x-request-id", Field::Once(b"r".to_vec())),
            ("x-absent", Field::Absent),
        ] {
            assert_eq!(*headers.credential(name), expected, "{name}");
        }
    }
}
