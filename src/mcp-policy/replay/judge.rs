//! Judges one record after another.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::decide;
use mcp_policy_engine::denial::{Code, Denial};
use mcp_policy_engine::guard::{Answer, Arrival, Conclusion, FixedEnvironment, Question, Request, Verdict};
use mcp_policy_engine::identity::Caller;
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::mcp::method::Method;
use mcp_policy_engine::policy::{Arguments as Recorded, Policy};
use mcp_policy_engine::rate_limit::{self, Failure, MemoryService};

use super::caller::Callers;
use super::claims::Claims;
use super::contention::Contended;
use super::judged::Judged;
use super::reads::{Unknown, Variants};
use super::request::{self, Arguments};
use super::settled::settled;
use crate::records::Record;

const NANOS_IN_MILLI: u64 = 1_000_000;

/// Judges records with a policy.
pub struct Judge {
    policy: Arc<Policy>,
    variants: Variants,
    /// The counters of each proxy
    proxies: Vec<MemoryStore>,
    places: Places,
    /// The service that counts shared limits for all of them
    service: MemoryService,
    /// What the last record has asked the service
    asked: Vec<Rc<rate_limit::Request>>,
    callers: Callers,
    /// The digests of policies whose records tell about arguments
    telling: HashSet<String>,
    /// The counters to which amounts were not added because they are not known
    uncounted: HashSet<String>,
    now_ns: u64,
    body: String,
}

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
            service: MemoryService::new(),
            asked: Vec::new(),
            callers: Callers::new(policy),
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
        match settled(record, &self.policy) {
            Some(Ok(())) => return Judged::in_mode(record, self.policy.mode),
            Some(Err(reason)) => return Judged::undecided(reason),
            None => {}
        }
        let (caller, claims) = match self.callers.find(record) {
            Ok(known) => known,
            Err(reason) => return Judged::undecided(reason),
        };
        match &record.method {
            None => self.judge_headers(record, caller),
            Some(_) => self.judge_message(record, caller, &claims, (proxy, finally)),
        }
    }

    /// Judges a record without a message: of a request without a body, of an answer of the client, or of a caller who was
    /// refused.
    fn judge_headers(&self, record: &Record<'_>, caller: Caller) -> Judged {
        let refused =
            matches!(record.code.as_deref(), Some("unauthenticated" | "no_grant" | "grant_expired"));
        match self.open(&self.policy, record, caller) {
            Ok(_) if refused => Judged::undecided("the caller was refused before the request was read"),
            Ok(request) => Judged::of(record, &request.pass()),
            Err(conclusion) => Judged::of(record, &conclusion),
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
            return Judged::undecided("the name or the URI is cut off in the record");
        }
        if method.as_str() == request::COMPLETION && request::section(record, &method).is_none() {
            return Judged::undecided(
                "`completion/complete`: the record does not say whether it is about a prompt or a resource",
            );
        }
        let arguments = match method.takes_arguments() {
            true => request::arguments(record, self.telling.contains(&*record.policy)),
            false => Arguments::Known(None),
        };
        let mut request = match self.open(&self.policy, record, caller) {
            Ok(request) => request,
            Err(conclusion) => return Judged::of(record, &conclusion),
        };
        let (unknown, reasons) = self.unknown(&request, record, &method, arguments, claims);
        request.policy = Arc::clone(self.variants.policy(unknown));
        let conclusion = self.conclude(request, record, &method, arguments, proxy);
        let refused = matches!(conclusion.verdict, Verdict::Deny { .. });
        if reasons.is_empty() {
            return match Judged::of(record, &conclusion) {
                Judged::Changed(change) => match Contended::of(record, &conclusion).filter(|_| !finally) {
                    Some(contended) => {
                        self.give_back(conclusion, proxy);
                        Judged::Later(contended)
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
        if refused { Judged::of(record, &conclusion) } else { Judged::Undecided(reasons) }
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
        let target = request::target(record, method);
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
                reasons
                    .insert(format!("`{path}` reads the claim `{claim}`, which the record does not contain"));
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
            return request.refuse(Denial::protocol(Code::Denied, "no proxy"));
        };
        let environment = FixedEnvironment { store, places: &self.places, now_ns: self.now_ns };
        let step = Rc::new(request).start_case(body.as_bytes(), &environment);
        let (service, now_ns, asked) = (&self.service, self.now_ns, &mut self.asked);
        asked.clear();
        let mut conclusion = step.conclude(&environment, |question| match question {
            Question::Approval(_) => Answer::Approval(request::answer(record)),
            Question::Rates(_) if record.counted_alone() => Answer::Rates(Err(Failure::Unanswered)),
            Question::Rates(question) => {
                asked.push(Rc::clone(question));
                Answer::Rates(Ok(service.answer(question, now_ns)))
            }
        });
        if record.given_back {
            std::mem::take(&mut conclusion.charged).give_back(&environment);
        }
        self.body = body;
        conclusion
    }

    fn give_back(&self, conclusion: Conclusion, proxy: usize) {
        for question in &self.asked {
            self.service.take_back(question, self.now_ns);
        }
        if let Some(store) = self.proxies.get(proxy).or_else(|| self.proxies.first()) {
            let environment = FixedEnvironment { store, places: &self.places, now_ns: self.now_ns };
            conclusion.charged.give_back(&environment);
        }
    }
}
