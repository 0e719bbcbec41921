//! Judges one record after another.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::approval::{self, Status};
use mcp_policy_engine::decide;
use mcp_policy_engine::denial::Denial;
use mcp_policy_engine::guard::{Answer, Arrival, Conclusion, FixedEnvironment, Request, Verdict};
use mcp_policy_engine::identity::{Caller, Principal};
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::message::Target;
use mcp_policy_engine::mcp::method::Method;
use mcp_policy_engine::policy::{Arguments as Recorded, Mode, Policy, Scope, SourceKind};

use super::claims::{Book, Claims};
use super::reads::{self, Needs, Unknown, Variants};
use super::request::{self, Arguments};
use crate::records::{Counter, Record, Taken};

const NANOS_IN_MILLI: u64 = 1_000_000;

/// What became of a record.
#[derive(Debug)]
pub enum Judged {
    /// The verdict is the same
    Same,
    /// The verdict is another
    Changed(Change),
    /// The record does not say enough: the reasons
    Undecided(BTreeSet<String>),
    /// A limit that has not changed would decide otherwise, perhaps because another worker was faster. Nothing is charged,
    /// and the record is to be judged again behind what was charged before it
    Later(Shared),
}

/// A limit that decided on a call, and the calls that it counts together with it.
#[derive(Debug)]
pub struct Shared {
    counter: String,
    scope: Scope,
    /// What was used before the call, as recorded
    before: f64,
}

impl Shared {
    /// Tells whether a call that was recorded with a later time was charged before this record's.
    pub fn is_before(&self, other: &Taken, record: &Record<'_>) -> bool {
        if !other.used_at_most(&self.counter, self.before) {
            return false;
        }
        let Some(other) = Record::read(&other.text) else { return false };
        let grant = other.grant == record.grant;
        match self.scope {
            Scope::Global => true,
            Scope::Grant => grant,
            Scope::Principal => grant && other.principal == record.principal,
            Scope::Session => grant && other.session == record.session,
        }
    }
}

/// Another verdict.
#[derive(Debug)]
pub struct Change {
    /// The new verdict in one word, see [`Record::outcome`]
    pub to: String,
    /// The rule that made it
    pub rule: Option<String>,
    /// The text for the caller
    pub reason: Option<String>,
}

/// Judges records with a policy.
pub struct Judge {
    policy: Arc<Policy>,
    variants: Variants,
    /// The counters of each proxy
    proxies: Vec<MemoryStore>,
    places: Places,
    book: Book,
    of_grants: Vec<(String, Needs)>,
    /// The digests of policies whose records tell about arguments
    telling: HashSet<String>,
    /// The counters to which amounts were not added because they are not known
    uncounted: HashSet<String>,
    now_ns: u64,
    body: String,
}

/// A reason why a record is undecided.
type Undecided = String;

impl Judge {
    /// Makes the judge of a policy for a number of proxies that have counted nothing.
    pub fn new(policy: &Policy, proxies: usize) -> Self {
        // The records of the replay are not read, so nothing is hashed for them.
        let policy = &Arc::new(Policy { audit: Recorded::None, ..policy.clone() });
        let capacity = NonZeroU32::new(policy.counter_capacity).unwrap_or(NonZeroU32::MIN);
        // Any secret will do: nobody who could choose names learns where counters are stored.
        let layout = Layout::new([0; 16], capacity);
        Self {
            variants: Variants::of(policy),
            proxies: std::iter::repeat_with(MemoryStore::new).take(proxies.max(1)).collect(),
            places: Places::new(layout, policy.counters, policy.grants.len()),
            book: Book::of(policy),
            of_grants: reads::of_grants(policy),
            telling: HashSet::new(),
            uncounted: HashSet::new(),
            now_ns: 0,
            body: String::new(),
            policy: Arc::clone(policy),
        }
    }

    /// Judges a record at its time, in milliseconds since the Unix epoch, with the counters of its proxy. A record that
    /// comes later than one with a later time is judged at that time. With `finally` it is not left for later.
    pub fn judge(&mut self, record: &Record<'_>, at_ms: i64, proxy: usize, finally: bool) -> Judged {
        let now_ns = u64::try_from(at_ms).unwrap_or_default().saturating_mul(NANOS_IN_MILLI);
        self.now_ns = self.now_ns.max(now_ns);
        if record.tells_arguments() && !self.telling.contains(&*record.policy) {
            self.telling.insert(record.policy.to_string());
        }
        match self.kept(record) {
            Some(Ok(())) => return self.in_mode(record),
            Some(Err(reason)) => return undecided(reason),
            None => {}
        }
        let (caller, claims) = match self.caller(record) {
            Ok(known) => known,
            Err(reason) => return undecided(reason),
        };
        match &record.method {
            None => self.judge_headers(record, caller),
            Some(_) => self.judge_message(record, caller, &claims, (proxy, finally)),
        }
    }

