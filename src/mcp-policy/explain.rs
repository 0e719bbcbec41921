//! `mcp-policy explain`: shows how a request is decided, and why.

mod options;
mod pretty;

use std::sync::Arc;

use mcp_policy_engine::approval::Outcome as Answered;
use mcp_policy_engine::guard::Conclusion;
use serde::Serialize;

pub use options::Options;
pub use pretty::print;

use self::options::Format;
use crate::diagnostic;
use crate::judge::{Arrived, Proxy};
use crate::outcome::{Failure, Outcome};
use crate::terminal::{Terminal, line};
use crate::test::{Found, answer, instant};
use crate::trace::{Caller, Layer, Read, Texts, Tracing};

/// The id of the decision: there is no record to find it in.
const DECISION_ID: &str = "00000000000000000000000000000000";

/// How a request is decided.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    version: u32,
    /// The policy's file, and where in it the policy is
    policy: String,
    /// When the request is judged, as in RFC 3339
    at: String,
    /// The HTTP method and path
    http: String,
    /// How its message is read; `None` if it is refused before, or has none
    message: Option<Read>,
    /// How the caller is identified
    pub caller: Caller,
    /// How each set of rules decides; none if the request is refused before
    pub layers: Vec<Layer>,
    /// What the approval service answers, if it is asked
    approval: Option<&'static str>,
    /// What the request meets
    pub verdict: Found,
}

impl Explanation {
    /// Explains the conclusion on a request; `None` is that on an exempt path. `policy` is the policy's name.
    pub fn of(
        tracing: &Tracing<'_>,
        policy: &str,
        arrived: &Arrived,
        conclusion: Option<&Conclusion>,
    ) -> Self {
        let (message, layers) = tracing.message(arrived, conclusion);
        let header = |name: &str| {
            let found = tracing.sent.headers.iter().find(|(known, _)| known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        Self {
            version: 1,
            policy: policy.to_owned(),
            at: instant::text(tracing.now_ns),
            http: format!("{} {}", header(":method"), header(":path")),
            message,
            caller: tracing.caller(),
            layers,
            approval: conclusion.and_then(|conclusion| conclusion.approval).map(Answered::as_str),
            verdict: Found::of(conclusion),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The policy or the request cannot be read, or the policy knows no such caller.
pub fn run(options: &Options, terminal: &mut Terminal) -> Result<Outcome, Failure> {
    let (found, policy) = diagnostic::valid(options.policy(), terminal)?;
    let policy = Arc::new(policy);
    let now_ns = options.now_ns()?;
    let mut sent = options.sent()?;
    let sender = options.sender(&policy, &mut sent)?;
    let proxy = Proxy::new(Arc::clone(&policy));
    let arrived = proxy.arrive(&sent, &sender, DECISION_ID, now_ns);
    let judged = match &arrived {
        Arrived::Known(request) => {
            Some(proxy.judge_known(request, &sent, now_ns, |question| answer(question, options.approval())))
        }
        _ => None,
    };
    let conclusion = match &arrived {
        Arrived::Refused(conclusion) => Some(&**conclusion),
        _ => judged.as_ref(),
    };
    let texts = Texts::of(&found.bytes);
    let tracing = Tracing { policy: &policy, texts: &texts, sent: &sent, sender: &sender, now_ns };
    let explanation = Explanation::of(&tracing, &found.name(), &arrived, conclusion);
    match options.format() {
        Format::Pretty => print(&explanation, terminal),
        Format::Json => {
            let text = serde_json::to_string_pretty(&explanation)
                .map_err(|error| Failure::new(format!("cannot write the result: {error}")))?;
            line!(terminal, "{text}");
        }
    }
    Ok(if explanation.verdict.decision == "deny" { Outcome::Refused } else { Outcome::Clean })
}
