//! One request from its bytes to its outcome: read, decide, charge, answer.
//!
//! What Envoy's filter does with a request, a native tool can do with a file: the store, the time
//! and the ids are arguments.

use crate::decide::{self, Decision, Due};
use crate::denial::{Code, Denial, Invalid};
use crate::identity::{self, Caller, Credentials, Principal};
use crate::limit::{self, Charge, Counter, Layout, Outcome as Counted, Place, Store};
use crate::mcp::answer::{Asked, Form, Refusal, Reply};
use crate::mcp::headers::{Field, Headers};
use crate::mcp::list::ListKind;
use crate::mcp::media;
use crate::mcp::message::{self, Body, Call, Message, Rejection, Target};
use crate::policy::{Mode, Policy, Scope};

/// What the headers alone decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It passes unread
    Pass,
    /// It may go on if it has no body, which its method has no meaning for
    Bodiless,
    /// Its body decides
    Read,
    /// It is refused
    Refuse(Denial),
}

/// What becomes of a request whose body has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it is; an answer to a list request is filtered
    Forward(Option<ListRequest>),
    /// It is answered here
    Refuse(Reply),
}

/// A request for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Of what
    pub kind: ListKind,
    /// The request's id, as JSON text
    pub id: String,
}

/// Where the calls of a policy are counted.
#[derive(Debug)]
pub struct Tally<'a, S: ?Sized> {
    /// The shared counters
    pub store: &'a S,
    /// Where each of them is; `None` while the proxy's secret cannot be had
    pub layout: Option<&'a Layout>,
    /// Nanoseconds since the Unix epoch
    pub now_ns: u64,
}

/// Judges the headers.
#[must_use]
pub fn admit(policy: &Policy, headers: &Headers) -> Admission {
    let path = headers.path_without_query();
    if policy.exempt_paths.iter().any(|exempt| Some(exempt.as_bytes()) == path) {
        return Admission::Pass;
    }
    let denial = match headers.method.once() {
        _ if headers.upgrade.is_present() => Denial::protocol(
            Code::InvalidRequest(Invalid::Request),
            "an upgraded connection cannot be read: send MCP over HTTP",
        ),
        Some(b"POST") => match media::fault(&headers.content_type, &headers.content_encoding) {
            Some(fault) => Denial::protocol(Code::UnsupportedMediaType, fault),
            None => return Admission::Read,
        },
        Some(b"GET" | b"DELETE" | b"OPTIONS") => return Admission::Bodiless,
        _ => Denial::protocol(Code::MethodNotAllowed, "use POST, GET, DELETE or OPTIONS"),
    };
    match policy.mode {
        Mode::Enforce => Admission::Refuse(denial),
        // What cannot be read cannot be decided on: shadow mode lets it through all the same.
        Mode::Shadow => Admission::Pass,
    }
}

/// Finds out who sends a request, where its method needs to know. In shadow mode who has no grant
/// passes as if the policy had none.
///
/// # Errors
/// The denial of a caller without an identity, a grant, or one that has not expired.
pub fn identify(
    policy: &Policy,
    headers: &Headers,
    credentials: &impl Credentials,
    now_ns: impl FnOnce() -> Option<u64>,
) -> Result<Caller, Denial> {
    // A browser asks with OPTIONS before it may send any credential (CORS preflight).
    if headers.method.once() == Some(b"OPTIONS") {
        return Ok(Caller::default());
    }
    let caller = identity::identify(policy, credentials, now_ns);
    match policy.mode {
        Mode::Enforce => caller,
        Mode::Shadow => Ok(caller.unwrap_or_default()),
    }
}

/// Refuses a request by its headers, or by the size of its body.
#[must_use]
pub fn refuse(policy: &Policy, denial: &Denial, decision_id: &str) -> Reply {
    answer(policy, denial, Asked::Other, None, decision_id)
}

/// Refuses a request that came to a filter without a policy.
#[must_use]
pub fn refuse_without_policy() -> Reply {
    let denial = Denial::protocol(Code::Denied, "the policy filter has no policy");
    Refusal { denial: &denial, asked: Asked::Other, id: None, form: Form::Http, decision_id: "", policy: "" }
        .reply()
}

/// The denial of a body larger than the policy allows.
#[must_use]
pub fn too_large(policy: &Policy) -> Denial {
    let reason = format!("the body is larger than {} bytes", policy.max_body_bytes);
    Denial::by("max_body_bytes", Code::TooLarge, reason)
}

