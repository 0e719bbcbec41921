//! Quotas of callers, what the database holds, and the last decisions for a caller.

use super::*;

const QUOTAS: Quotas = Quotas { open: 100, new_per_minute: 100, megabytes_per_hour: 1 };

/// Returns a question about its own call, of another principal each time.
fn made_up(number: u64) -> Question {
    Question { principal: Some(format!("agent-{number}")), ..asked_as(number) }
}

/// Asks, and returns why it was refused.
#[track_caller]
fn refusal(asked: Result<Approval, StoreError>) -> String {
    match asked {
        Err(why @ StoreError::OverQuota(_)) => why.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_caller_with_made_up_principals_reaches_its_quotas() {
    for database in Database::each().await {
        for (quotas, fits, expected) in [
            (
                Quotas { open: 3, ..QUOTAS },
                3,
                "3 questions of the caller `envoy` are already pending, as many as `quotas.open` allows",
            ),
            (
                Quotas { new_per_minute: 4, ..QUOTAS },
                4,
                "the caller `envoy` has asked 4 new questions in this minute, as many as `quotas.new_per_minute` allows",
            ),
        ] {
            let now_ms = NOW + i64::from(quotas.open) * 3_600_000 * 10;
            let store = database.open().await.with_quotas(quotas);
            for number in 0..fits {
                store.ask(&made_up(number), "envoy", || now_ms).await.unwrap();
            }
            for number in fits..fits + 5 {
                assert_eq!(refusal(store.ask(&made_up(number), "envoy", || now_ms).await), expected);
            }
            let again = store.ask(&made_up(0), "envoy", || now_ms).await.unwrap();
            assert_eq!(again.times, 2, "a repetition is not charged");
            assert!(store.ask(&made_up(100), "other", || now_ms).await.is_ok(), "each caller has its own");
            let later = now_ms + 900_000;
            assert!(store.ask(&made_up(fits), "envoy", || later).await.is_ok(), "they end");
        }
    }
}

#[tokio::test]
async fn the_size_of_new_questions_is_bounded() {
    for database in Database::each().await {
        let store = database.open().await.with_quotas(QUOTAS);
        let large = |number| Question {
            arguments: format!("{{\"a\":\"{}\"}}", "x".repeat(400_000)),
            ..made_up(number)
        };
        for (number, now_ms) in [(0, NOW), (1, NOW + 60_000)] {
            store.ask(&large(number), "envoy", || now_ms).await.unwrap();
        }
        let expected = "the new questions of the caller `envoy` in the last hour would exceed 1 MiB, which \
            `quotas.megabytes_per_hour` allows";
        for now_ms in [NOW + 120_000, NOW + 59 * 60_000] {
            assert_eq!(refusal(store.ask(&large(2), "envoy", || now_ms).await), expected);
            assert!(store.ask(&made_up(3), "envoy", || now_ms).await.is_ok(), "small ones still fit");
        }
        assert!(store.ask(&large(2), "envoy", || NOW + 61 * 60_000).await.is_ok());
    }
}

#[tokio::test]
async fn the_usage_says_what_is_kept_and_used() {
    for database in Database::each().await {
        let store = database.open().await;
        assert_eq!(store.usage(NOW).await.unwrap().oldest_ms, None);
        for number in 0..3 {
            store.ask(&made_up(number), "envoy", || NOW).await.unwrap();
        }
        let usage = store.usage(NOW + 1).await.unwrap();
        assert_eq!((usage.approvals, usage.oldest_ms, usage.events), (3, Some(NOW), 3));
        assert_eq!((usage.deletions, usage.deleted_ms), (0, None));
        let [caller] = &usage.callers[..] else { panic!("{usage:?}") };
        assert_eq!((caller.name.as_str(), caller.open, caller.new), ("envoy", 3, 3));
        assert!(caller.bytes > 300, "{usage:?}");
        let later = NOW + 7_200_000;
        store.sweep(later).await.unwrap();
        store.delete_old(later, later).await.unwrap();
        let usage = store.usage(later).await.unwrap();
        assert_eq!((usage.approvals, usage.deletions, usage.deleted_ms), (0, 1, Some(later)));
        assert!(usage.callers.is_empty(), "{usage:?}");
    }
}

#[tokio::test]
async fn the_last_decisions_are_those_of_the_same_principal_grant_and_server() {
    for database in Database::each().await {
        let store = database.open().await;
        let open = ask(&store, "f", NOW).await;
        let others = [
            Question { server: "hr".to_owned(), ..asked("1") },
            Question { grant: "prod".to_owned(), ..asked("2") },
            Question { principal: None, ..asked("3") },
        ];
        for other in others {
            let approval = store.ask(&other, "envoy", || NOW).await.unwrap();
            store.decide(&approval.id, Verdict::Deny, "bob", None, || NOW).await.unwrap();
        }
        let mut expected = Vec::new();
        for number in 0..7_u64 {
            let now_ms = NOW + i64::try_from(number).unwrap();
            let approval = store.ask(&asked_as(number), "envoy", || now_ms).await.unwrap();
            store.decide(&approval.id, Verdict::Approve, "bob", Some("ok"), || now_ms).await.unwrap();
            expected.insert(0, approval.id);
        }
        let last = store.last_decisions(&open, 5, |_| true, NOW).await.unwrap();
        let ids: Vec<_> = last.iter().map(|approval| &approval.id).collect();
        assert_eq!(ids, expected.iter().take(5).collect::<Vec<_>>());
        let seen = store.last_decisions(&open, 5, |approval| approval.id == expected[6], NOW).await.unwrap();
        assert_eq!(seen.len(), 1, "a viewer does not see what their role does not cover");
        let own = store.last_decisions(&last[0], 5, |_| true, NOW).await.unwrap();
        assert!(own.iter().all(|approval| approval.id != last[0].id), "not the approval itself");
    }
}
