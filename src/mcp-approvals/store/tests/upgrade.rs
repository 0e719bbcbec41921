//! Databases of earlier versions.

use super::super::schema;
use super::*;

const OLD: &str =
    "INSERT INTO approvals (id, fingerprint, server, policy, grant_name, principal, tool, arguments,
        rule, ask_reason, decision_id, request_id, expires_seconds, created_ms, expires_ms, status)
    VALUES ($1, $1, 'crm', '0123456789abcdef', 'ci', '', 'delete_user', '{}', 'tools.x', '', 'd', '', 900, 1,
        9000000000000, $2)";

#[tokio::test]
async fn a_database_of_version_1_is_upgraded_in_place() {
    for database in Database::each().await {
        let store = database.unprepared().await;
        schema::create_version_1(&store).await.unwrap();
        let statuses = [
            ("pending", Status::Expired, 1),
            ("approved", Status::Expired, 1),
            ("denied", Status::Denied, 0),
            ("consumed", Status::Consumed, 0),
            ("expired", Status::Expired, 0),
        ];
        for (status, ..) in statuses {
            let row = "INSERT INTO fingerprints (fingerprint, times) VALUES ($1, 1)";
            sqlx::query(row).bind(status).execute(&store.pool).await.unwrap();
            sqlx::query(OLD).bind(status).bind(status).execute(&store.pool).await.unwrap();
        }
        let secret = store.secret().await.unwrap();
        store.close().await;
        // Two instances start at the same moment.
        let (store, other) = tokio::join!(database.open(), database.open());
        assert_eq!(store.secret().await.unwrap(), secret);
        for (id, expected, events) in statuses {
            let approval = other.get(id, NOW).await.unwrap().unwrap();
            assert_eq!((approval.status, approval.superseded_by), (expected, None), "{id}");
            let Question { params, call, path, .. } = approval.question;
            assert_eq!((params.as_str(), call.as_str(), path), ("{}", id, None));
            assert_eq!(store.events_of(id).await.unwrap().len(), events, "{id}");
        }
        let refused = store.decide("pending", Verdict::Approve, "bob", None, || NOW).await.unwrap_err();
        assert_eq!(refused.to_string(), "it has expired");
        let changed = sqlx::query("UPDATE approvals SET path = '/prod'").execute(&store.pool).await;
        assert!(changed.is_err(), "what was asked stands");
        let asked = ask(&store, "a", NOW).await;
        store.decide(&asked.id, Verdict::Approve, "bob", None, || NOW).await.unwrap();
        assert_eq!(ask(&other, "a", NOW).await.status, Status::Consumed);
        store.close().await;
        database.open().await;
    }
}
