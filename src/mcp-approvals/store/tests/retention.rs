//! The deletion of old approvals.

use super::*;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Returns how many rows a table has.
async fn count(store: &Store, table: &str) -> i64 {
    let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    sqlx::Row::get(&sqlx::query(count).fetch_one(&store.pool).await.unwrap(), 0)
}

#[tokio::test]
async fn old_approvals_are_deleted_with_their_events_and_that_is_recorded() {
    for database in Database::each().await {
        let store = database.open().await;
        let used = ask(&store, "a", NOW).await;
        store.decide(&used.id, Verdict::Approve, "bob", None, || NOW).await.unwrap();
        ask(&store, "a", NOW).await;
        let unused = ask(&store, "b", NOW + 1000).await;
        let young = ask(&store, "c", NOW + DAY).await;
        let open = Question { expires_seconds: 30 * 24 * 60 * 60, ..asked("d") };
        let open = store.ask(&open, "envoy", || NOW).await.unwrap();
        let later = NOW + 2 * DAY;
        store.sweep(later).await.unwrap();

        assert_eq!(store.delete_old(NOW + 899_999, later).await.unwrap(), None, "nothing is that old");
        let deleted = store.delete_old(later - DAY, later).await.unwrap().unwrap();
        assert_eq!((deleted.approvals, deleted.events), (2, 5), "{}", database.url);
        for (approval, kept) in [(&used, false), (&unused, false), (&young, true), (&open, true)] {
            assert_eq!(store.get(&approval.id, later).await.unwrap().is_some(), kept);
            assert_eq!(!events_of(&store, approval).await.is_empty(), kept);
        }
        assert_eq!((count(&store, "approvals").await, count(&store, "outbox").await), (2, 2));
        assert_eq!(count(&store, "fingerprints").await, 4, "a fingerprint and a call for each approval");
        let last = store.events(0, 0, 100).await.unwrap().pop().unwrap();
        assert_eq!((last.what.as_str(), last.who.as_str()), ("deleted", "service"));
        let (from, to) = (crate::clock::rfc3339(NOW), crate::clock::rfc3339(NOW + 1000));
        let reason = format!("approvals: 2, events: 5; asked for from {from} to {to}");
        assert_eq!(last.reason, Some(reason));
        assert_eq!(store.delete_old(later - DAY, later).await.unwrap(), None);
        // The same call can be asked about again.
        assert_eq!(ask(&store, "a", later).await.status, Status::Pending);
    }
}

#[tokio::test]
async fn one_transaction_deletes_a_bounded_number() {
    for database in Database::each().await {
        let store = database.open().await;
        for number in 0..130 {
            let one = asked_as(number);
            store.ask(&one, "envoy", || NOW).await.unwrap();
        }
        let later = NOW + DAY;
        while store.sweep(later).await.unwrap() > 0 {}
        let mut sizes = Vec::new();
        while let Some(deleted) = store.delete_old(later, later).await.unwrap() {
            sizes.push(deleted.approvals);
        }
        assert_eq!(sizes, [100, 30]);
    }
}

#[tokio::test]
async fn nothing_else_can_be_deleted() {
    for database in Database::each().await {
        let store = database.open().await;
        let old = ask(&store, "a", NOW).await;
        ask(&store, "b", NOW).await;
        let later = NOW + DAY;
        store.sweep(later).await.unwrap();
        for change in [
            "DELETE FROM events",
            "DELETE FROM events WHERE what = 'expired'",
            "DELETE FROM approvals",
            "DELETE FROM approvals WHERE status = 'expired'",
        ] {
            assert!(sqlx::query(change).execute(&store.pool).await.is_err(), "{change}: {}", database.url);
        }
        // Even where a deletion is permitted, an event does not go without its approval.
        let mut writing = store.write().await.unwrap();
        let permit = "UPDATE deletion SET before_ms = 9000000000000";
        sqlx::query(permit).execute(writing.connection()).await.unwrap();
        let event = "DELETE FROM events WHERE approval_id = $1";
        assert!(sqlx::query(event).bind(old.id.clone()).execute(writing.connection()).await.is_err());
        drop(writing);
        assert_eq!(events_of(&store, &old).await, ["asked", "expired"]);
    }
}

#[tokio::test]
async fn two_instances_delete_each_approval_once() {
    for database in Database::each().await {
        let stores = [database.open().await, database.open().await];
        for number in 0..60 {
            stores[0].ask(&asked_as(number), "envoy", || NOW).await.unwrap();
        }
        let later = NOW + DAY;
        while stores[0].sweep(later).await.unwrap() > 0 {}
        let [one, other] = [0, 1].map(|number: usize| {
            let store = stores[number].clone();
            tokio::spawn(async move { store.delete_old(later, later).await.unwrap() })
        });
        let deleted = [one.await.unwrap(), other.await.unwrap()];
        let sum: u64 = deleted.iter().flatten().map(|deleted| deleted.approvals).sum();
        assert_eq!((sum, count(&stores[0], "approvals").await), (60, 0), "{deleted:?}");
        assert_eq!(count(&stores[0], "fingerprints").await, 0);
    }
}
