//! What bounds the size of the database: quotas of callers, and the deletion of old questions.

use serde_json::{Value, json};

use super::service::{Folder, ROLES, Service, question, until};

/// Asks about a call of its own, for a principal that is made up.
fn made_up(service: &Service, number: u32, arguments: Value) -> (u16, Value) {
    let mut question = question('a');
    question["principal"] = json!(format!("agent-{number}"));
    question["arguments"] = arguments;
    service.ask(&question)
}

#[test]
fn a_caller_over_its_quota_is_told_so_with_status_429() {
    for (quotas, size, fits, words) in [
        ("open = 3", 1, 3, "as many as `quotas.open` allows"),
        ("new_per_minute = 2", 1, 2, "as many as `quotas.new_per_minute` allows"),
        ("megabytes_per_hour = 1", 400_000, 2, "which `quotas.megabytes_per_hour` allows"),
    ] {
        for folder in Folder::each(&format!("{ROLES}[quotas]\n{quotas}\n")) {
            let service = folder.serve();
            let ask = |number| made_up(&service, number, json!({ "text": "x".repeat(size) }));
            // The quota of new questions is one of each minute, and one minute may end during the test.
            let mut refused = None;
            for number in 0..2 * fits + 1 {
                let (status, answer) = ask(number);
                if status != 200 {
                    assert!(number >= fits, "{quotas}: question {number}: {answer}");
                    refused = Some((status, answer));
                    break;
                }
            }
            let (status, answer) = refused.expect(quotas);
            let error = answer["error"].as_str().unwrap();
            assert!(status == 429 && error.contains("`envoy`") && error.contains(words), "{answer}");
            assert_eq!(ask(0).0, 200, "a repetition is not a new question");
            let usage = folder.run(&["usage"]);
            assert!(usage.contains("caller     envoy: "), "{usage}");
        }
    }
}

/// Adds an approval that expired in 2020, with an event.
fn add_an_old_approval(folder: &Folder) {
    let url = format!("sqlite:{}", folder.directory.join("mcp-approvals.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        for statement in [
            "INSERT INTO fingerprints (fingerprint, times) VALUES ('old', 1)",
            "INSERT INTO approvals (id, fingerprint, server, policy, grant_name, principal, tool, arguments, rule,
                ask_reason, decision_id, request_id, expires_seconds, created_ms, expires_ms, status, call_hash)
             VALUES ('old', 'old', 'crm', 'p', 'ci', 'bot', 'delete_user', '{}', 'r', '', 'd', '', 900,
                1577836800000, 1577837700000, 'expired', 'old')",
            "INSERT INTO events (seq, at_ms, what, who, reason, approval_id, fingerprint, decision_id, request_id)
             SELECT last + 1, 1577836800000, 'asked', 'envoy', '', 'old', 'old', 'd', '' FROM event_head",
            "UPDATE event_head SET last = last + 1",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        pool.close().await;
    });
}

#[test]
fn old_approvals_are_deleted_if_the_configuration_says_so() {
    for (keep, deletes) in [("", false), ("keep_days = 30\n", true)] {
        let folder = Folder::new(&format!("{keep}{ROLES}"));
        let mut first = folder.serve();
        assert_eq!(first.ask(&question('a')).0, 200);
        assert!(first.stop());
        add_an_old_approval(&folder);
        let service = folder.serve();
        let kept = |usage: &str| usage.contains("approvals  2, the first from 2020-01-01T00:00:00Z");
        if deletes {
            until("deletion", || (!kept(&folder.run(&["usage"]))).then_some(()));
        }
        let usage = folder.run(&["usage"]);
        assert_eq!(kept(&usage), !deletes, "{usage}");
        let policy = if deletes { "until 30 days after they expire" } else { "forever" };
        assert!(usage.contains(policy), "{usage}");
        let exported = folder.run(&["export"]);
        let reason = "approvals: 1, events: 1; asked for from 2020-01-01T00:00:00Z";
        assert_eq!(exported.contains("\"event\":\"deleted\"") && exported.contains(reason), deletes);
        let (_, id) = service.asked(&question('a'));
        assert_eq!(service.decide(&id, "deny", Some("no")).0, 200, "the rest is kept");
    }
}
