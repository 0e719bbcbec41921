//! One suite, both engines: SQLite always, PostgreSQL where `MCP_APPROVALS_TEST_POSTGRES` holds a URL.

use std::collections::HashSet;
use std::path::PathBuf;

use sqlx::Row as _;

use super::*;
use crate::model::{Approval, Question, Status, Verdict};
use crate::secret;

/// A present to begin with.
const NOW: i64 = 1_800_000_000_000;

/// An empty database, which goes when the test is over.
struct Place {
    url: String,
    directory: Option<PathBuf>,
}

impl Place {
    /// Makes one on each engine that is there.
    async fn each() -> Vec<Self> {
        let id = secret::id().unwrap();
        let directory = std::env::temp_dir().join(format!("mcp-approvals-{id}"));
        std::fs::create_dir(&directory).unwrap();
        let url = format!("sqlite:{}", directory.join("record.db").display());
        let mut places = vec![Self { url, directory: Some(directory) }];
        if let Ok(url) = std::env::var("MCP_APPROVALS_TEST_POSTGRES") {
            sqlx::any::install_default_drivers();
            let pool = AnyPool::connect(&url).await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA t_{id}"))).execute(&pool).await.unwrap();
            pool.close().await;
            let sign = if url.contains('?') { '&' } else { '?' };
            places.push(Self { url: format!("{url}{sign}options[search_path]=t_{id}"), directory: None });
        }
        places
    }

    async fn open(&self) -> Store {
        Store::open(&self.url, &["hook".to_owned()]).await.unwrap()
    }
}

impl Drop for Place {
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
        policy: "0123456789abcdef".to_owned(),
        grant: "ci".to_owned(),
        principal: Some("alice".to_owned()),
        tool: "delete_user".to_owned(),
        arguments: r#"{"id": 7}"#.to_owned(),
        rule: "tools.delete_user".to_owned(),
        reason: None,
        decision_id: "d1".to_owned(),
        request_id: None,
        expires_seconds: 900,
    }
}

async fn ask(store: &Store, fingerprint: &str, now_ms: i64) -> Approval {
    store.ask(&asked(fingerprint), "envoy", || now_ms).await.unwrap()
}

/// EventKind the events of an approval say happened.
async fn happened(store: &Store, approval: &Approval) -> Vec<String> {
    store.events_of(&approval.id).await.unwrap().into_iter().map(|event| event.what).collect()
}

/// EventKind somebody does, in turn, with one call.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Asks; it is in this status, and the approval asked for so many times
    Ask(Status, i64),
    /// Decides the last approval that was asked for
    Decide(Verdict),
    /// Tries to, and is told this
    Not(Verdict, &'static str),
    /// Lets so many seconds pass
    Pass(i64),
    /// Ends what is over; so many were
    Sweep(usize),
}

#[tokio::test]
async fn a_caller_that_asks_about_ever_more_calls_is_refused_until_somebody_decides() {
    for place in Place::each().await {
        let store = place.open().await.with_most_waiting(2);
        for fingerprint in ["a", "b", "a"] {
            assert_eq!(ask(&store, fingerprint, NOW).await.status, Status::Pending);
        }
        let third = store.ask(&asked("c"), "envoy", || NOW).await;
        assert!(matches!(third, Err(StoreError::TooMany(2))), "{third:?}");
        let other = Question { principal: None, ..asked("c") };
        let other = store.ask(&other, "envoy", || NOW).await.unwrap();
        assert_eq!(other.status, Status::Pending, "others are not in its way");
        let first = ask(&store, "a", NOW).await;
        store.decide(&first.id, Verdict::Deny, "bob", None, || NOW).await.unwrap();
        let more = Question { fingerprint: "d".repeat(64), ..asked("d") };
        assert_eq!(store.ask(&more, "envoy", || NOW).await.unwrap().status, Status::Pending);
        store.close().await;
    }
}

