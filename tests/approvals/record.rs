//! What the database keeps.

use serde_json::json;

use super::service::{Folder, ROLES, question, until};

#[test]
fn every_expired_approval_is_marked() {
    let folder = Folder::new(ROLES);
    let service = folder.serve();
    for number in 0..150 {
        let mut short = question('a');
        short["arguments"] = json!({ "number": number });
        short["expires_seconds"] = json!(1);
        service.asked(&short);
    }
    let expired = || {
        let exported = folder.run(&["export"]);
        exported.lines().filter(|line| line.contains("\"event\":\"expired\"")).count()
    };
    until("mark at each of them", || (expired() >= 150).then_some(()));
    assert_eq!(expired(), 150, "each exactly once");
}

#[test]
fn an_answered_decision_survives_a_power_failure() {
    for folder in Folder::each(ROLES) {
        for round in 0..5 {
            let letter = char::from(b'a' + round);
            let mut service = folder.serve();
            let (_, id) = service.asked(&question(letter));
            assert_eq!(service.decide(&id, "approve", None).0, 200);
            service.kill();
            let mut service = folder.serve();
            assert_eq!(service.asked(&question(letter)), ("approved".to_owned(), id));
            service.kill();
            let service = folder.serve();
            assert_eq!(service.asked(&question(letter)).0, "pending", "the approval was consumed");
        }
    }
}
