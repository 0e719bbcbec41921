//! `mcp-policy scan`: digests of definitions, and files of them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::folder::Folder;
use crate::program::{Done, run};

fn scan(tools: &Value, options: &[&str]) -> Done {
    run(&[&["scan", "-"], options].concat(), &json!({ "tools": tools }).to_string())
}

fn digest_of(canonical: &str) -> String {
    let hash = Sha256::digest(canonical);
    format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// A server for one question each, in the older lifecycle. What it writes has members that few clients know, and a number
/// that most of them cannot hold.
const SERVER: &str = r#"while read -r line; do
  id=$(printf %s "$line" | sed -n 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/p')
  case "$line" in
    *'"server/discover"'*) echo '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32601,"message":"unknown"}}' ;;
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}' ;;
    *'"tools/list"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"tools":[{"name":"get_x","inputSchema":{"type":"object"},"x-new":{"b":1.50,"a":null}},{"name":"get_y","inputSchema":{"maxProperties":1e400}}]}}' ;;
  esac
done"#;

#[test]
fn a_digest_is_that_of_the_canonical_form_without_meta_and_with_all_other_members() {
    let rows = [
        (
            r#"{"name": "get_x", "_meta": {"a": 1}, "inputSchema": {"type": "object"}}"#,
            r#"{"inputSchema":{"type":"object"},"name":"get_x"}"#,
        ),
        (
            r#"{"x-new": [1.50, 1e3, 5e-324, 0.1, 1.7976931348623157e308], "name": "get_x", "title": "\u20ac"}"#,
            r#"{"name":"get_x","title":"€","x-new":[1.5,1000,5e-324,0.1,1.7976931348623157e+308]}"#,
        ),
        (
            r#"{"name": "get_x", "inputSchema": {"_meta": {}, "description": null}}"#,
            r#"{"inputSchema":{"_meta":{},"description":null},"name":"get_x"}"#,
        ),
    ];
    for (definition, canonical) in rows {
        let done = run(&["scan", "-", "--format", "json"], &format!(r#"{{"tools": [{definition}]}}"#));
        let report: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(report["tools"][0]["digest"], digest_of(canonical), "{definition}");
    }
}

#[test]
fn a_command_gives_the_digests_of_what_it_writes_and_of_nothing_less() {
    let folder = Folder::new("command");
    let script = folder.file("server.sh");
    std::fs::write(&script, SERVER).unwrap();
    let done = run(&["scan", &format!("stdio:sh '{script}'"), "--format", "json"], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let canonical = r#"{"inputSchema":{"type":"object"},"name":"get_x","x-new":{"a":null,"b":1.5}}"#;
    assert_eq!(report["tools"][0]["digest"], digest_of(canonical));
    check_left_out(&report);
}

/// Checks that a report is about both tools, and leaves out the one whose schema has the number.
#[track_caller]
fn check_left_out(report: &Value) {
    let names: Vec<&Value> = report["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["get_x", "get_y"]);
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["id"], &finding["place"]),
        (&json!("left-out"), &json!("inputSchema.maxProperties"))
    );
    assert!(finding["message"].as_str().unwrap().contains("`1e400`"), "{finding}");
    assert!(
        report["policy"]["tools"].get("get_x").is_some() && report["policy"]["tools"].get("get_y").is_none()
    );
}

/// Answers one request as a streamable HTTP server does, in JSON or in events.
fn answer(mut stream: &TcpStream, events: bool) -> Option<()> {
    let mut lines = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    lines.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        length = line.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let result = match request["method"].as_str() {
        Some("initialize") => {
            r#""result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#
        }
        Some("tools/list") => {
            r#""result":{"tools":[{"name":"get_x","inputSchema":{"type":"object"},"x-new":{"b":1.50,"a":null}},{"name":"get_y","inputSchema":{"maxProperties":1e400}}]}"#
        }
        _ => r#""error":{"code":-32601,"message":"unknown"}"#,
    };
    let message = format!(r#"{{"jsonrpc":"2.0","id":{},{result}}}"#, request["id"]);
    let (status, kind, text) = match (first.starts_with("POST"), request.get("id").is_some(), events) {
        (false, ..) => ("405 Method Not Allowed", "text/plain", String::new()),
        (true, false, _) => ("202 Accepted", "text/plain", String::new()),
        (true, true, true) => ("200 OK", "text/event-stream", format!("data: {message}\n\n")),
        (true, true, false) => ("200 OK", "application/json", message.replacen(',', ",\n", 1)),
    };
    let length = text.len();
    let head = format!("content-type: {kind}\r\ncontent-length: {length}\r\nconnection: close");
    stream.write_all(format!("HTTP/1.1 {status}\r\n{head}\r\n\r\n{text}").as_bytes()).ok()
}

#[test]
fn a_server_gives_the_digests_of_what_it_sends_in_json_and_in_events() {
    for events in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(&stream, events);
            }
        });
        let done = run(&["scan", &url, "--timeout", "10s", "--format", "json"], "");
        assert_eq!(done.code, 0, "{}", done.stderr);
        let report: Value = serde_json::from_str(&done.stdout).unwrap();
        let canonical = r#"{"inputSchema":{"type":"object"},"name":"get_x","x-new":{"a":null,"b":1.5}}"#;
        assert_eq!(report["tools"][0]["digest"], digest_of(canonical), "{events}");
        check_left_out(&report);
    }
}

