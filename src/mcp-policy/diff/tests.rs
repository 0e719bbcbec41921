//! Never a widening missed: for random pairs of policies of which the second is said to allow no more, what it allows of a
//! random sequence of calls, the first allows too.

mod generate;
mod widenings;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use mcp_policy_engine::guard::{Answer, Verdict};
use mcp_policy_engine::policy::Policy;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::changes;
use super::side::Side;
use crate::judge::{Known, Proxy, Sent};
use generate::Call;

const NOW_NS: u64 = 1_800_000_000_000_000_000;

fn sent(call: &Call) -> (Sent, Known) {
    let headers = [(":method", "POST"), (":path", "/mcp"), ("content-type", "application/json")];
    let mut headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.extend(call.session.map(|session| ("mcp-session-id".to_owned(), session.to_owned())));
    headers.extend(call.key.map(|key| ("x-key".to_owned(), key.to_owned())));
    let mut known = Known::default();
    if let Some(token) = &call.token {
        known.tokens.insert(("envoy.filters.http.jwt_authn".to_owned(), "p".to_owned()), token.to_string());
    }
    known.uri_san = call.certificate.map(str::to_owned);
    (Sent { headers, body: Some(call.body.to_string().into_bytes()) }, known)
}

/// Returns why a proxy refuses a call; `None` if it forwards it.
fn refusal(proxy: &Proxy, call: &Call) -> Option<String> {
    let (sent, known) = sent(call);
    let nobody = |_: &_| Answer::Approval(Err("nobody answers".into()));
    let now_ns = NOW_NS.saturating_add(call.at_ms.saturating_mul(1_000_000));
    match proxy.judge(&sent, &known, "d", now_ns, nobody)?.verdict {
        Verdict::Forward { .. } => None,
        Verdict::Deny { denial, .. } => Some(format!("{denial:?}")),
    }
}

fn proxy(document: &Value) -> Option<Proxy> {
    Policy::from_bytes(document.to_string().as_bytes()).ok().map(|policy| Proxy::new(Arc::new(policy)))
}

/// How often what was met: pairs of valid policies, pairs of which the second allows no more, calls that it allows, pairs in
/// which it allows less.
type Met = [u32; 4];

/// Compares two policies by what is told of them and by calls.
fn compare(old: &Value, new: &Value, mut calls: Vec<Call>, met: &mut Met) -> Result<(), TestCaseError> {
    let (Some(before), Some(after)) = (proxy(old), proxy(new)) else { return Ok(()) };
    let mut count = |number: usize| met[number] = met[number].saturating_add(1);
    count(0);
    let side = |document: &Value| Side::read(document.to_string().as_bytes()).expect("a valid policy");
    let changes = changes::of(&side(old), &side(new), &BTreeSet::new());
    if changes.iter().any(|change| change.effect.may_widen()) {
        return Ok(());
    }
    count(1);
    if !changes.is_empty() {
        count(3);
    }
    calls.sort_by_key(|call| call.at_ms);
    for call in calls {
        if refusal(&after, &call).is_none() {
            count(2);
            let refused = refusal(&before, &call);
            prop_assert!(
                refused.is_none(),
                "{call:?}\nold {old}\nnew {new}\nrefused {refused:?}\n{changes:#?}"
            );
        }
    }
    Ok(())
}

/// Compares random pairs of policies. At least so much must be met, or the property says little.
#[track_caller]
fn holds(cases: u32, pairs: &impl Strategy<Value = ((Value, Value), Vec<Call>)>, least: Met) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let met = RefCell::new(Met::default());
    let result = runner.run(pairs, |((old, new), calls)| compare(&old, &new, calls, &mut met.borrow_mut()));
    assert!(result.is_ok(), "{}", result.unwrap_err());
    let met = met.into_inner();
    assert!(met.iter().zip(least).all(|(met, least)| *met >= least), "{met:?}");
}

#[test]
fn what_becomes_possible_is_told() {
    let calls = proptest::collection::vec(generate::call(), 1..40);
    holds(120, &(generate::documents(), calls), [40, 10, 40, 5]);
}

#[test]
fn what_limits_let_through_is_told() {
    holds(200, &(generate::limited(), generate::burst()), [60, 10, 50, 5]);
}

#[test]
fn another_spelling_of_a_uri_that_becomes_readable_is_told() {
    holds(1500, &generate::resources(), [300, 100, 100, 20]);
}

#[test]
fn a_policy_compared_with_itself_has_no_change() {
    let mut runner = TestRunner::new(Config { cases: 50, failure_persistence: None, ..Config::default() });
    let result = runner.run(&generate::documents(), |(document, _)| {
        let read = || Side::read(document.to_string().as_bytes());
        let (Ok(old), Ok(new)) = (read(), read()) else { return Ok(()) };
        let changes = changes::of(&old, &new, &BTreeSet::new());
        prop_assert!(changes.is_empty(), "{document}\n{changes:#?}");
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}