/// Judges the bytes of a body, and charges what is due.
pub fn judge<S: Store + ?Sized>(
    policy: &Policy,
    caller: &Caller,
    headers: &Headers,
    body: &[u8],
    tally: &Tally<'_, S>,
    decision_id: &str,
) -> Verdict {
    let document = match message::parse(body) {
        Ok(document) => document,
        Err(rejection) => return reject(policy, rejection, decision_id),
    };
    let message = match Message::read(&document, headers) {
        Ok(message) => message,
        Err(rejection) => return reject(policy, rejection, decision_id),
    };
    let Body::Call(call) = &message.body else { return Verdict::Forward(None) };
    let mut decision = decide::decide(policy, caller, call);
    if policy.mode == Mode::Shadow {
        decision.soften();
    }
    let denial = decision.denial.take().or_else(|| charge(policy, caller, headers, &decision, call, tally));
    match denial {
        Some(denial) => {
            let asked = match &call.target {
                _ if message.id.is_none() => Asked::Notification,
                Target::Tool(name) => Asked::Tool(name),
                _ => Asked::Other,
            };
            Verdict::Refuse(answer(policy, &denial, asked, message.id, decision_id))
        }
        None => {
            // A list of what shadow mode would deny stays whole: nobody is denied any of it.
            let kind = ListKind::from_method(&call.method).filter(|_| policy.mode == Mode::Enforce);
            let list = kind.zip(message.id);
            Verdict::Forward(list.map(|(kind, id)| ListRequest { kind, id: id.to_owned() }))
        }
    }
}

fn reject(policy: &Policy, rejection: Rejection, decision_id: &str) -> Verdict {
    match policy.mode {
        Mode::Enforce => {
            let id = rejection.id.as_deref();
            Verdict::Refuse(answer(policy, &rejection.denial, Asked::Other, id, decision_id))
        }
        Mode::Shadow => Verdict::Forward(None),
    }
}

fn answer(policy: &Policy, denial: &Denial, asked: Asked<'_>, id: Option<&str>, decision_id: &str) -> Reply {
    let form: Form = policy.denials;
    Refusal { denial, asked, id, form, decision_id, policy: &policy.digest }.reply()
}

impl Decision<'_> {
    /// Makes advice of everything, as if every rule were in shadow mode.
    fn soften(&mut self) {
        self.would_deny = self.denial.take().or(self.would_deny.take());
        self.shadow_charges.append(&mut self.charges);
    }
}

/// Charges what a call owes; then, where that had room, what it owes to rules in shadow mode.
fn charge<S: Store + ?Sized>(
    policy: &Policy,
    caller: &Caller,
    headers: &Headers,
    decision: &Decision<'_>,
    call: &Call<'_>,
    tally: &Tally<'_, S>,
) -> Option<Denial> {
    let denial = charge_all(policy, caller, headers, &decision.charges, call, tally);
    if denial.is_none() {
        // Nobody is refused by a rule in shadow mode.
        let _ = charge_all(policy, caller, headers, &decision.shadow_charges, call, tally);
    }
    denial
}

fn charge_all<S: Store + ?Sized>(
    policy: &Policy,
    caller: &Caller,
    headers: &Headers,
    dues: &[Due<'_>],
    call: &Call<'_>,
    tally: &Tally<'_, S>,
) -> Option<Denial> {
    if dues.is_empty() {
        return None;
    }
    let Some(layout) = tally.layout else { return dues.first().map(unavailable) };
    let grant = caller.grant_name(policy);
    let principal = caller.principal.as_ref().map(Principal::name);
    let places: Vec<Place> = dues
        .iter()
        .map(|due| {
            let scope = match (due.limit.scope, &principal, &headers.session_id) {
                (Scope::Global, _, _) => limit::Scope::Global,
                (Scope::Principal, Some(name), _) => {
                    limit::Scope::Principal { grant, principal: name.as_bytes() }
                }
                (Scope::Session, _, Field::Once(session)) => limit::Scope::Session { grant, session },
                (Scope::Grant | Scope::Principal | Scope::Session, _, _) => limit::Scope::Grant(grant),
            };
            let (server, name) = (policy.server.as_str(), due.limit.counter.as_str());
            layout.place(&Counter { server, name, window: due.limit.window, scope })
        })
        .collect();
    let charges: Vec<Charge<'_>> = dues
        .iter()
        .zip(&places)
        .map(|(due, place)| Charge { place, amount: due.amount, max: due.limit.max })
        .collect();
    match limit::charge(tally.store, tally.now_ns, &charges) {
        Counted::Charged { .. } => None,
        Counted::Refused { index, retry_after_seconds, .. } => {
            dues.get(index).or(dues.first()).map(|due| used_up(due, call, retry_after_seconds))
        }
        Counted::Unavailable { index, .. } => dues.get(index).or(dues.first()).map(unavailable),
    }
}

fn used_up(due: &Due<'_>, call: &Call<'_>, retry_after_seconds: Option<u64>) -> Denial {
    let because = due.reason.map_or(String::new(), |reason| format!(" ({reason})"));
    let subject = decide::subject(call);
    let counter = &due.limit.counter;
    let reason = match retry_after_seconds {
        Some(1) => format!("{subject} is over its limit `{counter}`{because}: retry in 1 second"),
        Some(seconds) => {
            format!("{subject} is over its limit `{counter}`{because}: retry in {seconds} seconds")
        }
        None => format!(
            "this call alone is more than the limit `{counter}` allows{because}: ask for less, waiting does not help"
        ),
    };
    Denial { retry_after_seconds, ..Denial::by(due.limit.path.clone(), Code::RateLimited, reason) }
}

fn unavailable(due: &Due<'_>) -> Denial {
    let reason =
        format!("the call cannot be counted against the limit `{}` now, so it is denied", due.limit.counter);
    Denial::by(due.limit.path.clone(), Code::LimiterUnavailable, reason)
}
