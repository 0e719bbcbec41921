//! Several tasks and instances on one database.

use std::collections::HashSet;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_concurrent_questions_one_is_approved() {
    for database in Database::each().await {
        // Two pools, like two processes that share only the database.
        let stores = [database.open().await, database.open().await];
        let first = ask(&stores[0], "a", NOW).await;
        stores[1].decide(&first.id, Verdict::Approve, "bob", None, || NOW).await.unwrap();
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                let store = stores[number % 2].clone();
                tokio::spawn(async move { ask(&store, "a", NOW).await })
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        let approved: Vec<_> = answers.iter().filter(|answer| answer.status == Status::Consumed).collect();
        assert_eq!(
            approved.iter().map(|answer| &answer.id).collect::<Vec<_>>(),
            [&first.id],
            "{}",
            database.url
        );
        let others: HashSet<_> = answers
            .iter()
            .filter(|answer| answer.status == Status::Pending)
            .map(|answer| &answer.id)
            .collect();
        assert_eq!((answers.len(), others.len()), (50, 1), "the others share one approval: {}", database.url);
        assert!(!others.contains(&first.id));
        let pending = stores[0].pending_count(NOW).await.unwrap();
        assert_eq!(pending, (1, Some(NOW)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_concurrent_decisions_one_counts() {
    for database in Database::each().await {
        let stores = [database.open().await, database.open().await];
        let approval = ask(&stores[0], "a", NOW).await;
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let (store, id) = (stores[number % 2].clone(), approval.id.clone());
                let verdict = if number % 3 == 0 { Verdict::Approve } else { Verdict::Deny };
                tokio::spawn(async move { store.decide(&id, verdict, "bob", None, || NOW).await.is_ok() })
            })
            .collect();
        let mut decided = 0;
        for task in tasks {
            decided += usize::from(task.await.unwrap());
        }
        assert_eq!(decided, 1, "{}", database.url);
        assert_eq!(events_of(&stores[0], &approval).await.len(), 2);
    }
}

#[tokio::test]
async fn a_message_is_taken_by_one_instance_until_its_lease_ends() {
    for database in Database::each().await {
        let stores = [database.open().await, database.open().await];
        let approval = ask(&stores[0], "a", NOW).await;
        ask(&stores[0], "a", NOW).await;
        let first = stores[0].take_message(NOW).await.unwrap().unwrap();
        assert_eq!((&first.approval.id, first.attempts), (&approval.id, 0));
        assert_eq!(stores[1].take_message(NOW).await.unwrap(), None, "the only message is taken");
        let again = stores[1].take_message(NOW + 20_000).await.unwrap().unwrap();
        assert_eq!((&again.id, again.attempts), (&first.id, 1));
        stores[1].retry_message(&again.id, NOW + 90_000).await.unwrap();
        assert_eq!(stores[0].take_message(NOW + 89_999).await.unwrap(), None);
        assert!(stores[0].take_message(NOW + 90_000).await.unwrap().is_some());
        stores[0].drop_message(&first.id).await.unwrap();
        assert_eq!(stores[1].take_message(NOW + 10_000_000).await.unwrap(), None);
    }
}
