//! Calls in several rounds (MCP 2026-07-28, "Multi Round-Trip Requests"): how the filter asks a client
//! to have its user open a page, and what the client sends in the next round.
//!
//! The server may use rounds for the same call. While the filter uses rounds, it keeps the server's state
//! and responses inside its own state, and puts them back unchanged before the call is forwarded.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::edit::Edits;
use super::message::Call;
use crate::json::{self, ObjectWriter, Value};

/// The first protocol version that has rounds.
const FIRST_VERSION: &str = "2026-07-28";
/// The prefix of the filter's own states, and of its keys in `inputResponses`.
const MARK: &str = "mcp-policy.";
/// The key of the filter's one request to the client.
const KEY: &str = "mcp-policy.approval";
/// In how many rounds of one call the filter asks to open the page. Clients give up after ten rounds, with an
/// error that does not help the model.
const MOST_ROUNDS: u32 = 8;

/// An upper bound on the bytes that the filter's state adds to a call, besides the server's values in it.
const OWN_BYTES: usize = 512;

/// What a call says about its rounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rounds {
    /// Whether the client can open pages for its user
    opens_pages: bool,
    /// In how many rounds the filter has already asked to open the page
    number: u32,
    /// Whether the user declined to open the page
    declined: bool,
    /// How many bytes of the call are values from earlier rounds
    brought: usize,
    /// The server's own `requestState`, as JSON text
    state: Option<String>,
    /// The server's own `inputResponses`, as JSON text
    responses: Option<String>,
}

/// What the client keeps for the filter between two rounds. The client gains nothing by changing it: it could
/// as well send the changed values to the server directly, and an approval is bound to what the server
/// receives.
#[derive(Default)]
struct Kept<'k> {
    number: u32,
    state: Option<&'k str>,
    responses: Option<&'k str>,
}

impl Rounds {
    /// Reads what a call says about its rounds; the default if its method has no rounds.
    #[must_use]
    pub fn read(call: &Call<'_>) -> Self {
        if !call.method.has_rounds() {
            return Self::default();
        }
        let (state, responses) = (call.request_state, call.input_responses);
        let opens_pages = call.meta.is_some_and(opens_pages);
        let length = |value: Option<Value<'_>>| value.map_or(0, |value| value.raw().len());
        let brought = length(state).saturating_add(length(responses));
        let Some(kept) = state.and_then(own_state) else {
            let text = |value: Value<'_>| value.raw().to_owned();
            return Self {
                opens_pages,
                brought,
                state: state.map(text),
                responses: responses.map(text),
                ..Self::default()
            };
        };
        let document = json::read(&kept).ok();
        let kept = document.as_ref().map_or_else(Kept::default, Kept::read);
        let action = responses.and_then(|responses| responses.get(KEY)).and_then(|own| own.get("action"));
        Self {
            opens_pages,
            brought,
            number: kept.number,
            declined: action.and_then(Value::string).is_some_and(|action| action != "accept"),
            state: kept.state.map(str::to_owned),
            responses: kept.responses.map(str::to_owned),
        }
    }

    /// Returns how many bytes of memory the texts take that are kept.
    #[must_use]
    pub fn size(&self) -> usize {
        let kept = [&self.state, &self.responses];
        kept.into_iter().flatten().map(String::capacity).fold(0, usize::saturating_add)
    }

    /// Tells whether the filter can ask the client, whose call has `size` bytes, to open a page now. The call
    /// of the next round may have at most `most` bytes.
    #[must_use]
    pub fn can_elicit(&self, size: usize, most: usize) -> bool {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        // Base64 encodes three bytes as four.
        let kept = length(&self.state).saturating_add(length(&self.responses));
        let kept = kept.saturating_add(OWN_BYTES).saturating_mul(4).div_ceil(3);
        let returns = size.saturating_sub(self.brought).saturating_add(kept);
        self.opens_pages && !self.declined && self.number < MOST_ROUNDS && returns <= most
    }

    /// Writes the result that asks the client to have its user open `url`, and then to repeat the call. `meta` is
    /// JSON text.
    pub(super) fn result(&self, url: &str, message: &str, meta: &str) -> String {
        let mut servers = ObjectWriter::default();
        for (key, value) in [("requestState", &self.state), ("inputResponses", &self.responses)] {
            if let Some(value) = value {
                servers.json(key, value);
            }
        }
        // The values nest as deeply in the state as in the call, so the reader accepts the state too.
        let mut state = ObjectWriter::default();
        state.number("number", self.number.saturating_add(1).into());
        state.json("params", &servers.finish());
        let mut params = ObjectWriter::default();
        params.string("mode", "url");
        params.string("message", message);
        params.string("url", url);
        let mut call = ObjectWriter::default();
        call.string("method", "elicitation/create");
        call.json("params", &params.finish());
        let mut requests = ObjectWriter::default();
        requests.json(KEY, &call.finish());
        let mut result = ObjectWriter::default();
        result.string("resultType", "input_required");
        result.json("inputRequests", &requests.finish());
        result.string("requestState", &format!("{MARK}{}", URL_SAFE_NO_PAD.encode(state.finish())));
        result.json("_meta", meta);
        result.finish()
    }
}

