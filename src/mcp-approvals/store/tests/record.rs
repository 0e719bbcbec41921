//! Integrity of the record.

use sqlx::Row as _;

use super::*;

#[tokio::test]
async fn events_and_questions_cannot_be_changed() {
    for database in Database::each().await {
        let store = database.open().await;
        let approval = ask(&store, "a", NOW).await;
        store.decide(&approval.id, Verdict::Deny, "bob", None, || NOW).await.unwrap();
        let before = store.events(0, 0, 100).await.unwrap();
        for change in [
            "UPDATE events SET who = 'eve'",
            "DELETE FROM events",
            "UPDATE approvals SET arguments = '{}'",
            "UPDATE approvals SET expires_ms = 0",
            "DELETE FROM approvals",
        ] {
            let refused = sqlx::query(change).execute(&store.pool).await;
            assert!(refused.is_err(), "{change}: {}", database.url);
        }
        assert_eq!(store.events(0, 0, 100).await.unwrap(), before);
        let numbers: Vec<i64> = before.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, [1, 2], "no gaps");
        let arguments: Vec<_> =
            before.iter().map(|event| event.call.as_ref().unwrap().arguments.as_deref()).collect();
        assert_eq!(arguments, [Some(r#"{"id": 7}"#), None]);
    }
}

#[tokio::test]
async fn an_aborted_transaction_changes_nothing() {
    for database in Database::each().await {
        let store = database.open().await;
        let approval = ask(&store, "a", NOW).await;
        let mut writing = store.write().await.unwrap();
        let change = "UPDATE approvals SET status = 'approved'";
        sqlx::query(change).execute(writing.connection()).await.unwrap();
        drop(writing);
        let stored = store.get(&approval.id, NOW).await.unwrap().unwrap();
        assert_eq!(stored.status, Status::Pending);
        let count = sqlx::query("SELECT COUNT(*) FROM events").fetch_one(&store.pool).await.unwrap();
        assert_eq!(count.get::<i64, _>(0), 1);
    }
}

#[tokio::test]
async fn a_newer_database_is_not_opened() {
    for database in Database::each().await {
        let store = database.open().await;
        let newer = "UPDATE approvals_meta SET value = '99' WHERE name = 'schema'";
        sqlx::query(newer).execute(&store.pool).await.unwrap();
        store.close().await;
        let refused = Store::open(&database.url, &[]).await.err().unwrap();
        assert!(refused.to_string().contains("schema 99"), "{refused}");
    }
}
