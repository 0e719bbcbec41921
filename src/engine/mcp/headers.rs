//! The request headers that the filter reads, fetched once.

/// A header that may stand once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Field {
    /// The request has none
    #[default]
    Absent,
    /// Its value, byte for byte
    Once(Vec<u8>),
    /// It stands more than once, so that two readers may take different ones
    Repeated,
}

impl Field {
    fn add(&mut self, value: Vec<u8>) {
        *self = match self {
            Self::Absent => Self::Once(value),
            _ => Self::Repeated,
        };
    }

    /// Returns the value where the header stands exactly once.
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
    /// `upgrade`: what follows is no HTTP any more
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
    /// The names of those that would have Envoy send one call several times
    pub repeating: Vec<String>,
    /// Those that tell of an identity, by what the policy calls them
    pub credentials: Vec<(String, Field)>,
}

/// Tells whether a header asks Envoy's router to send a request again or in parallel ("Router", HTTP
/// request headers). An upstream that a client may ask so would see more calls than were counted.
fn repeats(name: &str) -> bool {
    name.strip_prefix("x-envoy-").is_some_and(|what| {
        let kinds = ["retry-on", "retry-grpc-on", "max-retries", "hedge-on-per-try-timeout"];
        kinds.contains(&what) || what.starts_with("retriable-") || what.ends_with("-per-try-timeout-ms")
    })
}

impl Headers {
    /// Picks the headers that the filter reads from all of a request's; names in lower case, as
    /// Envoy keeps them. `credentials` names more of them, in lower case.
    #[must_use]
    pub fn from_pairs(pairs: Vec<(String, Vec<u8>)>, credentials: &[String]) -> Self {
        let mut headers = Self::default();
        headers.credentials.extend(credentials.iter().map(|name| (name.clone(), Field::Absent)));
        for (name, value) in pairs {
            if repeats(&name) {
                headers.repeating.push(name);
                continue;
            }
            if let Some((_, field)) = headers.credentials.iter_mut().find(|(wanted, _)| *wanted == name) {
                field.add(value.clone());
            }
            let field = match name.as_str() {
                ":method" => &mut headers.method,
                ":path" => &mut headers.path,
                "content-type" => &mut headers.content_type,
                "content-encoding" => &mut headers.content_encoding,
                "content-length" => &mut headers.content_length,
                "upgrade" => &mut headers.upgrade,
                "last-event-id" => &mut headers.last_event_id,
                "mcp-method" => &mut headers.mcp_method,
                "mcp-name" => &mut headers.mcp_name,
                "mcp-protocol-version" => &mut headers.protocol_version,
                "mcp-session-id" => &mut headers.session_id,
                "x-request-id" => &mut headers.request_id,
                _ => continue,
            };
            field.add(value);
        }
        headers
    }

    /// Returns a header that tells of an identity.
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