    /// Tells whether the verdict stays because it does not depend on the policy, or why it cannot be judged. `None` if
    /// it can be.
    fn kept(&self, record: &Record<'_>) -> Option<Result<(), Undecided>> {
        let same_policy = *record.policy == self.policy.digest;
        let same_or = |reason: &str| Some(if same_policy { Ok(()) } else { Err(reason.to_owned()) });
        let protocol = record.rule.as_deref() == Some("protocol");
        let known = |code: &str| !matches!(code, "unauthenticated" | "no_grant" | "grant_expired");
        match record.code.as_deref() {
            Some(
                "invalid_request" | "unsupported_media_type" | "method_not_allowed" | "limiter_unavailable",
            ) => Some(Ok(())),
            Some("denied" | "headers_disagree") if protocol => Some(Ok(())),
            Some("headers_disagree") => same_or("the headers of the request are not recorded"),
            Some("too_large") => same_or("`max_body_bytes`: the size of the body is not recorded"),
            Some("definition_changed") if self.pins(record) => {
                same_or("`definition`: what the server listed is not recorded")
            }
            Some("origin_denied") => same_or("`origins`: the origin is not recorded"),
            code => {
                let unnamed = record.principal.is_none()
                    && !self.policy.identity.is_empty()
                    && !self.policy.grants.is_empty();
                match code {
                    Some("unauthenticated") if unnamed => Some(Ok(())),
                    _ if unnamed && code.is_none_or(known) => {
                        same_or("`identity`: the caller had no name, and the policy needs one")
                    }
                    _ => None,
                }
            }
        }
    }

    /// Tells whether a rule pins the definition of the tool that was called.
    fn pins(&self, record: &Record<'_>) -> bool {
        let tool = record.target.as_deref().unwrap_or_default();
        self.policy.pins.of_tool(tool).next().is_some()
    }

    /// Judges a record whose denial stays. Only the mode tells whether it has an effect.
    fn in_mode(&self, record: &Record<'_>) -> Judged {
        let to = match (&*record.decision, self.policy.mode, record.code.as_deref()) {
            ("deny", Mode::Shadow, Some(code)) => format!("would_deny: {code}"),
            ("would_deny", Mode::Enforce, Some(code)) => code.to_owned(),
            _ => return Judged::Same,
        };
        Judged::Changed(Change { to, rule: record.rule.as_deref().map(str::to_owned), reason: None })
    }

    /// Makes the caller of a record, as the policy identifies it.
    fn caller(&mut self, record: &Record<'_>) -> Result<(Caller, Rc<Claims>), Undecided> {
        let Some(name) = record.principal.as_deref() else { return Ok((Caller::default(), Rc::default())) };
        if request::is_cut(Some(name)) {
            return Err("the name of the caller is cut in the record".to_owned());
        }
        let source = record.source.as_deref().unwrap_or_default();
        let sources = &self.policy.identity;
        if sources.is_empty() {
            return Ok((Caller::default(), Rc::default()));
        }
        let Some(number) = sources.iter().position(|known| known.name == source) else {
            return Err(format!("`identity`: the policy has no source `{source}`"));
        };
        let name = name.to_owned();
        let mut claims = None;
        let principal = match sources.get(number).map(|source| &source.kind) {
            Some(SourceKind::Jwt { .. }) => {
                claims = Some(self.book.claims(record.claims));
                Principal::Jwt(name)
            }
            Some(SourceKind::Mtls(_)) => Principal::Mtls(name),
            Some(SourceKind::ApiKey { .. }) => Principal::ApiKey(self.key(&name)),
            Some(SourceKind::Header(_)) => Principal::Header(name),
            Some(SourceKind::Attribute(_)) | None => Principal::Attribute(name),
        };
        if let Some(claim) = claims.as_ref().and_then(|claims| reads::unknown(&self.of_grants, claims)) {
            return Err(format!("`grants` read the claim `{claim}`, which the record does not tell"));
        }
        let token = claims.as_ref().map(|claims| claims.token.clone());
        let caller = Caller { grant: None, source: Some(number), principal: Some(principal), claims: token };
        Ok((caller, claims.unwrap_or_default()))
    }

