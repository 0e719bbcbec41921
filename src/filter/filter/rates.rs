//! Asks the rate limit service, and continues with its answer.

use mcp_policy_engine::audit;
use mcp_policy_engine::guard::{Answer, Asking};
use mcp_policy_engine::rate_limit::{self, Failure};

use super::{Filter, Pending};
use crate::host::{Broken, GrpcCall, Host, Token};
use crate::waiting::{Asker, Ticket};
use crate::worker::Worker;

/// `DEADLINE_EXCEEDED`
const DEADLINE_EXCEEDED: u32 = 4;

/// `UNAVAILABLE`: Envoy's own for a service that it does not reach, or that does not answer in time.
const UNAVAILABLE: u32 = 14;

impl<H: Host> Filter<H> {
    /// Continues the case that waits for the gRPC call with this token. `status` is that of the call: 0 if it has
    /// succeeded.
    pub fn rated(&mut self, token: Token, status: u32) {
        let answer = match status {
            0 => match self.host.called(rate_limit::MOST_BYTES) {
                Ok(bytes) => rate_limit::read(&bytes),
                Err(Broken) => Err(Failure::Unreadable),
            },
            DEADLINE_EXCEEDED | UNAVAILABLE => Err(Failure::Unanswered),
            _ => Err(Failure::Failed),
        };
        self.deliver(token, |_, _| Answer::Rates(answer));
    }

    /// Sends the question of a case to the rate limit service. If it cannot be sent, returns the case and the reason in
    /// the form of an answer.
    pub(super) fn ask_rates(
        &self,
        worker: &Worker,
        question: &rate_limit::Request,
        asking: Box<Asking>,
        record: String,
        now_ns: Option<u64>,
    ) -> Result<Pending, (Box<Asking>, Answer)> {
        worker.metrics.rates_asked(&self.host);
        match self.call_rates(worker, asking.size(), question, record, now_ns) {
            Ok((token, ticket)) => Ok(Pending { asking, token, ticket }),
            Err(failure) => Err((asking, Answer::Rates(Err(failure)))),
        }
    }

    fn call_rates(
        &self,
        worker: &Worker,
        size: usize,
        question: &rate_limit::Request,
        mut record: String,
        now_ns: Option<u64>,
    ) -> Result<(Token, Ticket), Failure> {
        let to = worker.plugin.policy.shared_limits.as_ref().ok_or(Failure::Unsent)?;
        let now_ns = now_ns.ok_or(Failure::Unsent)?;
        // Calls wait for at most some seconds, so those of one caller need no bound of their own.
        let asker = Asker { caller: None, now_ns, until_ns: now_ns };
        let ticket = worker.counting.enter(&asker, size).ok_or(Failure::Busy)?;
        // If the client disconnects before the answer, this record remains.
        audit::add_time(&mut record, Some(now_ns));
        let recorded = self.host.set_state(worker.plugin.record_state(), record.as_bytes());
        let call = GrpcCall {
            service: &rate_limit::grpc_service(&to.cluster, &to.authority),
            name: rate_limit::SERVICE,
            method: rate_limit::METHOD,
            message: &question.encode(),
            timeout_ms: to.timeout_ms,
        };
        match recorded.and_then(|()| self.host.call(&call)) {
            Ok(token) => Ok((token, ticket)),
            Err(Broken) => Err(Failure::Unsent),
        }
    }
}
