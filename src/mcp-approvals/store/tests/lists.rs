//! The list of pending approvals and the history.

use super::*;

#[tokio::test]
async fn the_history_is_searched_page_by_page() {
    for database in Database::each().await {
        let store = database.open().await;
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
            assert_eq!(tools, expected, "{text} {status:?} {}", database.url);
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
                "oldest first"
            );
        }
    }
}

#[tokio::test]
async fn invisible_approvals_do_not_hide_visible_ones() {
    for database in Database::each().await {
        let store = database.open().await.with_max_pending(1000);
        for number in 0..250_i64 {
            let server = if number == 240 { "shop" } else { "crm" };
            let one = Question {
                fingerprint: format!("{number:064x}"),
                call: format!("{number:x}"),
                server: server.to_owned(),
                ..asked("a")
            };
            store.ask(&one, "envoy", || NOW + number / 100).await.unwrap();
        }
        let of = |server: &'static str| move |approval: &Approval| approval.question.server == server;
        let (found, more) = store.pending(of("shop"), NOW + 3).await.unwrap();
        assert_eq!((found.len(), more), (1, false));
        let (found, more) = store.pending(of("crm"), NOW + 3).await.unwrap();
        assert_eq!((found.len(), more), (200, true));
        assert!(found.is_sorted_by_key(|approval| approval.created_ms), "oldest first");
        store.close().await;
    }
}
