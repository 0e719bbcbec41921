//! Signing in and out, and accepting invitations.

use axum::http::StatusCode;

use super::service::Service;
use crate::clock::now_ms;
use crate::store::Permissions;
use crate::web::path;

#[tokio::test]
async fn an_anonymous_viewer_signs_in_and_returns() {
    let mut anonymous = Service::new().await.as_("zoe", &Permissions::everything()).await;
    anonymous.cookie.clear();
    let id = "0".repeat(32);
    let answer = anonymous.get(&format!("/approvals/{id}?x=1")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let location = answer.header("location").to_owned();
    assert_eq!(location, format!("/sign-in?next={}", path::encode(&format!("/approvals/{id}?x=1"))));
    assert!(anonymous.get(&location).await.text.contains(&format!("value=\"/approvals/{id}?x=1\"")));
    let wrong = anonymous.post("/sign-in", "name=zoe&password=wrong&next=/history").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (next, expected) in [("/history", "/history"), ("//other.example", "/"), ("/%5Cother.example", "/")] {
        let answer =
            anonymous.post("/sign-in", &format!("name=zoe&password=correct+horse&next={next}")).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, expected));
        assert!(answer.header("set-cookie").contains("HttpOnly"));
    }
    let answer = anonymous.post(&format!("/approvals/{id}/approve"), "").await;
    assert_eq!(answer.header("location"), format!("/sign-in?next=%2Fapprovals%2F{id}"));
}

#[tokio::test]
async fn signing_out_needs_a_form_and_ends_the_session() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let token = service.get("/").await.token();
    assert_eq!(service.get("/sign-out").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(service.post("/sign-out", "token=wrong").await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.get("/").await.status, StatusCode::OK);
    let answer = service.post("/sign-out", &format!("token={token}")).await;
    assert_eq!(answer.header("location"), "/sign-in");
    assert_eq!(service.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_invitation_is_accepted_once() {
    let mut service = Service::new().await;
    let secret = service.app.store.invite("", &Permissions::everything(), now_ms()).await.unwrap();
    let path = format!("/invitations/{secret}");
    for (form, field) in [
        ("name=a+b&password=correct+horse&again=correct+horse", "name-fault"),
        ("name=zoe&password=short&again=short", "password-fault"),
        ("name=zoe&password=correct+horse&again=correct+house", "again-fault"),
    ] {
        let answer = service.post(&path, form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text.contains(&format!("id=\"{field}\"")), "{form}: {}", answer.text);
    }
    let form = "name=zoe&password=correct+horse&again=correct+horse";
    assert_eq!(service.post(&path, form).await.status, StatusCode::SEE_OTHER);
    service.cookie.clear();
    for answer in [service.get(&path).await, service.post(&path, form).await] {
        assert_eq!(answer.status, StatusCode::GONE);
    }
}

#[tokio::test]
async fn after_too_many_attempts_the_answer_says_how_long_to_wait() {
    let service = Service::new().await;
    let mut answer = service.post("/sign-in", "name=zoe&password=wrong").await;
    for _ in 0..5 {
        answer = service.post("/sign-in", "name=zoe&password=wrong").await;
    }
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "5");
}
