//! Tests of the store. They run on SQLite, and also on PostgreSQL if `MCP_APPROVALS_TEST_POSTGRES` is a URL.

mod accounts;
mod concurrency;
mod lifecycle;
mod lists;
mod quotas;
mod record;
mod retention;
mod superseded;
mod upgrade;

use std::path::PathBuf;

use super::*;
use crate::model::{Approval, Question, Status, Verdict};
use crate::secret;

/// The current time of the tests.
const NOW: i64 = 1_800_000_000_000;

/// An empty database, which is deleted when the test ends.
struct Database {
    url: String,
    directory: Option<PathBuf>,
}

impl Database {
    /// Creates one on each available engine.
    async fn each() -> Vec<Self> {
        let id = secret::id().unwrap();
        let directory = std::env::temp_dir().join(format!("mcp-approvals-{id}"));
        std::fs::create_dir(&directory).unwrap();
        let url = format!("sqlite:{}", directory.join("record.db").display());
        let mut databases = vec![Self { url, directory: Some(directory) }];
        if let Ok(url) = std::env::var("MCP_APPROVALS_TEST_POSTGRES") {
            sqlx::any::install_default_drivers();
            let pool = AnyPool::connect(&url).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA t_{id}"))).execute(&pool).await.unwrap();
            pool.close().await;
            let sign = if url.contains('?') { '&' } else { '?' };
            databases.push(Self { url: format!("{url}{sign}options[search_path]=t_{id}"), directory: None });
        }
        databases
    }

    async fn open(&self) -> Store {
        Store::open(&self.url, &["hook".to_owned()]).await.unwrap()
    }

    /// Opens it without creating tables.
    async fn unprepared(&self) -> Store {
        Store::connect(&self.url, &[]).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

fn asked(fingerprint: &str) -> Question {
    Question {
        fingerprint: fingerprint.repeat(64),
        server: "crm".to_owned(),
        rules: "ab".repeat(32),
        policy: "0123456789abcdef".to_owned(),
        grant: "ci".to_owned(),
        principal: Some("alice".to_owned()),
        source: None,
        tool: "delete_user".to_owned(),
        arguments: r#"{"id": 7}"#.to_owned(),
        params: "{}".to_owned(),
        host: None,
        path: Some("/mcp".to_owned()),
        call: secret::hash(fingerprint),
        rule: "tools.delete_user".to_owned(),
        reason: None,
        decision_id: "d1".to_owned(),
        request_id: None,
        expires_seconds: 900,
    }
}

/// Returns a question about a call of its own.
fn asked_as(number: u64) -> Question {
    let (fingerprint, call) = (format!("{number:064x}"), secret::hash(&number.to_string()));
    Question { fingerprint, call, ..asked("a") }
}

async fn ask(store: &Store, fingerprint: &str, now_ms: i64) -> Approval {
    store.ask(&asked(fingerprint), "envoy", || now_ms).await.unwrap()
}

/// Returns the kinds of an approval's events.
async fn events_of(store: &Store, approval: &Approval) -> Vec<String> {
    store.events_of(&approval.id).await.unwrap().into_iter().map(|event| event.what).collect()
}