    /// Returns the SHA-256 of the key that a record names by its first digits, as far as the policy lists it.
    fn key(&self, name: &str) -> String {
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        self.policy.grants.key_from(digits).unwrap_or(digits).to_owned()
    }

    /// Judges a record without a message: of a request without a body, of an answer of the client, or of a caller who was
    /// refused.
    fn judge_headers(&self, record: &Record<'_>, caller: Caller) -> Judged {
        let refused =
            matches!(record.code.as_deref(), Some("unauthenticated" | "no_grant" | "grant_expired"));
        match self.open(&self.policy, record, caller) {
            Ok(_) if refused => undecided("the caller was refused before the request was read"),
            Ok(request) => compare(record, &request.pass()),
            Err(conclusion) => compare(record, &conclusion),
        }
    }

    fn open(
        &self,
        policy: &Arc<Policy>,
        record: &Record<'_>,
        caller: Caller,
    ) -> Result<Request, Box<Conclusion>> {
        let arrival = Arrival::new(Arc::clone(policy), request::headers(record), String::new());
        arrival.name(caller, Some(self.now_ns))
    }

    fn judge_message(
        &mut self,
        record: &Record<'_>,
        caller: Caller,
        claims: &Claims,
        (proxy, finally): (usize, bool),
    ) -> Judged {
        let method = Method::new(record.method.as_deref().unwrap_or_default());
        if request::is_cut(Some(method.as_str())) || request::is_cut(record.target.as_deref()) {
            return undecided("the name or the URI is cut in the record");
        }
        if method.as_str() == "completion/complete" {
            return undecided(
                "`completion/complete`: the record does not say whether it is about a prompt or a resource",
            );
        }
        let arguments = match method.takes_arguments() {
            true => request::arguments(record, self.telling.contains(&*record.policy)),
            false => Arguments::Known(None),
        };
        let mut request = match self.open(&self.policy, record, caller) {
            Ok(request) => request,
            Err(conclusion) => return compare(record, &conclusion),
        };
        let (unknown, reasons) = self.unknown(&request, record, &method, arguments, claims);
        request.policy = Arc::clone(self.variants.policy(unknown));
        let conclusion = self.conclude(request, record, &method, arguments, proxy);
        let refused = matches!(conclusion.verdict, Verdict::Deny { .. });
        if reasons.is_empty() {
            return match compare(record, &conclusion) {
                Judged::Changed(change) => match shared(record, &conclusion).filter(|_| !finally) {
                    Some(shared) => {
                        self.give_back(conclusion, proxy);
                        Judged::Later(shared)
                    }
                    None => Judged::Changed(change),
                },
                judged => judged,
            };
        }
        let passed = &*record.decision != "deny";
        if !passed {
            // It counts as the log says.
            self.give_back(conclusion, proxy);
            return Judged::Undecided(reasons);
        }
        if refused { compare(record, &conclusion) } else { Judged::Undecided(reasons) }
    }

    /// Finds out what is not known of a call, as far as its rules read it, and says why.
    fn unknown(
        &mut self,
        request: &Request,
        record: &Record<'_>,
        method: &Method<'_>,
        arguments: Arguments<'_>,
        claims: &Claims,
    ) -> (Unknown, BTreeSet<String>) {
        let (mut unknown, mut reasons) = (Unknown::default(), BTreeSet::new());
        let target = target(record, method);
        let plain = arguments != Arguments::Unknown && self.uncounted.is_empty();
        if plain && claims.hashed.is_empty() && claims.unrecorded.is_empty() {
            return (unknown, reasons);
        }
        for rule in decide::rules_of(&self.policy, &request.caller, &target) {
            let Some(read) = self.variants.reads(&rule) else { continue };
            let path = &rule.path;
            if read.arguments && arguments == Arguments::Unknown {
                unknown.arguments = true;
                reasons.insert(format!("`{path}` reads arguments, which the record does not have"));
                self.uncounted.extend(read.amounts.iter().cloned());
            } else if let Some(counter) =
                read.counters.iter().find(|counter| self.uncounted.contains(*counter))
            {
                unknown.arguments = true;
                reasons.insert(format!(
                    "`{path}` counts with `{counter}`, to which unknown amounts were added before"
                ));
            }
            if request.caller.claims.is_some()
                && let Some(claim) = read.unknown_claim(claims)
            {
                unknown.claims = true;
                reasons.insert(format!("`{path}` reads the claim `{claim}`, which the record does not tell"));
            }
        }
        (unknown, reasons)
    }

