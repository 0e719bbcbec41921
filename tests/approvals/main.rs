//! The approval service as a process of its own: what it answers, keeps, tells, and survives.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod hooks;
mod service;
mod tls;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use service::{Place, ROLES, agent, question, sealed, waiting};

#[test]
fn the_first_start_says_how_to_go_on_once() {
    let place = Place::new("");
    // Nobody has a role yet, so that there is nobody to make a token for.
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut starts = Vec::new();
    for _ in 0..2 {
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut printed: Vec<String> = Vec::new();
        for line in lines {
            let serves = line.starts_with("port=");
            printed.push(line);
            if serves {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        starts.push(printed);
    }
    assert_eq!(starts[0].len(), 5, "{starts:?}");
    assert!(starts[0][1].contains("/invitations/") && starts[0][3].trim().len() == 64, "{starts:?}");
    assert_eq!(starts[1].len(), 1, "{starts:?}");
}

#[test]
fn a_faulty_configuration_is_refused_with_every_fault() {
    for (text, faults) in [
        ("lisen = \"x\"\n[[roles]]\nmay = \"all\"\n", 3),
        ("listen = \n", 1),
        ("[tls]\ncertificate = \"no.pem\"\nkey = \"no.key\"\n", 1),
    ] {
        let place = Place::new(text);
        let mut command = place.command(&["serve", "--config", "approvals.toml"]);
        let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.lines().count()), (Some(2), faults), "{told}");
    }
}

