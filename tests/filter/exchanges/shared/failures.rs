//! Calls under shared limits without a valid answer of the rate limit service.

use super::{passes, post, proxy_with, recorded};
use crate::exchanges::{call, code, refused};
use crate::proxy::Call;
use crate::proxy::rates::{Limit, RateLimitResponse, Status};
use prost::Message as _;
use serde_json::json;

/// Returns every invalid answer to a question with one descriptor of 3 a minute, and the word for why it is none.
fn invalid() -> Vec<(&'static str, Result<Vec<u8>, u32>)> {
    let valid = RateLimitResponse {
        overall_code: 1,
        statuses: vec![Status {
            code: 1,
            current_limit: Some(Limit { requests_per_unit: 3, unit: 2 }),
            limit_remaining: 2,
            duration_until_reset: None,
        }],
        raw_body: Vec::new(),
    };
    let with = |change: &dyn Fn(&mut RateLimitResponse)| {
        let mut answer = valid.clone();
        change(&mut answer);
        Ok(answer.encode_to_vec())
    };
    let mut truncated = valid.encode_to_vec();
    truncated.pop();
    vec![
        ("unanswered", Err(14)),
        ("unanswered", Err(4)),
        ("failed", Err(2)),
        ("failed", Err(12)),
        ("unreadable", Ok(Vec::new())),
        ("unreadable", Ok(truncated)),
        ("unreadable", Ok(b"OK".to_vec())),
        ("unreadable", Ok(vec![0; 70_000])),
        ("unreadable", with(&|answer| answer.overall_code = 0)),
        ("unreadable", with(&|answer| answer.overall_code = 2)),
        ("unreadable", with(&|answer| answer.overall_code = 3)),
        ("unreadable", with(&|answer| answer.statuses[0].code = 0)),
        ("unreadable", with(&|answer| answer.statuses[0].code = 2)),
        ("unreadable", with(&|answer| answer.statuses[0].code = 7)),
        // The call's own hit is not among those that were counted.
        ("unreadable", with(&|answer| answer.statuses[0].limit_remaining = 3)),
        ("not_applied", with(&|answer| answer.statuses.clear())),
        ("not_applied", with(&|answer| answer.statuses.push(answer.statuses[0].clone()))),
        ("not_applied", with(&|answer| answer.statuses[0].current_limit = None)),
        ("not_applied", with(&|answer| answer.statuses[0].limit_remaining = 4)),
        (
            "not_applied",
            with(&|answer| {
                answer.statuses[0].current_limit = Some(Limit { requests_per_unit: 4, unit: 2 });
            }),
        ),
        (
            "not_applied",
            with(&|answer| {
                answer.statuses[0].current_limit = Some(Limit { requests_per_unit: 3, unit: 1 });
            }),
        ),
    ]
}

#[test]
fn an_answer_that_is_not_valid_denies() {
    for (number, (cause, answer)) in invalid().into_iter().enumerate() {
        let (proxy, worker) = proxy_with(json!({}));
        let mut exchange = post(&proxy, &worker, &call("calls"));
        exchange.rate(answer);
        let (reply, _) = refused(&exchange, true, cause);
        assert_eq!(code(&reply), "limiter_unavailable", "{number} {cause}");
        assert_eq!(recorded(&exchange), json!(["deny", "limiter_unavailable", cause, []]), "{number}");
        assert_eq!(proxy.metrics(&format!("mcp_policy.shared_limits.outcome.{cause}.")).len(), 1, "{number}");
        assert!(proxy.metrics("mcp_policy.strict_refusals").is_empty());
        let [line] = proxy.warnings().try_into().unwrap();
        assert!(
            line.contains("calls are refused because the rate limit service, cluster `ratelimit`"),
            "{line}"
        );
    }
}

#[test]
fn without_an_answer_a_proxy_counts_alone_if_the_policy_says_so() {
    let shared = json!({ "cluster": "ratelimit", "on_failure": "local" });
    for (number, (cause, answer)) in invalid().into_iter().enumerate() {
        let (proxy, worker) = proxy_with(json!({ "shared_limits": shared }));
        for used in 1..=4 {
            let mut exchange = post(&proxy, &worker, &call("calls"));
            exchange.rate(answer.clone());
            assert_eq!(passes(&exchange), used <= 3, "{number} {cause}");
            let counter = json!({ "counter": "calls", "used": used.min(3), "max": 3, "resets_in": 60, "shared": "local" });
            let (decision, code) = if used <= 3 { ("allow", None) } else { ("deny", Some("rate_limited")) };
            assert_eq!(recorded(&exchange), json!([decision, code, null, [counter]]), "{number} {cause}");
        }
        let local = proxy.metrics("mcp_policy.shared_limits.local");
        assert_eq!(local, [(".server.shop".to_owned(), 4)]);
        let [line] = proxy.warnings().try_into().unwrap();
        assert!(line.contains("shared limits are counted by this proxy alone"), "{line}");
    }
}

#[test]
fn a_question_that_cannot_be_sent_denies() {
    let (proxy, worker) = proxy_with(json!({ "shared_limits": { "cluster": "elsewhere" } }));
    let exchange = post(&proxy, &worker, &call("calls"));
    assert_eq!(code(&refused(&exchange, true, "no cluster").0), "limiter_unavailable");
    assert_eq!(recorded(&exchange), json!(["deny", "limiter_unavailable", "unsent", []]));
    for failing in [Call::Post, Call::Clock, Call::SetState] {
        let (proxy, worker) = proxy_with(json!({}));
        proxy.fail(failing);
        let exchange = post(&proxy, &worker, &call("calls"));
        assert!(exchange.called().is_none() && !passes(&exchange), "{failing:?}");
        assert_eq!(code(&exchange.reply().unwrap()), "limiter_unavailable", "{failing:?}");
    }
}
