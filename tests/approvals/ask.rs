//! Questions and their answers.

use std::thread;

use serde_json::json;

use super::service::{Folder, ROLES, agent, question, sealed};

#[test]
fn a_question_is_answered_as_the_contract_says() {
    let folder = Folder::new(ROLES);
    let service = folder.serve();
    let (status, answer) = service.ask(&question('a'));
    let id = answer["id"].as_str().unwrap();
    assert_eq!((status, answer["status"].as_str()), (200, Some("pending")));
    assert_eq!(answer["url"], format!("http://127.0.0.1:{}/approvals/{id}", service.port));
    assert!(answer["expires_at"].as_str().unwrap().ends_with('Z') && answer.get("reason").is_none());
    assert_eq!(service.asked(&question('a')), ("pending".to_owned(), id.to_owned()));
    assert_eq!(service.decide(&id[..8], "approve", Some("fine")).0, 200);
    let (_, answer) = service.ask(&question('a'));
    assert_eq!((answer["status"].as_str(), answer["reason"].as_str()), (Some("approved"), Some("fine")));
    let (status, next) = service.asked(&question('a'));
    assert!(status == "pending" && next != id);
    assert_eq!(service.decide(&next, "deny", Some("not today")).0, 200);
    for _ in 0..2 {
        let (_, answer) = service.ask(&question('a'));
        assert_eq!(
            (answer["status"].as_str(), answer["reason"].as_str()),
            (Some("denied"), Some("not today"))
        );
    }
    for (id, verb, status, answer) in [
        (next.as_str(), "approve", 409, "ann has already denied it"),
        (&next[..5], "deny", 404, "an id must be 32 hex digits, or at least the first 6"),
        (&"0".repeat(32), "deny", 404, "there is no such approval"),
    ] {
        assert_eq!(service.decide(id, verb, None), (status, json!({ "error": answer })));
    }
}

#[test]
fn an_invalid_question_or_caller_is_refused() {
    let folder = Folder::new(&format!(
        "{ROLES}[[callers]]\nname = \"limited\"\nservers = [\"crm\"]\n\
         token_sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n"
    ));
    let service = folder.serve();
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
        ("an unknown token", "guessed", "application/json", &valid, 401),
        ("a person's token", service.ann.as_str(), "application/json", &valid, 401),
        ("limited to this server", "abc", "application/json; charset=utf-8", &valid, 200),
        ("limited to another server", "abc", "application/json", &sealed(&foreign), 403),
        ("not JSON", "abc", "text/plain", &valid, 415),
        ("duplicate keys", "abc", "application/json", &twice, 400),
        ("too large", "abc", "application/json", &large, 413),
        ("as large as the largest call", "abc", "application/json", &still, 200),
        ("the fingerprint of another call", "abc", "application/json", &other, 400),
        ("not a question", "abc", "application/json", &"{}".to_owned(), 400),
    ] {
        let request = agent().post(format!("http://127.0.0.1:{}/v1/approvals", service.port));
        let request = request.header("authorization", format!("Bearer {token}"));
        let answer = request.header("content-type", content_type).send(body.as_bytes()).unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{name}");
    }
    let (_, answer) = service.send("POST", "/v1/approvals", "abc", Some("{}"));
    assert_eq!(answer, json!({ "error": "`arguments` must be an object" }));
    assert_eq!(service.ask(&question('a')).0, 200);
    folder.run(&["caller", "envoy", "--revoke"]);
    assert_eq!(service.ask(&question('a')).0, 401);
}

#[test]
fn nobody_approves_their_own_call() {
    let folder = Folder::new(&format!("{ROLES}[[approvers]]\nname = \"ann\"\nprincipals = [\"bot\"]\n"));
    let service = folder.serve();
    let (_, id) = service.asked(&question('a'));
    let (status, answer) = service.decide(&id, "approve", None);
    assert_eq!(status, 403, "{answer}");
    assert_eq!(service.asked(&question('a')).0, "pending");
}

#[test]
fn of_fifty_calls_through_two_processes_one_goes_on() {
    for folder in Folder::each(ROLES) {
        let services = [folder.serve(), folder.serve()];
        let (_, id) = services[0].asked(&question('a'));
        assert_eq!(services[1].decide(&id, "approve", None).0, 200);
        let answers: Vec<_> = thread::scope(|scope| {
            let ask = |number: usize| services[number % 2].asked(&question('a'));
            let threads: Vec<_> = (0..50).map(|number| scope.spawn(move || ask(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let approved: Vec<_> = answers.iter().filter(|(status, _)| status == "approved").collect();
        assert_eq!(approved, [&("approved".to_owned(), id)]);
        let mut others: Vec<_> = answers.iter().filter(|(status, _)| status == "pending").collect();
        assert_eq!(others.len(), 49);
        others.dedup();
        assert_eq!(others.len(), 1, "they share one approval");
    }
}
