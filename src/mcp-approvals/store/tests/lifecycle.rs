//! The life of an approval, from the question to consumption or expiry.

use super::*;

/// One step in the life of a call.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Asks, and expects this status and this number of questions
    Ask(Status, i64),
    /// Decides the approval that was returned last
    Decide(Verdict),
    /// Tries to decide it, and expects this error
    Not(Verdict, &'static str),
    /// Lets this many seconds pass
    Pass(i64),
    /// Marks expired approvals, and expects this number
    Sweep(usize),
}

/// Each case: what happens, its steps, and the events of the last approval.
const LIFECYCLES: &[(&str, &[Step], &[&str])] = &[
    (
        "asked again while it is pending",
        &[Step::Ask(Status::Pending, 1), Step::Ask(Status::Pending, 2), Step::Ask(Status::Pending, 3)],
        &["asked"],
    ),
    (
        "approved: goes on once, then needs a new approval",
        &[
            Step::Ask(Status::Pending, 1),
            Step::Decide(Verdict::Approve),
            Step::Ask(Status::Consumed, 2),
            Step::Ask(Status::Pending, 1),
        ],
        &["asked"],
    ),
    (
        "denied until it expires",
        &[
            Step::Ask(Status::Pending, 1),
            Step::Decide(Verdict::Deny),
            Step::Ask(Status::Denied, 2),
            Step::Pass(899),
            Step::Ask(Status::Denied, 3),
            Step::Pass(1),
            Step::Ask(Status::Pending, 1),
        ],
        &["asked"],
    ),
    (
        "decided once",
        &[
            Step::Ask(Status::Pending, 1),
            Step::Decide(Verdict::Deny),
            Step::Not(Verdict::Approve, "bob has already denied it"),
            Step::Not(Verdict::Deny, "bob has already denied it"),
        ],
        &["asked", "denied"],
    ),
    (
        "approved and expired without being consumed",
        &[
            Step::Ask(Status::Pending, 1),
            Step::Decide(Verdict::Approve),
            Step::Pass(900),
            Step::Sweep(1),
            Step::Sweep(0),
            Step::Ask(Status::Pending, 1),
        ],
        &["asked"],
    ),
    (
        "expired without a decision, before and after a sweep",
        &[
            Step::Ask(Status::Pending, 1),
            Step::Pass(900),
            Step::Not(Verdict::Approve, "it has expired"),
            Step::Sweep(1),
            Step::Not(Verdict::Deny, "it has expired"),
        ],
        &["asked", "expired"],
    ),
    (
        "consumed: neither a decision nor time changes it",
        &[
            Step::Ask(Status::Pending, 1),
            Step::Decide(Verdict::Approve),
            Step::Ask(Status::Consumed, 2),
            Step::Not(Verdict::Deny, "bob has already approved it"),
            Step::Pass(900),
            Step::Sweep(0),
        ],
        &["asked", "approved", "consumed"],
    ),
];

#[tokio::test]
async fn an_approval_has_one_of_these_lifecycles() {
    for database in Database::each().await {
        let store = database.open().await;
        let mut now_ms = NOW;
        for (number, (name, steps, events)) in LIFECYCLES.iter().enumerate() {
            let fingerprint = format!("{number:x}");
            let mut last: Option<Approval> = None;
            for step in *steps {
                match *step {
                    Step::Ask(status, times) => {
                        let approval = ask(&store, &fingerprint, now_ms).await;
                        assert_eq!((approval.status, approval.times), (status, times), "{name}: {step:?}");
                        let stored = store.get(&approval.id, now_ms).await.unwrap().unwrap();
                        assert_eq!(approval, stored, "{name}: {step:?}");
                        last = Some(approval);
                    }
                    Step::Decide(verdict) => {
                        let id = &last.as_ref().unwrap().id;
                        let decided = store.decide(id, verdict, "bob", Some("so"), || now_ms).await.unwrap();
                        assert_eq!(decided, store.get(id, now_ms).await.unwrap().unwrap(), "{name}");
                    }
                    Step::Not(verdict, why) => {
                        let id = &last.as_ref().unwrap().id;
                        let error = store.decide(id, verdict, "eve", None, || now_ms).await.unwrap_err();
                        assert_eq!(error.to_string(), why, "{name}");
                    }
                    Step::Pass(seconds) => now_ms += seconds * 1000,
                    Step::Sweep(expired) => assert_eq!(store.sweep(now_ms).await.unwrap(), expired, "{name}"),
                }
            }
            assert_eq!(events_of(&store, &last.unwrap()).await, *events, "{name}");
            now_ms += 901_000;
            store.sweep(now_ms).await.unwrap();
        }
        let unknown = store.decide("nobody", Verdict::Deny, "bob", None, || now_ms).await.unwrap_err();
        assert_eq!(unknown.to_string(), "there is no such approval");
    }
}

#[tokio::test]
async fn a_principal_has_a_limited_number_of_pending_questions() {
    for database in Database::each().await {
        let store = database.open().await.with_max_pending(2);
        for fingerprint in ["a", "b", "a"] {
            assert_eq!(ask(&store, fingerprint, NOW).await.status, Status::Pending);
        }
        let third = store.ask(&asked("c"), "envoy", || NOW).await;
        assert!(matches!(third, Err(StoreError::TooManyPending(2))), "{third:?}");
        let other = Question { principal: None, ..asked("c") };
        let other = store.ask(&other, "envoy", || NOW).await.unwrap();
        assert_eq!(other.status, Status::Pending, "other principals are not affected");
        let first = ask(&store, "a", NOW).await;
        store.decide(&first.id, Verdict::Deny, "bob", None, || NOW).await.unwrap();
        let more = Question { fingerprint: "d".repeat(64), ..asked("d") };
        assert_eq!(store.ask(&more, "envoy", || NOW).await.unwrap().status, Status::Pending);
        store.close().await;
    }
}
