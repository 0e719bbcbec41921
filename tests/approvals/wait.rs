//! Held answers, and the stream of changes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::service::{Folder, ROLES, agent, question, sealed, waiting};

#[test]
fn an_answer_is_held_until_a_decision_in_any_process() {
    for folder in Folder::each(ROLES) {
        let services = [folder.serve(), folder.serve()];
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
                assert!(lasted >= Duration::from_millis(500), "the answer was held");
                assert!(decided.elapsed() < Duration::from_millis(within), "{:?}", decided.elapsed());
            });
        }
        let begun = Instant::now();
        assert_eq!(services[0].asked(&waiting('c', 2)).0, "pending");
        assert!((1900..3500).contains(&begun.elapsed().as_millis()));
    }
}

#[test]
fn nothing_is_consumed_for_a_caller_that_has_disconnected() {
    for folder in Folder::each(ROLES) {
        let service = folder.serve();
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
fn a_stop_answers_held_questions_and_ends_streams() {
    let folder = Folder::new(ROLES);
    let mut service = folder.serve();
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", service.ann)
        .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.is_empty()), "the response has headers");
    let (port, asker) = (service.port, service.caller.clone());
    let question = sealed(&waiting('a', 60));
    let held = thread::spawn(move || {
        let request = agent().post(format!("http://127.0.0.1:{port}/v1/approvals"));
        let request = request.header("authorization", format!("Bearer {asker}"));
        request.content_type("application/json").send(&question).unwrap().body_mut().read_to_string().unwrap()
    });
    assert!(lines.any(|line| line == "event: changed"), "the question has arrived");
    let begun = Instant::now();
    assert!(service.stop());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(held.join().unwrap().contains("\"pending\""));
    assert!(!lines.any(|line| line.starts_with("event:")), "the stream ended without another event");
}

#[test]
fn a_page_is_notified_only_of_what_its_viewer_may_see() {
    let folder = Folder::new(&format!("{ROLES}servers = [\"crm\"]\n"));
    let service = folder.serve();
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", service.ann)
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains("200"));
    assert!(lines.any(|line| line.unwrap().is_empty()), "the response has headers");
    let mut bank = question('a');
    bank["server"] = json!("bank");
    service.asked(&bank);
    service.asked(&question('b'));
    let events: Vec<_> = lines.map_while(Result::ok).filter(|line| line.starts_with("event:")).collect();
    assert_eq!(events, ["event: changed"], "only of the approval they may see");
    let (_, list) = service.send("GET", "/v1/approvals?status=pending", &service.ann, None);
    assert_eq!(list["approvals"].as_array().unwrap().len(), 1);
    assert_eq!(service.send("GET", "/v1/events", &service.ann, None).0, 403);
}
