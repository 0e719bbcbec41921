//! Questions about one call under several rules.

use std::thread;

use serde_json::{Value, json};

use super::service::{Folder, ROLES, question, waiting};

/// Returns the question under other rules.
fn under_other_rules(mut question: Value) -> Value {
    question["rules"] = json!("f".repeat(64));
    question
}

#[test]
fn an_approval_that_can_never_be_used_cannot_be_given() {
    for folder in Folder::each(ROLES) {
        let service = folder.serve();
        let (_, first) = service.asked(&question('a'));
        let (status, second) = service.asked(&under_other_rules(question('a')));
        assert!(status == "pending" && second != first);
        let expected =
            format!("the rules that decide on this call have changed, and approval {second} replaces it");
        for verb in ["approve", "deny"] {
            assert_eq!(service.decide(&first, verb, Some("why")), (409, json!({ "error": expected })));
        }
        let (_, shown) = service.send("GET", &format!("/v1/approvals/{first}"), &service.ann, None);
        assert_eq!((&shown["status"], &shown["superseded_by"]), (&json!("superseded"), &json!(second)));
        assert_eq!((&shown["path"], &shown["params"]), (&json!("/mcp"), &json!({ "force": true })));
        let (_, list) = service.send("GET", "/v1/approvals?status=superseded", &service.ann, None);
        assert_eq!(list["approvals"].as_array().unwrap().len(), 1);
        assert_eq!(list["approvals"][0]["id"], first);
        assert_eq!(service.decide(&second, "approve", None).0, 200);
        assert_eq!(service.asked(&under_other_rules(question('a'))), ("approved".to_owned(), second.clone()));
        let (status, third) = service.asked(&question('a'));
        assert!(status == "pending" && third != first && third != second);
        let events = folder.run(&["export"]);
        let superseded: Vec<Value> = events
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|event: &Value| event["event"] == "superseded")
            .collect();
        let [event] = superseded.as_slice() else { panic!("{superseded:?}") };
        assert_eq!(
            (&event["approval"], &event["reason"], &event["who"]),
            (&json!(first), &json!(second), &json!("envoy"))
        );
        let url = format!("http://127.0.0.1:{}", service.port);
        let shell = |arguments: &[&str]| {
            let mut command = folder.command(arguments);
            command.env("MCP_APPROVALS_TOKEN", &service.ann).args(["--service", &url]);
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        };
        let listed = shell(&["list", "--status", "superseded"]);
        assert!(listed.trim_end().ends_with(&format!(", replaced by {second}")), "{listed}");
        let shown = shell(&["show", &first]);
        for line in [
            "status        superseded".to_owned(),
            format!("replaced by   {second}"),
            "path          /mcp".to_owned(),
            "other params\n  {\n    \"force\": true\n  }".to_owned(),
        ] {
            assert!(shown.contains(&line), "{shown}");
        }
    }
}

#[test]
fn a_held_question_that_is_superseded_ends_as_pending() {
    let folder = Folder::new(ROLES);
    let service = folder.serve();
    thread::scope(|scope| {
        let held = scope.spawn(|| service.asked(&waiting('a', 60)));
        let first = loop {
            let (_, list) = service.send("GET", "/v1/approvals?status=pending", &service.ann, None);
            match list["approvals"][0]["id"].as_str() {
                Some(id) => break id.to_owned(),
                None => thread::yield_now(),
            }
        };
        let (_, second) = service.asked(&under_other_rules(question('a')));
        assert_eq!(held.join().unwrap(), ("pending".to_owned(), first), "it does not ask again");
        assert_eq!(service.asked(&under_other_rules(waiting('a', 0))), ("pending".to_owned(), second));
    });
}
