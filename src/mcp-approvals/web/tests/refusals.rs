//! Reasons of refusals, and refusing several calls at once.

use axum::http::{Request, StatusCode};

use super::service::{Service, asked};
use crate::config::REFUSALS;
use crate::model::{Question, Status};
use crate::store::Permissions;
use crate::web::path::encode;

#[tokio::test]
async fn a_reason_is_chosen_or_written_or_both() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let preset = encode(REFUSALS[2]);
    for (tool, form, expected) in [
        ("a", format!("preset={preset}&reason="), REFUSALS[2].to_owned()),
        ("b", "preset=own&reason=Because".to_owned(), "Because".to_owned()),
        ("c", format!("preset={preset}&reason=+On+Monday."), format!("{} On Monday.", REFUSALS[2])),
    ] {
        let id = service.ask(&asked(tool)).await.id;
        let page = service.get(&format!("/approvals/{id}")).await;
        for refusal in REFUSALS {
            assert!(page.text.contains(&format!("<option value=\"{refusal}\">")), "{refusal}");
        }
        let form = format!("token={}&{form}", page.token());
        let answer = service.post(&format!("/approvals/{id}/refuse"), &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{form}");
        let stored = service.app.store.get(&id, crate::clock::now_ms()).await.unwrap().unwrap();
        assert_eq!(stored.decision.unwrap().reason, Some(expected));
    }
    let id = service.ask(&asked("d")).await.id;
    let page = format!("/approvals/{id}");
    for form in ["preset=own&reason=+", "preset=&reason=", "reason="] {
        let form = format!("token={}&{form}", service.get(&page).await.token());
        let answer = service.post(&format!("{page}/refuse"), &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(answer.text.contains("id=\"why-not-fault\""), "{}", answer.text);
    }
}

#[tokio::test]
async fn several_calls_are_refused_each_with_its_own_event() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let mut ids = Vec::new();
    for tool in ["a", "b", "c"] {
        ids.push(service.ask(&asked(tool)).await.id);
    }
    let own = service.ask(&Question { principal: Some("zoe".to_owned()), ..asked("own") }).await.id;
    let page = service.get("/").await;
    assert_eq!(page.text.matches("type=\"checkbox\"").count(), 4);
    assert!(!page.text.contains("/approve\""), "nothing approves from the list");
    let token = page.token();
    let form =
        format!("token={token}&preset=own&reason=Stop&id={}&id={}&id={own}&id={}", ids[0], ids[1], ids[1]);
    let answer = service.post("/refuse", &form).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/?refused=3&late=0"));
    for (id, status) in [
        (&ids[0], Status::Denied),
        (&ids[1], Status::Denied),
        (&own, Status::Denied),
        (&ids[2], Status::Pending),
    ] {
        assert_eq!(service.status(id).await, status);
    }
    let events = service.app.store.events(0, 0, 100).await.unwrap();
    let denied: Vec<_> = events.iter().filter(|event| event.what == "denied").collect();
    assert_eq!(denied.len(), 3);
    assert!(denied.iter().all(|event| event.who == "zoe" && event.reason.as_deref() == Some("Stop")));

    // What cannot be refused does not stop the rest, and is counted.
    let form =
        format!("token={token}&preset=own&reason=Stop&id={}&id={}&id={}", ids[0], ids[2], "0".repeat(32));
    let answer = service.post("/refuse", &form).await;
    assert_eq!(answer.header("location"), "/?refused=1&late=2");
    let page = service.get("/?refused=1&late=2").await;
    assert!(page.text.contains("1 call was refused. 2 calls were not"), "{}", page.text);
    assert_eq!(service.get("/?refused=x").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_incomplete_or_forged_form_refuses_nothing() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let id = service.ask(&asked("a")).await.id;
    let token = service.get("/").await.token();
    for (form, status, text) in [
        (format!("preset=own&reason=x&id={id}"), StatusCode::FORBIDDEN, "not valid"),
        (format!("token=wrong&preset=own&reason=x&id={id}"), StatusCode::FORBIDDEN, "not valid"),
        (
            format!("token={token}&preset=own&reason=x"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "Select at least one call",
        ),
        (
            format!("token={token}&preset=&id={id}"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "Choose or write a reason",
        ),
        (
            format!("token={token}&preset=own&reason={}&id={id}", "x".repeat(2001)),
            StatusCode::UNPROCESSABLE_ENTITY,
            "too long",
        ),
        (format!("token={token}&preset=own&reason=x&id=nonsense"), StatusCode::BAD_REQUEST, "cannot be read"),
    ] {
        let answer = service.post("/refuse", &form).await;
        assert_eq!(answer.status, status, "{form}");
        assert!(answer.text.contains(text), "{form}: {}", answer.text);
    }
    let again = service.post("/refuse", &format!("token={token}&preset=&id={id}")).await;
    assert!(again.text.contains("checked"), "the selection is kept");
    let elsewhere = Request::post("/refuse")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "http://other.example");
    let form = format!("token={token}&preset=own&reason=x&id={id}");
    assert_eq!(service.send(elsewhere, &form).await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.get("/refuse").await.header("location"), "/");
    assert_eq!(service.status(&id).await, Status::Pending);
}

#[tokio::test]
async fn a_viewer_refuses_only_what_their_role_covers() {
    let may = |approve| Permissions { approve, servers: vec!["*".to_owned()], tools: vec!["pay".to_owned()] };
    for (approve, boxes, location) in [(true, 1, "/?refused=1&late=1"), (false, 0, "/?refused=0&late=2")] {
        let service = Service::new().await.as_("zoe", &may(approve)).await;
        let (pay, wipe) = (service.ask(&asked("pay")).await.id, service.ask(&asked("wipe")).await.id);
        let page = service.get("/").await;
        assert_eq!(page.text.matches("type=\"checkbox\"").count(), boxes);
        let form = format!("token={}&preset=own&reason=x&id={pay}&id={wipe}", page.token());
        assert_eq!(service.post("/refuse", &form).await.header("location"), location);
        assert_eq!(service.status(&wipe).await, Status::Pending);
        assert_eq!(service.status(&pay).await, if approve { Status::Denied } else { Status::Pending });
    }
}

#[tokio::test]
async fn the_page_shows_the_last_decisions_for_the_caller() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let (first, open) = (service.ask(&asked("first")).await.id, service.ask(&asked("open")).await.id);
    let page = format!("/approvals/{open}");
    assert!(!service.get(&page).await.text.contains("Last decisions"));
    let form = format!("token={}&preset=own&reason=Not+now", service.get(&page).await.token());
    service.post(&format!("/approvals/{first}/refuse"), &form).await;
    let text = service.get(&page).await.text;
    let (_, earlier) = text.split_once("Last decisions for this caller").unwrap();
    for expected in [&format!("/approvals/{first}"), "Refused", "zoe", "Not now"] {
        assert!(earlier.contains(expected), "{expected}: {earlier}");
    }
}