#[test]
fn what_changed_since_the_definitions_were_written_is_told() {
    let folder = Folder::new("definitions");
    let (policy, definitions) = (folder.file("policy.json"), folder.file("tools.json"));
    let before = json!([{"name": "get_a", "description": "Reads"}, {"name": "get_b"}, {"name": "get_c", "title": "C"}]);
    let written = ["-o", &policy, "--write-definitions", &definitions, "--package", "@x/y@1.2"];
    let done = scan(&before, &written);
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
    let file: Value = serde_json::from_str(&std::fs::read_to_string(&definitions).unwrap()).unwrap();
    assert_eq!((file["package"].as_str(), file["version"].as_str()), (Some("@x/y"), Some("1.2")));

    for options in
        [&["--definitions", &definitions][..], &["--policy", &policy, "--definitions", &definitions]]
    {
        let same = scan(&before, options);
        assert_eq!((same.code, same.stdout.as_str()), (0, ""), "{}", same.stderr);
    }

    let after = json!([{"name": "get_a", "description": "Reads, and forwards"}, {"name": "get_d"}, {"name": "get_c", "title": "C"}]);
    let alone = scan(&after, &["--definitions", &definitions]);
    assert_eq!(alone.code, 3, "{}", alone.stderr);
    let lines: Vec<_> = alone.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "new      tool get_d: the definitions do not have it",
            "gone     tool get_b: the server no longer has it",
            "changed  tool get_a: its definition has another digest",
        ]
    );
    let both = scan(&after, &["--policy", &policy, "--definitions", &definitions]);
    assert_eq!((both.code, both.stdout.lines().count()), (3, 3), "{}", both.stdout);
    assert!(both.stdout.contains("new      tool get_d: the policy does not name it"), "{}", both.stdout);
}

#[test]
fn a_bad_file_of_definitions_is_an_error_that_names_the_place() {
    let folder = Folder::new("bad-definitions");
    let file = folder.file("tools.json");
    let tool = |digest: &str| format!(r#"{{"tools": [{{"name": "a", "digest": "{digest}"}}]}}"#);
    for (text, told) in [
        (String::new(), "tools.json:1:0: EOF while parsing a value; `scan SOURCE --write-definitions FILE`"),
        ("{}".to_owned(), "missing field `tools`"),
        (r#"{"tools": [], "tool": []}"#.to_owned(), "tools.json:1:20: unknown field `tool`"),
        (r#"{"tools": [], "tools": []}"#.to_owned(), "duplicate field `tools`"),
        (r#"{"tools": [{"name": 3}]}"#.to_owned(), "invalid type: integer `3`, expected a string"),
        (tool("sha1:00"), "tools.json: tools[0].digest: must be `sha256:` and 64 digits"),
        (tool(&format!("sha256:{}", "A".repeat(64))), "tools[0].digest: must be"),
    ] {
        std::fs::write(&file, &text).unwrap();
        let done = scan(&json!([]), &["--definitions", &file]);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{text}");
        assert!(done.stderr.contains(told), "{text}: {}", done.stderr);
    }
    for (options, told) in [
        (&["--definitions", "no-such-file.json"][..], "cannot read `no-such-file.json`"),
        (&["--write-definitions", "no/such/folder.json"], "cannot write `no/such/folder.json`"),
        (&["--write-definitions", "x", "--package", "name"], "must be a name and a version"),
        (&["--package", "name@1"], "--write-definitions"),
    ] {
        let done = scan(&json!([]), options);
        assert_eq!(done.code, 1, "{options:?}");
        assert!(done.stderr.contains(told), "{options:?}: {}", done.stderr);
    }
}
