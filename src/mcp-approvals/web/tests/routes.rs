//! What people may do on the pages, and the headers of every response.

use axum::http::{Request, StatusCode};

use super::service::{Service, asked};
use crate::model::{Question, Status};
use crate::store::Permissions;
use crate::web::headers::CONTENT_SECURITY_POLICY;

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let id = service.ask(&asked("pay")).await.id;
    for path in [
        "/",
        "/?fragment=list",
        "/history",
        "/sign-in",
        "/nowhere",
        "/invitations/wrong",
        "/assets/app.css",
        "/assets/app.js",
        "/assets/icon.svg",
        &format!("/approvals/{id}"),
        &format!("/approvals/{id}/arguments"),
        &format!("/approvals/{id}/params"),
        &format!("/approvals/{id}/approve"),
        "/approvals/0",
    ] {
        let answer = service.get(path).await;
        assert_eq!(answer.header("content-security-policy"), CONTENT_SECURITY_POLICY, "{path}");
        for (name, expected) in [
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", if path.starts_with("/assets/") { "no-cache" } else { "no-store" }),
        ] {
            assert_eq!(answer.header(name), expected, "{path} {name}");
        }
        assert!(!answer.header("permissions-policy").is_empty());
    }
}

#[tokio::test]
async fn an_asset_is_cached_forever_at_its_versioned_url() {
    let service = Service::new().await;
    let page = service.get("/sign-in").await.text;
    for start in ["href=\"/assets/app.css", "src=\"/assets/app.js"] {
        let (_, rest) = page.split_once(start).unwrap();
        let url = format!("{}{}", start.split_once('"').unwrap().1, rest.split('"').next().unwrap());
        let answer = service.get(&url).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.header("cache-control").contains("immutable"), "{url}");
    }
}

#[tokio::test]
async fn a_decision_needs_the_csrf_token_and_a_refusal_a_reason() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let id = service.ask(&asked("pay")).await.id;
    let page = service.get(&format!("/approvals/{id}")).await;
    let token = page.token();
    let (approve, refuse) = (format!("/approvals/{id}/approve"), format!("/approvals/{id}/refuse"));
    for (path, form, expected) in [
        (&approve, String::new(), StatusCode::FORBIDDEN),
        (&approve, "token=wrong".to_owned(), StatusCode::FORBIDDEN),
        (&refuse, format!("token={token}"), StatusCode::UNPROCESSABLE_ENTITY),
        (&refuse, format!("token={token}&reason=%20%0D%0A"), StatusCode::UNPROCESSABLE_ENTITY),
        (&refuse, format!("token={token}&reason={}", "x".repeat(2001)), StatusCode::UNPROCESSABLE_ENTITY),
        (&refuse, format!("token={token}&reason={}", "x".repeat(40_000)), StatusCode::BAD_REQUEST),
    ] {
        let answer = service.post(path, &form).await;
        assert_eq!(answer.status, expected, "{path} {form}");
    }
    let elsewhere = Request::post(&approve)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "http://other.example");
    assert_eq!(service.send(elsewhere, &format!("token={token}")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.get(&approve).await.header("location"), format!("/approvals/{id}"));
    assert_eq!(service.status(&id).await, Status::Pending);

    let answer = service.post(&refuse, &format!("token={token}&reason=Not+now%0D%0Aor+ever")).await;
    assert_eq!(answer.header("location"), format!("/approvals/{id}#outcome"));
    assert_eq!(service.status(&id).await, Status::Denied);
    let late = service.post(&approve, &format!("token={token}")).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text.contains("<bdi>zoe</bdi> refused this call"), "{}", late.text);
    assert!(service.get(&format!("/approvals/{id}")).await.text.contains("Not now<span class=\"newline\">"));
    assert!(service.get("/history?text=not+now&status=denied").await.text.contains(&id));
}

#[tokio::test]
async fn shortened_arguments_are_not_approved_unread() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let arguments = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
    let id = service.ask(&Question { arguments: arguments.clone(), ..asked("pay") }).await.id;
    let token = service.get(&format!("/approvals/{id}")).await.token();
    let path = format!("/approvals/{id}/approve");
    let answer = service.post(&path, &format!("token={token}")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("id=\"whole-fault\""));
    let download = service.get(&format!("/approvals/{id}/arguments")).await;
    assert_eq!(download.text, arguments);
    assert_eq!(download.header("content-type"), "application/json");
    assert!(download.header("content-disposition").starts_with("attachment;"));
    let answer = service.post(&path, &format!("token={token}&whole=read")).await;
    assert_eq!((answer.status, service.status(&id).await), (StatusCode::SEE_OTHER, Status::Approved));
}

#[tokio::test]
async fn a_role_limits_what_a_viewer_sees_and_does() {
    let may =
        Permissions { approve: false, servers: vec!["aipaygen".to_owned()], tools: vec!["pay_*".to_owned()] };
    let service = Service::new().await.as_("zoe", &may).await;
    let (seen, unseen) =
        (service.ask(&asked("pay_invoice")).await.id, service.ask(&asked("delete")).await.id);
    let list = service.get("/?fragment=list").await.text;
    assert!(list.starts_with("<section") && list.contains(&seen) && !list.contains(&unseen), "{list}");
    let history = service.get("/history").await.text;
    assert!(history.contains(&seen) && !history.contains(&unseen));
    for path in
        [format!("/approvals/{unseen}"), format!("/approvals/{unseen}/arguments"), "/approvals/x".into()]
    {
        assert_eq!(service.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    let page = service.get(&format!("/approvals/{seen}")).await;
    assert!(page.text.contains("You cannot decide this") && !page.text.contains("/refuse"));
    for (id, expected) in [(&seen, StatusCode::FORBIDDEN), (&unseen, StatusCode::NOT_FOUND)] {
        let answer =
            service.post(&format!("/approvals/{id}/approve"), &format!("token={}", page.token())).await;
        assert_eq!((answer.status, service.status(id).await), (expected, Status::Pending));
    }
}

#[tokio::test]
async fn a_viewer_cannot_approve_their_own_call() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    let id = service.ask(&Question { principal: Some("Zoe".to_owned()), ..asked("pay") }).await.id;
    let page = service.get(&format!("/approvals/{id}")).await;
    assert!(page.text.contains("You asked for this yourself") && !page.text.contains("/approve\""));
    let answer = service.post(&format!("/approvals/{id}/approve"), &format!("token={}", page.token())).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("You asked for this yourself"));
    let form = format!("token={}&reason=My+mistake", page.token());
    assert_eq!(service.post(&format!("/approvals/{id}/refuse"), &form).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_pages_of_the_history_are_linked() {
    let service = Service::new().await.as_("zoe", &Permissions::everything()).await;
    for number in 0..60 {
        service.ask(&asked(&format!("tool{number}"))).await;
    }
    let first = service.get("/history?text=tool&status=").await.text;
    assert_eq!(first.matches("scope=\"row\"").count(), 50);
    let (_, rest) = first.split_once("rel=\"next\" href=\"").unwrap();
    let older = rest.split('"').next().unwrap().replace("&amp;", "&");
    let second = service.get(&older).await.text;
    assert_eq!(second.matches("scope=\"row\"").count(), 10);
    assert!(second.contains("rel=\"first\"") && !second.contains("rel=\"next\""));
}
