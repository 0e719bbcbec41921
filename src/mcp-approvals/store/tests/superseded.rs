//! Questions about one call under several rules.

use super::*;

/// Returns a question about the call `call` under the rules `rules`.
fn under(call: &str, rules: &str) -> Question {
    let rules = secret::hash(rules);
    Question { fingerprint: secret::hash(&format!("{call} {rules}")), rules, ..asked(call) }
}

async fn ask_under(store: &Store, call: &str, rules: &str, now_ms: i64) -> Approval {
    store.ask(&under(call, rules), "envoy", || now_ms).await.unwrap()
}

#[tokio::test]
async fn a_question_under_other_rules_supersedes_what_is_still_open() {
    for database in Database::each().await {
        let store = database.open().await;
        for (number, decided) in [None, Some(Verdict::Approve)].into_iter().enumerate() {
            let call = number.to_string();
            let first = ask_under(&store, &call, "old", NOW).await;
            if let Some(verdict) = decided {
                store.decide(&first.id, verdict, "bob", None, || NOW).await.unwrap();
            }
            let second = ask_under(&store, &call, "new", NOW).await;
            assert_eq!((second.status, second.times), (Status::Pending, 1));
            let closed = store.get(&first.id, NOW).await.unwrap().unwrap();
            assert_eq!(
                (closed.status, closed.superseded_by.as_ref()),
                (Status::Superseded, Some(&second.id))
            );
            assert_eq!(store.status(&first.id, NOW).await.unwrap(), Some(Status::Superseded));
            for verdict in [Verdict::Approve, Verdict::Deny] {
                let refused = store.decide(&first.id, verdict, "eve", None, || NOW).await.unwrap_err();
                let expected = format!(
                    "the rules that decide on this call have changed, and approval {} replaces it",
                    second.id
                );
                assert_eq!(refused.to_string(), expected);
            }
            let events = store.events_of(&first.id).await.unwrap();
            let last = events.last().unwrap();
            assert_eq!((last.what.as_str(), last.who.as_str()), ("superseded", "envoy"));
            assert_eq!(last.reason.as_ref(), Some(&second.id));
            // Time and repetition change nothing.
            assert_eq!(ask_under(&store, &call, "new", NOW).await.id, second.id);
            let later = store.get(&first.id, NOW + 900_000).await.unwrap().unwrap();
            assert_eq!(later.status, Status::Superseded);
        }
        // Webhooks are told about the newer questions only.
        let messages = [store.take_message(NOW).await.unwrap(), store.take_message(NOW).await.unwrap()];
        assert!(messages.into_iter().flatten().all(|message| message.approval.status == Status::Pending));
        assert_eq!(store.take_message(NOW).await.unwrap(), None);
        for (status, expected) in [
            (Status::Superseded, 2),
            (Status::Pending, 2),
            (Status::Expired, 0),
            (Status::Approved, 0),
            (Status::Denied, 0),
            (Status::Consumed, 0),
        ] {
            let search = Search { status: Some(status), ..Search::default() };
            let (found, _) = store.history(&search, 50, |_| true, NOW).await.unwrap();
            assert_eq!(found.len(), expected, "{status:?}");
            assert!(found.iter().all(|approval| approval.status == status));
        }
        assert_eq!(store.pending_count(NOW).await.unwrap().0, 2);
        assert_eq!(store.sweep(NOW + 900_000).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn the_earlier_rules_make_a_new_question() {
    for database in Database::each().await {
        let store = database.open().await;
        let first = ask_under(&store, "a", "old", NOW).await;
        let second = ask_under(&store, "a", "new", NOW).await;
        store.decide(&second.id, Verdict::Approve, "bob", None, || NOW).await.unwrap();
        let third = ask_under(&store, "a", "old", NOW).await;
        assert!(third.status == Status::Pending && third.id != first.id);
        let second = store.get(&second.id, NOW).await.unwrap().unwrap();
        assert_eq!((second.status, second.superseded_by), (Status::Superseded, Some(third.id)));
        assert_eq!(ask_under(&store, "a", "new", NOW).await.status, Status::Pending, "it was not used");
    }
}

#[tokio::test]
async fn nothing_else_is_superseded() {
    for database in Database::each().await {
        let store = database.open().await;
        let other = ask_under(&store, "b", "old", NOW).await;
        let used = ask_under(&store, "a", "old", NOW).await;
        store.decide(&used.id, Verdict::Approve, "bob", None, || NOW).await.unwrap();
        assert_eq!(ask_under(&store, "a", "old", NOW).await.status, Status::Consumed);
        let refused = ask_under(&store, "a", "old", NOW).await;
        store.decide(&refused.id, Verdict::Deny, "bob", None, || NOW).await.unwrap();
        ask_under(&store, "a", "new", NOW).await;
        for (approval, status) in
            [(other, Status::Pending), (used, Status::Consumed), (refused, Status::Denied)]
        {
            assert_eq!(store.status(&approval.id, NOW).await.unwrap(), Some(status));
        }
    }
}

#[tokio::test]
async fn a_superseded_question_makes_room_for_another() {
    for database in Database::each().await {
        let store = database.open().await.with_max_pending(1);
        ask_under(&store, "a", "old", NOW).await;
        assert_eq!(ask_under(&store, "a", "new", NOW).await.status, Status::Pending);
        let refused = store.ask(&under("b", "new"), "envoy", || NOW).await;
        assert!(matches!(refused, Err(StoreError::TooManyPending(1))), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_decision_and_a_newer_question_at_the_same_moment_do_not_lose_each_other() {
    for database in Database::each().await {
        let stores = [database.open().await, database.open().await];
        for number in 0..20 {
            let call = format!("call {number}");
            let first = ask_under(&stores[0], &call, "old", NOW).await;
            let (store, id) = (stores[1].clone(), first.id.clone());
            let decide = tokio::spawn(async move {
                store.decide(&id, Verdict::Approve, "bob", None, || NOW).await.is_ok()
            });
            let second = ask_under(&stores[0], &call, "new", NOW).await;
            let decided = decide.await.unwrap();
            let first = stores[0].get(&first.id, NOW).await.unwrap().unwrap();
            assert_eq!((first.status, first.superseded_by), (Status::Superseded, Some(second.id)));
            assert_eq!(first.decision.is_some(), decided);
        }
    }
}
