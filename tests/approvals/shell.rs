//! The shell commands, and what monitoring reads.

use serde_json::json;

use super::service::{Folder, ROLES, agent, question};

#[test]
fn the_shell_commands_list_show_decide_and_export() {
    let folder = Folder::new(ROLES);
    let service = folder.serve();
    let mut hostile = question('a');
    hostile["tool"] = json!("drop\u{1b}[2J\u{202e}");
    let (_, id) = service.asked(&hostile);
    let url = format!("http://127.0.0.1:{}", service.port);
    let shell = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        let output =
            command.env("MCP_APPROVALS_TOKEN", &service.ann).args(["--service", &url]).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (_, list) = shell(&["list"]);
    assert!(
        list.starts_with(&id[..12]) && list.contains(r"crm/drop\u{1b}[2J\u{202e}  for bot (ci)"),
        "{list}"
    );
    let (_, shown) = shell(&["show", &id[..6]]);
    assert!(shown.contains("\"secret\": \"s3cr3t\"") && !shown.contains('\u{1b}'), "{shown}");
    let (_, json) = shell(&["show", &id, "--json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["id"], id);
    assert!(!shell(&["deny", &id[..8]]).0, "a denial needs a reason");
    assert!(shell(&["deny", &id[..8], "--reason", "no"]).0);
    assert!(!shell(&["approve", &id[..8]]).0, "it is already decided");
    assert!(shell(&["list", "--status", "denied"]).1.contains("denied by ann: no"));
    assert_eq!(shell(&["list"]).1, "");
    let exported = folder.run(&["export"]);
    let (status, _) = service.send("GET", "/v1/events", &service.ann, None);
    assert_eq!(status, 200);
    let events: Vec<serde_json::Value> =
        exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of: Vec<_> = events.iter().filter(|event| event["approval"] == id).collect();
    assert_eq!(
        of.iter().map(|event| event["event"].as_str().unwrap()).collect::<Vec<_>>(),
        ["asked", "denied"]
    );
    assert_eq!(of[0]["call"]["arguments"], json!({ "letter": "a", "secret": "s3cr3t" }));
    assert_eq!((of[1]["who"].as_str(), of[1]["reason"].as_str()), (Some("ann"), Some("no")));
    assert_eq!(folder.run(&["export", "--since", "2999-01-01T00:00:00Z"]), "");
}

#[test]
fn health_readiness_and_metrics_are_served() {
    let folder = Folder::new(ROLES);
    let service = folder.serve();
    let (_, id) = service.asked(&question('a'));
    service.decide(&id, "approve", None);
    service.asked(&question('a'));
    service.asked(&question('b'));
    let get = |path: &str| {
        let mut answer = agent().get(format!("http://127.0.0.1:{}{path}", service.port)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    };
    assert_eq!(get("/healthz").0, 200);
    assert_eq!(get("/readyz").0, 200);
    let (_, metrics) = get("/metrics");
    for line in [
        "mcp_approvals_asked_total{outcome=\"pending\"} 2",
        "mcp_approvals_asked_total{outcome=\"approved\"} 1",
        "mcp_approvals_decisions_total{verdict=\"approved\"} 1",
        "mcp_approvals_pending 1",
        "mcp_approvals_sign_in_failures_total 0",
        "mcp_approvals_request_duration_seconds_count{route=\"/v1/approvals\"} 3",
    ] {
        assert!(metrics.lines().any(|own| own == line), "{line}\n{metrics}");
    }
}