/// Returns the body to forward: without the filter's own state and responses, and with the server's state and
/// responses if the filter's state contains them. `None` if the call has nothing from the filter.
#[must_use]
pub fn without_own(text: &str, call: &Call<'_>) -> Option<Vec<u8>> {
    let params = call.params.filter(|_| call.method.has_rounds())?;
    let (state, responses) = (call.request_state, call.input_responses);
    // Most calls have neither.
    state.or(responses)?;
    let kept = state.and_then(own_state);
    let own_responses = responses.is_some_and(|all| all.entries().any(|(key, _)| key.starts_with(MARK)));
    if kept.is_none() && !own_responses {
        return None;
    }
    let document = kept.as_ref().and_then(|kept| json::read(kept).ok());
    let servers = document.as_ref().map_or_else(Kept::default, Kept::read);
    let others =
        responses.is_some_and(|all| !all.is_object() || all.entries().any(|(key, _)| !key.starts_with(MARK)));
    let mut edits = Edits::default();
    let mut members = Vec::new();
    for (key, span, value) in params.members() {
        let stays = match key.as_ref() {
            "requestState" if kept.is_some() => {
                // If the call has no `inputResponses` to replace, the server's are inserted here.
                let back = [("requestState", servers.state), ("inputResponses", servers.responses)];
                let back = back.iter().filter(|(key, _)| *key == "requestState" || responses.is_none());
                let back: Vec<String> =
                    back.filter_map(|(key, value)| Some(format!(r#""{key}":{}"#, (*value)?))).collect();
                if !back.is_empty() {
                    edits.replace(span.clone(), back.join(","));
                }
                !back.is_empty()
            }
            "inputResponses" if others && own_responses => {
                let all: Vec<_> =
                    value.members().map(|(key, span, _)| (span, !key.starts_with(MARK))).collect();
                edits.retain(&all);
                true
            }
            "inputResponses" if !others => {
                if let Some(back) = servers.responses {
                    edits.replace(value.span(), back);
                }
                // With the filter's state, an empty object answers the filter's request.
                servers.responses.is_some() || !(own_responses || kept.is_some())
            }
            _ => true,
        };
        members.push((span, stays));
    }
    edits.retain(&members);
    edits.apply(text)
}

/// Decodes a `requestState` that has the filter's prefix; `None` if it does not have it. What follows the
/// prefix decodes to no bytes if it is not Base64.
fn own_state(state: Value<'_>) -> Option<Vec<u8>> {
    let text = state.string()?;
    let encoded = text.strip_prefix(MARK)?;
    Some(URL_SAFE_NO_PAD.decode(encoded).unwrap_or_default())
}

impl<'k> Kept<'k> {
    fn read(document: &'k json::Document<'_>) -> Self {
        let is_sound = document.defect().is_none() && document.prototype_key().is_none();
        let root = Some(document.root()).filter(|_| is_sound);
        let number = root.and_then(|root| root.get("number")).and_then(Value::number);
        let params = root.and_then(|root| root.get("params"));
        let member = |key: &str| params.and_then(|params| params.get(key));
        Self {
            number: number.and_then(|text| text.parse().ok()).unwrap_or_default(),
            state: member("requestState").filter(|state| is_servers(*state)).map(Value::raw),
            responses: member("inputResponses").filter(|responses| are_servers(*responses)).map(Value::raw),
        }
    }
}

/// Tells whether a kept state is a server's. A state of the filter inside another one would be forwarded to
/// the server.
fn is_servers(state: Value<'_>) -> bool {
    state.string().is_some_and(|text| !text.starts_with(MARK))
}

/// Tells whether kept responses are a server's, for the same reason.
fn are_servers(responses: Value<'_>) -> bool {
    responses.is_object() && !responses.entries().any(|(key, _)| key.starts_with(MARK))
}

/// Tells whether the client declares a protocol version with rounds and the capability to open pages.
fn opens_pages(meta: Value<'_>) -> bool {
    let version = meta.get("io.modelcontextprotocol/protocolVersion").and_then(Value::string);
    let capabilities = meta.get("io.modelcontextprotocol/clientCapabilities");
    let pages = capabilities.and_then(|all| all.get("elicitation")).and_then(|modes| modes.get("url"));
    version.is_some_and(|version| is_date(&version) && version.as_ref() >= FIRST_VERSION)
        && pages.is_some_and(Value::is_object)
}

/// Tells whether a protocol version has the form `2026-07-28`. Such versions are ordered like their texts.
fn is_date(version: &str) -> bool {
    version.len() == FIRST_VERSION.len()
        && version
            .bytes()
            .zip(FIRST_VERSION.bytes())
            .all(|(a, b)| a == b || (a.is_ascii_digit() && b != b'-'))
}
