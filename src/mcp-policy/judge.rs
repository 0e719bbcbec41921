//! Judges requests with a policy as a proxy does, on counters of its own.

mod caller;
mod known;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;

use mcp_policy_engine::guard::{self, Answer, Arrival, Conclusion, FixedEnvironment, Question, Request};
use mcp_policy_engine::identity::{self, Caller};
use mcp_policy_engine::limit::{Layout, MemoryStore, Places};
use mcp_policy_engine::policy::Policy;
use mcp_policy_engine::rate_limit::MemoryService;

pub use caller::{Described, KEY_DIGEST, Words, key_digest};
pub use known::Known;

/// One proxy with a policy. It counts as the filter does, from zero.
pub struct Proxy {
    policy: Arc<Policy>,
    store: MemoryStore,
    places: Places,
    /// The service that counts shared limits
    service: MemoryService,
}

/// A request as its client sent it.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// The headers with lower-case names, `:method` and `:path` among them
    pub headers: Vec<(String, String)>,
    /// The body
    pub body: Option<Vec<u8>>,
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub enum Sender {
    /// The caller whom these credentials, or the request's headers, name
    Verified(Known),
    /// A caller who is named already. The policy finds its grant
    Named(Caller),
    /// A caller without a name who has the grant of this number
    Granted(usize),
}

impl Default for Sender {
    fn default() -> Self {
        Self::Verified(Known::default())
    }
}

/// How far a request comes before its body is read.
#[derive(Debug)]
pub enum Arrived {
    /// Its path is exempt: it is forwarded unread and leaves no record
    Exempt,
    /// It is refused
    Refused(Box<Conclusion>),
    /// Its caller is known
    Known(Rc<Request>),
}

impl Proxy {
    /// Makes a proxy that has counted nothing.
    pub fn new(policy: Arc<Policy>) -> Self {
        let capacity = NonZeroU32::new(policy.counter_capacity).unwrap_or(NonZeroU32::MIN);
        // Any secret will do: nobody who could choose names learns where counters are stored.
        let layout = Layout::new([0; 16], capacity);
        let places = Places::new(layout, policy.counters, policy.grants.iter().count());
        Self { policy, store: MemoryStore::new(), places, service: MemoryService::new() }
    }

    /// Returns what the proxy's workers share.
    pub fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// Judges a request at a time in nanoseconds since the Unix epoch. `None` if its path is exempt.
    #[cfg(test)]
    pub fn judge(
        &self,
        sent: &Sent,
        known: &Known,
        decision_id: &str,
        now_ns: u64,
        answer: impl FnMut(&Question) -> Answer,
    ) -> Option<Conclusion> {
        match self.arrive(sent, &Sender::Verified(known.clone()), decision_id, now_ns) {
            Arrived::Exempt => None,
            Arrived::Refused(conclusion) => Some(*conclusion),
            Arrived::Known(request) => Some(self.judge_known(&request, sent, now_ns, answer)),
        }
    }

    /// Reads the headers of a request and identifies its caller.
    pub fn arrive(&self, sent: &Sent, sender: &Sender, decision_id: &str, now_ns: u64) -> Arrived {
        let arrival = guard::arrive(&self.policy, &sent.headers, decision_id.to_owned());
        let Some(arrival) = arrival else { return Arrived::Exempt };
        match identify(arrival, sender, now_ns) {
            Ok(request) => Arrived::Known(Rc::new(request)),
            Err(conclusion) => Arrived::Refused(conclusion),
        }
    }

    /// Judges a request whose caller is known. `answer` answers the questions to the approval service.
    pub fn judge_known(
        &self,
        request: &Rc<Request>,
        sent: &Sent,
        now_ns: u64,
        mut answer: impl FnMut(&Question) -> Answer,
    ) -> Conclusion {
        let environment = FixedEnvironment { store: &self.store, places: &self.places, now_ns };
        guard::judge_known(request, sent.body.as_deref(), &environment, |question| match question {
            Question::Rates(asked) => Answer::Rates(Ok(self.service.answer(asked, now_ns))),
            Question::Approval(_) => answer(question),
        })
    }
}

fn identify(arrival: Arrival, sender: &Sender, now_ns: u64) -> Result<Request, Box<Conclusion>> {
    match sender {
        Sender::Verified(known) => arrival.identify(known, Some(now_ns)),
        Sender::Named(caller) => arrival.identify_with(|request, work| {
            identity::grant(&request.policy, Ok(caller.clone()), Some(now_ns), work)
        }),
        Sender::Granted(number) => arrival.identify_with(|request, _| {
            let caller = Caller { grant: Some(*number), ..Caller::default() };
            let denial =
                caller.grant(&request.policy).and_then(|grant| identity::not_in_force(grant, Some(now_ns)));
            (caller, denial)
        }),
    }
}