#[test]
fn what_is_over_is_ended_however_much_it_is() {
    let place = Place::new(ROLES);
    let service = place.serve();
    for number in 0..150 {
        let mut short = question('a');
        short["arguments"] = json!({ "number": number });
        short["expires_seconds"] = json!(1);
        service.asked(&short);
    }
    let expired = || {
        let exported = place.run(&["export"]);
        exported.lines().filter(|line| line.contains("\"event\":\"expired\"")).count()
    };
    let begun = Instant::now();
    while expired() < 150 {
        assert!(begun.elapsed() < Duration::from_secs(9), "{} of 150", expired());
        thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(expired(), 150, "each once");
}

#[test]
fn a_question_is_answered_as_the_contract_says() {
    let place = Place::new(ROLES);
    let service = place.serve();
    let (status, answer) = service.ask(&question('a'));
    let id = answer["id"].as_str().unwrap();
    assert_eq!((status, answer["status"].as_str()), (200, Some("pending")));
    assert_eq!(answer["url"], format!("http://127.0.0.1:{}/approvals/{id}", service.port));
    assert!(answer["expires_at"].as_str().unwrap().ends_with('Z') && answer.get("reason").is_none());
    assert_eq!(service.asked(&question('a')), ("pending".to_owned(), id.to_owned()));
    assert_eq!(service.decide(&id[..8], "approve", Some("fine")).0, 200);
    let (_, told) = service.ask(&question('a'));
    assert_eq!((told["status"].as_str(), told["reason"].as_str()), (Some("approved"), Some("fine")));
    let (status, next) = service.asked(&question('a'));
    assert!(status == "pending" && next != id);
    assert_eq!(service.decide(&next, "deny", Some("not today")).0, 200);
    for _ in 0..2 {
        let (_, told) = service.ask(&question('a'));
        assert_eq!((told["status"].as_str(), told["reason"].as_str()), (Some("denied"), Some("not today")));
    }
    for (id, verb, status, told) in [
        (next.as_str(), "approve", 409, "ann has denied it already"),
        (&next[..5], "deny", 404, "an id must be 32 hex digits, or at least the first 6"),
        (&"0".repeat(32), "deny", 404, "there is no such approval"),
    ] {
        assert_eq!(service.decide(id, verb, None), (status, json!({ "error": told })));
    }
}

#[test]
fn nobody_asks_who_is_no_caller_nor_in_another_form() {
    let place = Place::new(&format!(
        "{ROLES}[[callers]]\nname = \"bound\"\nservers = [\"crm\"]\n\
         token_sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n"
    ));
    let service = place.serve();
    let mut foreign = question('a');
    foreign["server"] = json!("bank");
    let valid = sealed(&question('a'));
    let twice = valid.replacen('{', "{\"tool\":\"harmless\",", 1);
    let [large, still] = [21, 16].map(|size| {
        let mut question = question('a');
        question["arguments"] = json!({ "text": "x".repeat(size * 1024 * 1024) });
        sealed(&question)
    });
    let other = valid.replace("s3cr3t", "other");
    for (name, token, content_type, body, expected) in [
        ("no caller", "guessed", "application/json", &valid, 401),
        ("a person", service.ann.as_str(), "application/json", &valid, 401),
        ("bound to this server", "abc", "application/json; charset=utf-8", &valid, 200),
        ("bound to another", "abc", "application/json", &sealed(&foreign), 403),
        ("no JSON", "abc", "text/plain", &valid, 415),
        ("duplicate keys", "abc", "application/json", &twice, 400),
        ("too large", "abc", "application/json", &large, 413),
        ("as large as a call", "abc", "application/json", &still, 200),
        ("the fingerprint of another call", "abc", "application/json", &other, 400),
        ("no question", "abc", "application/json", &"{}".to_owned(), 400),
    ] {
        let request = agent().post(format!("http://127.0.0.1:{}/v1/approvals", service.port));
        let request = request.header("authorization", format!("Bearer {token}"));
        let answer = request.header("content-type", content_type).send(body.as_bytes()).unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{name}");
    }
    let (_, answer) = service.send("POST", "/v1/approvals", "abc", Some("{}"));
    assert_eq!(answer, json!({ "error": "`arguments` must be an object" }));
    assert_eq!(service.ask(&question('a')).0, 200);
    place.run(&["caller", "envoy", "--revoke"]);
    assert_eq!(service.ask(&question('a')).0, 401);
}

#[test]
fn who_asks_does_not_approve() {
    let place = Place::new(&format!("{ROLES}[[approvers]]\nname = \"ann\"\nprincipals = [\"bot\"]\n"));
    let service = place.serve();
    let (_, id) = service.asked(&question('a'));
    let (status, told) = service.decide(&id, "approve", None);
    assert_eq!(status, 403, "{told}");
    assert_eq!(service.asked(&question('a')).0, "pending");
}

#[test]
fn a_decision_that_was_answered_survives_a_power_cut() {
    for place in Place::each(ROLES) {
        for round in 0..5 {
            let letter = char::from(b'a' + round);
            let mut service = place.serve();
            let (_, id) = service.asked(&question(letter));
            assert_eq!(service.decide(&id, "approve", None).0, 200);
            service.kill();
            let mut service = place.serve();
            assert_eq!(service.asked(&question(letter)), ("approved".to_owned(), id));
            service.kill();
            let service = place.serve();
            assert_eq!(service.asked(&question(letter)).0, "pending", "it is consumed, too");
        }
    }
}

#[test]
fn of_fifty_calls_through_two_processes_one_goes_on() {
    for place in Place::each(ROLES) {
        let services = [place.serve(), place.serve()];
        let (_, id) = services[0].asked(&question('a'));
        assert_eq!(services[1].decide(&id, "approve", None).0, 200);
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |number: usize| services[number % 2].asked(&question('a'));
            let askers: Vec<_> = (0..50).map(|number| scope.spawn(move || ask(number))).collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).collect()
        });
        let approved: Vec<_> = answers.iter().filter(|(status, _)| status == "approved").collect();
        assert_eq!(approved, [&("approved".to_owned(), id)]);
        let mut others: Vec<_> = answers.iter().filter(|(status, _)| status == "pending").collect();
        assert_eq!(others.len(), 49);
        others.dedup();
        assert_eq!(others.len(), 1, "they share one question");
    }
}