#[tokio::test]
async fn a_call_goes_its_way() {
    use Status::{Consumed, Denied, Pending};
    use Step::{Ask, Decide, Not, Pass, Sweep};
    use Verdict::{Approve, Deny};
    let table: &[(&str, &[Step], &[&str])] = &[
        (
            "asked again while nobody decides",
            &[Ask(Pending, 1), Ask(Pending, 2), Ask(Pending, 3)],
            &["asked"],
        ),
        (
            "approved: goes on once, and the next one is a question anew",
            &[Ask(Pending, 1), Decide(Approve), Ask(Consumed, 2), Ask(Pending, 1)],
            &["asked"],
        ),
        (
            "denied: stands until it expires",
            &[
                Ask(Pending, 1),
                Decide(Deny),
                Ask(Denied, 2),
                Pass(899),
                Ask(Denied, 3),
                Pass(1),
                Ask(Pending, 1),
            ],
            &["asked"],
        ),
        (
            "decided once",
            &[
                Ask(Pending, 1),
                Decide(Deny),
                Not(Approve, "bob has denied it already"),
                Not(Deny, "bob has denied it already"),
            ],
            &["asked", "denied"],
        ),
        (
            "approved, and not consumed in its time",
            &[Ask(Pending, 1), Decide(Approve), Pass(900), Sweep(1), Sweep(0), Ask(Pending, 1)],
            &["asked"],
        ),
        (
            "not decided in its time, whether a sweep came by",
            &[
                Ask(Pending, 1),
                Pass(900),
                Not(Approve, "its time is over"),
                Sweep(1),
                Not(Deny, "its time is over"),
            ],
            &["asked", "expired"],
        ),
        (
            "consumed, which nobody undoes, not even time",
            &[
                Ask(Pending, 1),
                Decide(Approve),
                Ask(Consumed, 2),
                Not(Deny, "bob has approved it already"),
                Pass(900),
                Sweep(0),
            ],
            &["asked", "approved", "consumed"],
        ),
    ];
    for place in Place::each().await {
        let store = place.open().await;
        let mut now_ms = NOW;
        for (number, (name, steps, events)) in table.iter().enumerate() {
            let fingerprint = format!("{number:x}");
            let mut last: Option<Approval> = None;
            for step in *steps {
                match *step {
                    Ask(status, times) => {
                        let approval = ask(&store, &fingerprint, now_ms).await;
                        assert_eq!((approval.status, approval.times), (status, times), "{name}: {step:?}");
                        let stored = store.get(&approval.id, now_ms).await.unwrap().unwrap();
                        assert_eq!(approval, stored, "{name}: {step:?}");
                        last = Some(approval);
                    }
                    Decide(verdict) => {
                        let id = &last.as_ref().unwrap().id;
                        let decided = store.decide(id, verdict, "bob", Some("so"), || now_ms).await.unwrap();
                        assert_eq!(decided, store.get(id, now_ms).await.unwrap().unwrap(), "{name}");
                    }
                    Not(verdict, why) => {
                        let id = &last.as_ref().unwrap().id;
                        let told = store.decide(id, verdict, "eve", None, || now_ms).await.unwrap_err();
                        assert_eq!(told.to_string(), why, "{name}");
                    }
                    Pass(seconds) => now_ms += seconds * 1000,
                    Sweep(ended) => assert_eq!(store.sweep(now_ms).await.unwrap(), ended, "{name}"),
                }
            }
            assert_eq!(happened(&store, &last.unwrap()).await, *events, "{name}");
            now_ms += 901_000;
            store.sweep(now_ms).await.unwrap();
        }
        let unknown = store.decide("nobody", Deny, "bob", None, || now_ms).await.unwrap_err();
        assert_eq!(unknown.to_string(), "there is no such approval");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_who_ask_at_once_one_is_approved() {
    for place in Place::each().await {
        // Two pools: what two processes of the service share is the database alone.
        let stores = [place.open().await, place.open().await];
        let first = ask(&stores[0], "a", NOW).await;
        stores[1].decide(&first.id, Verdict::Approve, "bob", None, || NOW).await.unwrap();
        let askers: Vec<_> = (0..50)
            .map(|number| {
                let store = stores[number % 2].clone();
                tokio::spawn(async move { ask(&store, "a", NOW).await })
            })
            .collect();
        let mut answers = Vec::new();
        for asker in askers {
            answers.push(asker.await.unwrap());
        }
        let approved: Vec<_> = answers.iter().filter(|answer| answer.status == Status::Consumed).collect();
        assert_eq!(
            approved.iter().map(|answer| &answer.id).collect::<Vec<_>>(),
            [&first.id],
            "{}",
            place.url
        );
        let others: HashSet<_> = answers
            .iter()
            .filter(|answer| answer.status == Status::Pending)
            .map(|answer| &answer.id)
            .collect();
        assert_eq!((answers.len(), others.len()), (50, 1), "the others share one question: {}", place.url);
        assert!(!others.contains(&first.id));
        let waiting = stores[0].waiting(NOW).await.unwrap();
        assert_eq!(waiting, (1, Some(NOW)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_who_decide_at_once_one_does() {
    for place in Place::each().await {
        let stores = [place.open().await, place.open().await];
        let approval = ask(&stores[0], "a", NOW).await;
        let deciders: Vec<_> = (0..20)
            .map(|number| {
                let (store, id) = (stores[number % 2].clone(), approval.id.clone());
                let verdict = if number % 3 == 0 { Verdict::Approve } else { Verdict::Deny };
                tokio::spawn(async move { store.decide(&id, verdict, "bob", None, || NOW).await.is_ok() })
            })
            .collect();
        let mut decided = 0;
        for decider in deciders {
            decided += usize::from(decider.await.unwrap());
        }
        assert_eq!(decided, 1, "{}", place.url);
        assert_eq!(happened(&stores[0], &approval).await.len(), 2);
    }
}

#[tokio::test]
async fn events_and_what_was_asked_stand() {
    for place in Place::each().await {
        let store = place.open().await;
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
            assert!(refused.is_err(), "{change}: {}", place.url);
        }
        assert_eq!(store.events(0, 0, 100).await.unwrap(), before);
        let numbers: Vec<i64> = before.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, [1, 2], "without gaps");
        let arguments: Vec<_> =
            before.iter().map(|event| event.call.as_ref().unwrap().arguments.as_deref()).collect();
        assert_eq!(arguments, [Some(r#"{"id": 7}"#), None]);
    }
}

#[tokio::test]
async fn a_change_that_breaks_off_leaves_nothing() {
    for place in Place::each().await {
        let store = place.open().await;
        let approval = ask(&store, "a", NOW).await;
        let mut writing = store.write().await.unwrap();
        let change = "UPDATE approvals SET status = 'approved'";
        sqlx::query(change).execute(writing.on()).await.unwrap();
        drop(writing);
        let stored = store.get(&approval.id, NOW).await.unwrap().unwrap();
        assert_eq!(stored.status, Status::Pending);
        let count = sqlx::query("SELECT COUNT(*) FROM events").fetch_one(&store.pool).await.unwrap();
        assert_eq!(count.get::<i64, _>(0), 1);
    }
}

#[tokio::test]
async fn the_history_is_searched_and_comes_in_pages() {
    for place in Place::each().await {
        let store = place.open().await;
        for (number, tool) in ["drop_table", "drop%table", "send_mail", "Send_Mail"].into_iter().enumerate() {
            let mut question = asked(&format!("{number:x}"));
            question.tool = tool.to_owned();
            question.expires_seconds = if number == 0 { 1 } else { 900 };
            let now_ms = NOW + i64::try_from(number).unwrap();
            let approval = store.ask(&question, "envoy", || now_ms).await.unwrap();
            if number == 2 {
                store.decide(&approval.id, Verdict::Deny, "Bob", Some("too many"), || now_ms).await.unwrap();
            }
        }
        let later = NOW + 5000;
        for (text, status, expected) in [
            ("", None, &["Send_Mail", "send_mail", "drop%table", "drop_table"][..]),
            ("MAIL", None, &["Send_Mail", "send_mail"]),
            ("%", None, &["drop%table"]),
            ("_", None, &["Send_Mail", "send_mail", "drop_table"]),
            ("bob", None, &["send_mail"]),
            ("too many", None, &["send_mail"]),
            ("", Some(Status::Pending), &["Send_Mail", "drop%table"]),
            ("", Some(Status::Expired), &["drop_table"]),
            ("", Some(Status::Denied), &["send_mail"]),
            ("", Some(Status::Approved), &[]),
            ("' OR 1=1 --", None, &[]),
        ] {
            let mut search = Search { text: text.to_owned(), status, after: None };
            let mut tools = Vec::new();
            loop {
                let (page, next) = store.history(&search, 1, |_| true, later).await.unwrap();
                assert!(page.len() <= 1);
                tools.extend(page.into_iter().map(|approval| approval.question.tool));
                let Some(next) = next else { break };
                search.after = Cursor::from_text(&next.to_string());
            }
            assert_eq!(tools, expected, "{text} {status:?} {}", place.url);
        }
        let seen = |approval: &Approval| approval.question.tool.starts_with("drop");
        let (page, next) = store.history(&Search::default(), 10, seen, later).await.unwrap();
        assert_eq!((page.len(), next), (2, None));
        for (seen, expected) in [("", &["drop%table", "Send_Mail"][..]), ("Send", &["Send_Mail"]), ("x", &[])]
        {
            let visible = |approval: &Approval| approval.question.tool.starts_with(seen);
            let (pending, more) = store.pending(visible, later).await.unwrap();
            let tools: Vec<_> = pending.into_iter().map(|approval| approval.question.tool).collect();
            assert_eq!(
                (tools.as_slice(), more),
                (&expected.iter().map(|tool| (*tool).to_owned()).collect::<Vec<_>>()[..], false),
                "the oldest first"
            );
        }
    }
}

#[tokio::test]
async fn what_others_let_pile_up_hides_nothing() {
    for place in Place::each().await {
        let store = place.open().await.with_most_waiting(1000);
        for number in 0..250_i64 {
            let server = if number == 240 { "shop" } else { "crm" };
            let one =
                Question { fingerprint: format!("{number:064x}"), server: server.to_owned(), ..asked("a") };
            store.ask(&one, "envoy", || NOW + number / 100).await.unwrap();
        }
        let of = |server: &'static str| move |approval: &Approval| approval.question.server == server;
        let (found, more) = store.pending(of("shop"), NOW + 3).await.unwrap();
        assert_eq!((found.len(), more), (1, false));
        let (found, more) = store.pending(of("crm"), NOW + 3).await.unwrap();
        assert_eq!((found.len(), more), (200, true));
        assert!(found.is_sorted_by_key(|approval| approval.created_ms), "the oldest of them");
        store.close().await;
    }
}

#[tokio::test]
async fn an_invitation_makes_one_account_and_a_session_ends_in_time() {
    for place in Place::each().await {
        let store = place.open().await;
        assert!(!store.has_accounts(NOW).await.unwrap());
        let may =
            Permissions { approve: false, servers: vec!["crm,*".to_owned()], tools: vec!["*".to_owned()] };
        let secret = store.invite("bob", &may, NOW).await.unwrap();
        assert!(store.has_accounts(NOW).await.unwrap());
        let week_ms = 7 * 24 * 60 * 60 * 1000;
        assert!(store.invitation(&secret, NOW + week_ms).await.unwrap().is_none(), "it ends in a week");
        assert!(!store.redeem(&secret, "eve", "hash", NOW).await.unwrap(), "it is bob's");
        assert!(store.redeem(&secret, "bob", "hash", NOW).await.unwrap());
        assert!(!store.redeem(&secret, "bob", "other", NOW).await.unwrap(), "it is used up");
        let account = store.account("bob").await.unwrap().unwrap();
        assert_eq!((account.password.as_str(), &account.may), ("hash", &may));
        let open = store.invite("", &may, NOW).await.unwrap();
        assert!(!store.redeem(&open, "bob", "stolen", NOW).await.unwrap(), "the name is taken");

        let session = store.sign_in("bob", NOW).await.unwrap();
        let owner = async |now_ms| store.session_owner(&session, now_ms).await.unwrap();
        let (minute_ms, hour_ms) = (60_000, 3_600_000);
        assert_eq!(owner(NOW + 59 * minute_ms).await.as_deref(), Some("bob"), "and it is used");
        assert_eq!(owner(NOW + 59 * minute_ms + hour_ms).await, None, "an hour without use");
        for hours in 1..24 {
            owner(NOW + hours * 30 * minute_ms + 29 * minute_ms).await;
        }
        assert_eq!(owner(NOW + 12 * hour_ms).await, None, "half a day with use");
        let session = store.sign_in("bob", NOW).await.unwrap();
        store.sign_out(&session, NOW).await.unwrap();
        assert_eq!(store.session_owner(&session, NOW).await.unwrap(), None);

        let token = store.make_token("bob", NOW).await.unwrap();
        assert_eq!(store.token_owner(&token).await.unwrap().as_deref(), Some("bob"));
        assert!(store.remove_account("bob", NOW).await.unwrap());
        assert_eq!(store.token_owner(&token).await.unwrap(), None);
        assert!(!store.remove_account("bob", NOW).await.unwrap());
    }
}

#[tokio::test]
async fn no_secret_is_stored() {
    let place = &Place::each().await[0];
    let store = place.open().await;
    let secrets = [
        store.invite("bob", &Permissions::everything(), NOW).await.unwrap(),
        store.sign_in("bob", NOW).await.unwrap(),
        store.make_token("bob", NOW).await.unwrap(),
        store.make_caller("envoy", NOW).await.unwrap(),
    ];
    store.close().await;
    for entry in std::fs::read_dir(place.directory.as_ref().unwrap()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in &secrets {
            let holds = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!holds, "{secret}");
        }
        let hash = secret::hash(&secrets[3]);
        assert!(bytes.is_empty() || bytes.windows(64).any(|window| window == hash.as_bytes()));
    }
}

#[tokio::test]
async fn a_message_is_delivered_by_one_instance_and_taken_anew_if_that_dies() {
    for place in Place::each().await {
        let stores = [place.open().await, place.open().await];
        let approval = ask(&stores[0], "a", NOW).await;
        ask(&stores[0], "a", NOW).await;
        let first = stores[0].take_message(NOW).await.unwrap().unwrap();
        assert_eq!((&first.approval.id, first.attempts), (&approval.id, 0));
        assert_eq!(stores[1].take_message(NOW).await.unwrap(), None, "one message, and it is taken");
        let again = stores[1].take_message(NOW + 20_000).await.unwrap().unwrap();
        assert_eq!((&again.id, again.attempts), (&first.id, 1));
        stores[1].retry_message(&again.id, NOW + 90_000).await.unwrap();
        assert_eq!(stores[0].take_message(NOW + 89_999).await.unwrap(), None);
        assert!(stores[0].take_message(NOW + 90_000).await.unwrap().is_some());
        stores[0].drop_message(&first.id).await.unwrap();
        assert_eq!(stores[1].take_message(NOW + 10_000_000).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_newer_database_is_left_alone() {
    for place in Place::each().await {
        let store = place.open().await;
        let newer = "UPDATE approvals_meta SET value = '99' WHERE name = 'schema'";
        sqlx::query(newer).execute(&store.pool).await.unwrap();
        store.close().await;
        let refused = Store::open(&place.url, &[]).await.err().unwrap();
        assert!(refused.to_string().contains("schema 99"), "{refused}");
    }
}
