//! Held answers, and the stream of changes.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;

use serde_json::json;

use super::service::{Folder, ROLES, Service, agent, question, sealed, until, waiting};

/// Returns the lines of the stream of changes, behind its headers.
fn changes(service: &Service) -> Lines<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", service.ann)
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains("200"));
    assert!(lines.any(|line| line.unwrap().is_empty()), "the response has headers");
    lines
}

/// Waits until a question is pending. Returns its id.
fn pending(service: &Service) -> String {
    until("a pending question", || {
        let (_, list) = service.send("GET", "/v1/approvals?status=pending", &service.ann, None);
        list["approvals"][0]["id"].as_str().map(str::to_owned)
    })
}

#[test]
fn an_answer_is_held_until_a_decision_in_any_process() {
    for folder in Folder::each(ROLES) {
        let services = [folder.serve(), folder.serve()];
        for (letter, decider) in [('a', 0), ('b', 1)] {
            thread::scope(|scope| {
                let held = scope.spawn(|| services[0].asked(&waiting(letter, 50)));
                // Without a decision the answer would be `pending`, so it is held until there is one.
                let id = pending(&services[decider]);
                assert_eq!(services[decider].decide(&id, "approve", None).0, 200);
                assert_eq!(held.join().unwrap(), ("approved".to_owned(), id));
            });
        }
        assert_eq!(services[0].asked(&waiting('c', 1)).0, "pending");
    }
}

#[test]
fn nothing_is_consumed_for_a_caller_that_has_disconnected() {
    for folder in Folder::each(ROLES) {
        let service = folder.serve();
        let body = sealed(&waiting('a', 60));
        let mut gone = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
        let (length, token) = (body.len(), &service.caller);
        write!(
            gone,
            "POST /v1/approvals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let id = pending(&service);
        gone.shutdown(Shutdown::Write).unwrap();
        // The service closes the connection when it has given up the request.
        assert_eq!(gone.read_to_end(&mut Vec::new()).unwrap(), 0);
        assert_eq!(service.decide(&id, "approve", None).0, 200);
        assert_eq!(service.asked(&question('a')), ("approved".to_owned(), id));
    }
}

#[test]
fn a_stop_answers_held_questions_and_ends_streams() {
    let folder = Folder::new(ROLES);
    let mut service = folder.serve();
    let mut lines = changes(&service).map(Result::unwrap);
    let (port, asker) = (service.port, service.caller.clone());
    let question = sealed(&waiting('a', 60));
    let held = thread::spawn(move || {
        let request = agent().post(format!("http://127.0.0.1:{port}/v1/approvals"));
        let request = request.header("authorization", format!("Bearer {asker}"));
        request.content_type("application/json").send(&question).unwrap().body_mut().read_to_string().unwrap()
    });
    assert!(lines.any(|line| line == "event: changed"), "the question has arrived");
    assert!(service.stop());
    assert!(held.join().unwrap().contains("\"pending\""));
    assert!(!lines.any(|line| line.starts_with("event:")), "the stream ended without another event");
}

#[test]
fn a_page_is_notified_only_of_what_its_viewer_may_see() {
    let folder = Folder::new(&format!("{ROLES}servers = [\"crm\"]\n"));
    let mut service = folder.serve();
    let mut lines = changes(&service).map(Result::unwrap);
    let mut bank = question('a');
    bank["server"] = json!("bank");
    service.asked(&bank);
    service.asked(&question('b'));
    assert!(lines.any(|line| line == "event: changed"));
    let (_, list) = service.send("GET", "/v1/approvals?status=pending", &service.ann, None);
    assert_eq!(list["approvals"].as_array().unwrap().len(), 1);
    assert_eq!(service.send("GET", "/v1/events", &service.ann, None).0, 403);
    assert!(service.stop());
    assert!(!lines.any(|line| line.starts_with("event:")), "only of the approval they may see");
}