    fn conclude(
        &mut self,
        request: Request,
        record: &Record<'_>,
        method: &Method<'_>,
        arguments: Arguments<'_>,
        proxy: usize,
    ) -> Conclusion {
        let mut body = std::mem::take(&mut self.body);
        request::write(&mut body, record, method, arguments);
        let Some(store) = self.proxies.get(proxy).or_else(|| self.proxies.first()) else {
            return request.refuse(Denial::protocol(mcp_policy_engine::denial::Code::Denied, "no proxy"));
        };
        let environment = FixedEnvironment { store, places: &self.places, now_ns: self.now_ns };
        let step = Rc::new(request).start_case(body.as_bytes(), &environment);
        let mut conclusion = step.conclude(&environment, |_| Answer::Approval(answer(record)));
        if record.given_back {
            std::mem::take(&mut conclusion.charged).give_back(&environment);
        }
        self.body = body;
        conclusion
    }

    fn give_back(&self, conclusion: Conclusion, proxy: usize) {
        if let Some(store) = self.proxies.get(proxy).or_else(|| self.proxies.first()) {
            let environment = FixedEnvironment { store, places: &self.places, now_ns: self.now_ns };
            conclusion.charged.give_back(&environment);
        }
    }
}

fn undecided(reason: impl Into<String>) -> Judged {
    Judged::Undecided(BTreeSet::from([reason.into()]))
}

fn target<'r>(record: &'r Record<'_>, method: &Method<'_>) -> Target<'r> {
    match (method.section(), record.target.as_deref()) {
        (Some("tools"), Some(name)) => Target::Tool(name.into()),
        (Some("prompts"), Some(name)) => Target::Prompt(name.into()),
        (Some(_), Some(uris)) if method.as_str() == "subscriptions/listen" => {
            Target::Resources(uris.split(' ').map(Into::into).collect())
        }
        (Some(_), Some(uri)) => Target::Resources(vec![uri.into()]),
        _ => Target::Session,
    }
}

/// Answers a question to the approval service as it was answered.
fn answer(record: &Record<'_>) -> Result<approval::Answer, approval::Cause> {
    let Some(recorded) = &record.approval else {
        let id = "a person would be asked".to_owned();
        return Ok(approval::Answer { status: Status::Pending, id, url: None, reason: None });
    };
    let status = match &*recorded.outcome {
        "approved" => Status::Approved,
        "denied" => Status::Denied,
        "pending" | "asked" => Status::Pending,
        _ => return Err(recorded.cause.as_deref().unwrap_or_default().to_owned().into()),
    };
    let id = recorded.id.as_deref().unwrap_or_default().to_owned();
    Ok(approval::Answer { status, id, url: None, reason: None })
}

fn compare(record: &Record<'_>, conclusion: &Conclusion) -> Judged {
    let denial = conclusion.verdict.denial();
    let was = record.code.as_deref().filter(|_| &*record.decision != "allow");
    let now = denial.map(|denial| denial.code.as_str());
    if &*record.decision == conclusion.verdict.as_str() && was == now {
        return Judged::Same;
    }
    let to = match (conclusion.verdict.as_str(), now) {
        ("would_deny", Some(code)) => format!("would_deny: {code}"),
        ("deny", Some(code)) => code.to_owned(),
        (verdict, _) => verdict.to_owned(),
    };
    let rule = denial.map(|denial| denial.rule.to_string());
    Judged::Changed(Change { to, rule, reason: denial.map(|denial| denial.reason.clone()) })
}

/// Returns the limit by which alone the verdict differs, if it is the same as in the record. Then the order may be the
/// reason: workers that count at the same time do not do so in the order of the times that they have read.
fn shared(record: &Record<'_>, conclusion: &Conclusion) -> Option<Shared> {
    const CODE: &str = "rate_limited";
    let denial = conclusion.verdict.denial();
    let path = match (record.code.as_deref(), denial.map(|denial| denial.code.as_str())) {
        (Some(CODE), None) => record.rule.as_deref()?,
        (None, Some(CODE)) => denial.map(|denial| denial.rule.as_ref())?,
        _ => return None,
    };
    let used = conclusion.counters.iter().find(|used| *used.limit.path == *path)?;
    let max = used.limit.max.to_string().parse::<f64>().ok()?;
    let same = |counter: &&Counter<'_>| *counter.counter == *used.limit.counter && counter.max == max;
    let recorded = record.counters.iter().find(same)?;
    // The use in a record includes the call itself if it passed. Then a call before it has left less.
    let before = if record.code.is_none() { recorded.used.next_down() } else { recorded.used };
    Some(Shared { counter: used.limit.counter.clone(), scope: used.scope, before })
}