#[test]
fn an_answer_is_held_until_somebody_decides_in_any_process() {
    for place in Place::each(ROLES) {
        let services = [place.serve(), place.serve()];
        for (letter, decider, within) in [('a', 0, 900), ('b', 1, 2500)] {
            let (_, id) = services[0].asked(&question(letter));
            thread::scope(|scope| {
                let held = scope.spawn(|| {
                    let begun = Instant::now();
                    (services[0].asked(&waiting(letter, 30)).0, begun.elapsed())
                });
                thread::sleep(Duration::from_millis(500));
                assert_eq!(services[decider].decide(&id, "approve", None).0, 200);
                let decided = Instant::now();
                let (status, lasted) = held.join().unwrap();
                assert_eq!(status, "approved");
                assert!(lasted >= Duration::from_millis(500), "it was held");
                assert!(decided.elapsed() < Duration::from_millis(within), "{:?}", decided.elapsed());
            });
        }
        let begun = Instant::now();
        assert_eq!(services[0].asked(&waiting('c', 2)).0, "pending");
        assert!((1900..3500).contains(&begun.elapsed().as_millis()));
    }
}

#[test]
fn nothing_is_consumed_for_a_caller_that_has_gone() {
    for place in Place::each(ROLES) {
        let service = place.serve();
        let (_, id) = service.asked(&question('a'));
        let body = sealed(&waiting('a', 60));
        let mut gone = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        let (length, token) = (body.len(), &service.caller);
        write!(
            gone,
            "POST /v1/approvals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        thread::sleep(Duration::from_millis(500));
        drop(gone);
        thread::sleep(Duration::from_millis(300));
        assert_eq!(service.decide(&id, "approve", None).0, 200);
        thread::sleep(Duration::from_millis(1500));
        assert_eq!(service.asked(&question('a')), ("approved".to_owned(), id));
    }
}

#[test]
fn a_stop_answers_who_waits_and_ends_streams() {
    let place = Place::new(ROLES);
    let mut service = place.serve();
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", service.ann)
        .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.is_empty()), "the head has come");
    let (port, asker) = (service.port, service.caller.clone());
    let question = sealed(&waiting('a', 60));
    let held = thread::spawn(move || {
        let request = agent().post(format!("http://127.0.0.1:{port}/v1/approvals"));
        let request = request.header("authorization", format!("Bearer {asker}"));
        request.content_type("application/json").send(&question).unwrap().body_mut().read_to_string().unwrap()
    });
    assert!(lines.any(|line| line == "event: changed"), "the question has come");
    let begun = Instant::now();
    assert!(service.stop());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(held.join().unwrap().contains("\"pending\""));
    assert!(!lines.any(|line| line.starts_with("event:")), "the stream ends, and nothing else was told");
}

#[test]
fn a_page_hears_of_what_its_reader_may_see() {
    let place = Place::new(&format!("{ROLES}servers = [\"crm\"]\n"));
    let service = place.serve();
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", service.ann)
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains("200"));
    assert!(lines.any(|line| line.unwrap().is_empty()), "the head has come");
    let mut bank = question('a');
    bank["server"] = json!("bank");
    service.asked(&bank);
    service.asked(&question('b'));
    let told: Vec<_> = lines.map_while(Result::ok).filter(|line| line.starts_with("event:")).collect();
    assert_eq!(told, ["event: changed"], "of the one that is theirs");
    let (_, list) = service.send("GET", "/v1/approvals?status=pending", &service.ann, None);
    assert_eq!(list["approvals"].as_array().unwrap().len(), 1);
    assert_eq!(service.send("GET", "/v1/events", &service.ann, None).0, 403);
}

#[test]
fn the_shell_lists_shows_decides_and_exports() {
    let place = Place::new(ROLES);
    let service = place.serve();
    let mut hostile = question('a');
    hostile["tool"] = json!("drop\u{1b}[2J\u{202e}");
    let (_, id) = service.asked(&hostile);
    let url = format!("http://127.0.0.1:{}", service.port);
    let shell = |arguments: &[&str]| {
        let mut command = place.command(arguments);
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
    assert!(!shell(&["deny", &id[..8]]).0, "a denial has a reason");
    assert!(shell(&["deny", &id[..8], "--reason", "no"]).0);
    assert!(!shell(&["approve", &id[..8]]).0, "it is decided");
    assert!(shell(&["list", "--status", "denied"]).1.contains("denied by ann: no"));
    assert_eq!(shell(&["list"]).1, "");
    let exported = place.run(&["export"]);
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
    assert_eq!(place.run(&["export", "--since", "2999-01-01T00:00:00Z"]), "");
}

#[test]
fn health_readiness_and_counts_are_told() {
    let place = Place::new(ROLES);
    let service = place.serve();
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
