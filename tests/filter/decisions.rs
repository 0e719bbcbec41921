//! The table of decisions, `cases/decisions/`, sent through the filter on an in-memory proxy.
//!
//! `envoy/test_decisions.py` sends the same cases through a real Envoy. Both runs have the same expectations,
//! which follow from the meaning of the policy's keys.

mod coverage;
mod seen;
mod table;
mod verified;

use std::rc::Rc;
use std::sync::Arc;

use self::seen::Seen;
use self::table::{Case, Group, Step, topics};
use crate::proxy::Proxy;
use crate::proxy::exchange::{End, Exchange, Sent};
use mcp_policy_filter::Worker;

/// 2027-01-15T08:00:00Z
const NOW_NS: u64 = 1_800_000_000_000_000_000;

/// Runs a case on its own proxy, so that nothing has been counted before.
fn judge(group: &Group, case: &Case) -> Result<(), String> {
    let proxy = Proxy::new(NOW_NS);
    let plugin = Worker::configure(group.document.to_string().as_bytes(), &proxy.stream());
    let plugin = Rc::new(plugin.map_err(|faults| format!("the document is refused: {faults}"))?);
    for (number, step) in case.steps.iter().enumerate() {
        let nanoseconds = std::time::Duration::from_secs_f64(step.wait).as_nanos();
        proxy.advance(u64::try_from(nanoseconds).expect("a test waits only for seconds"));
        for time in 1..=step.times {
            let wrong = |why| format!("step {}, time {time}: {why}", number + 1);
            seen(&proxy, &plugin, step).check(step).map_err(wrong)?;
        }
    }
    Ok(())
}

fn seen(proxy: &Arc<Proxy>, plugin: &Rc<Worker>, step: &Step) -> Seen {
    let headers = step.headers();
    let pairs: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = step.body();
    let sent = match &body {
        Some(body) => Sent::new(&pairs, &[body.as_bytes()], End::WithLast),
        None => Sent::bare(&pairs),
    };
    let mut exchange = Exchange::open(proxy, Some(plugin));
    if !step.tokens.is_empty() {
        exchange.know("metadata", &verified::metadata(&step.tokens));
    }
    for (key, value) in &step.state {
        exchange.know(&format!("filter_state.{key}"), value.as_bytes());
    }
    exchange.request(&sent);
    let arrived = exchange.upstream().filter(|arrived| arrived.whole);
    Seen {
        record: exchange.record().map(|record| serde_json::from_str(&record).expect("a record is JSON")),
        reply: exchange.reply(),
        arrived: arrived.map(|arrived| arrived.text().to_owned()),
        sent: body.unwrap_or_default(),
    }
}

#[test]
fn every_case_of_the_table_is_decided_as_expected() {
    let mut failures = Vec::new();
    let mut count = 0_usize;
    for topic in topics() {
        for group in &topic.groups {
            for case in &group.cases {
                count += 1;
                if let Err(why) = judge(group, case) {
                    failures.push(format!("{}: {}: {}: {why}", topic.about, group.about, case.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases:\n{}", failures.len(), failures.join("\n"));
}
