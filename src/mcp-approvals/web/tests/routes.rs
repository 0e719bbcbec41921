//! Who may do what by way of the pages, and what every answer says to the browser.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::super::headers::CONTENT_SECURITY_POLICY;
use super::super::{path, routes};
use super::call;
use crate::app::{App, AppState};
use crate::clock::now_ms;
use crate::config::Settings;
use crate::model::{Approval, Question, Status};
use crate::secret;
use crate::store::{Permissions, Store};

const ORIGIN: &str = "http://approvals.example";

/// A service with a database of its own, and the session of whoever uses it.
struct Service {
    app: AppState,
    router: Router,
    cookie: String,
    _stop: watch::Sender<bool>,
    file: std::path::PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.file.display()));
        }
    }
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The token that the page's forms carry.
    fn token(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Service {
    async fn new() -> Self {
        let file = std::env::temp_dir().join(format!("mcp-approvals-{}.db", secret::id().unwrap()));
        let store = Store::open(&format!("sqlite:{}", file.display()), &[]).await.unwrap();
        let (stop, stopping) = watch::channel(false);
        let app = App::new(Settings::default(), ORIGIN.to_owned(), store, stopping).await.unwrap();
        Self { router: routes().with_state(app.clone()), app, cookie: String::new(), _stop: stop, file }
    }

    /// Makes an account, and signs in with its invitation.
    async fn as_(mut self, name: &str, may: &Permissions) -> Self {
        let secret = self.app.store.invite(name, may, now_ms()).await.unwrap();
        let answer =
            self.post(&format!("/invitations/{secret}"), "password=correct+horse&again=correct+horse").await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, "/"),
            "{}",
            answer.text
        );
        self.cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        self
    }

    async fn send(&self, request: axum::http::request::Builder, body: &str) -> Answer {
        let request = request.header(header::COOKIE, &self.cookie).body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, 10 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), "").await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        let form_type = "application/x-www-form-urlencoded";
        self.send(Request::post(path).header("content-type", form_type).header("origin", ORIGIN), form).await
    }

    async fn ask(&self, question: &Question) -> Approval {
        self.app.store.ask(question, "envoy", now_ms).await.unwrap()
    }

    async fn status(&self, id: &str) -> Status {
        self.app.store.get(id, now_ms()).await.unwrap().unwrap().status
    }
}

fn asked(tool: &str) -> Question {
    Question { fingerprint: secret::hash(tool), ..call(tool, r#"{"amount":12}"#).question }
}

#[tokio::test]
async fn every_answer_has_the_headers() {
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
async fn an_asset_is_kept_forever_under_the_address_that_a_page_names() {
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
async fn whoever_is_nobody_signs_in_and_comes_back() {
    let mut stranger = Service::new().await.as_("zoe", &Permissions::everything()).await;
    stranger.cookie.clear();
    let id = "0".repeat(32);
    let answer = stranger.get(&format!("/approvals/{id}?x=1")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let location = answer.header("location").to_owned();
    assert_eq!(location, format!("/sign-in?next={}", path::encode(&format!("/approvals/{id}?x=1"))));
    assert!(stranger.get(&location).await.text.contains(&format!("value=\"/approvals/{id}?x=1\"")));
    let wrong = stranger.post("/sign-in", "name=zoe&password=wrong&next=/history").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (next, expected) in [("/history", "/history"), ("//other.example", "/"), ("/%5Cother.example", "/")] {
        let answer = stranger.post("/sign-in", &format!("name=zoe&password=correct+horse&next={next}")).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, expected));
        assert!(answer.header("set-cookie").contains("HttpOnly"));
    }
    let answer = stranger.post(&format!("/approvals/{id}/approve"), "").await;
    assert_eq!(answer.header("location"), format!("/sign-in?next=%2Fapprovals%2F{id}"));
}

#[tokio::test]
async fn a_decision_takes_the_pages_own_form_and_a_reason_to_refuse() {
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
async fn what_is_not_shown_whole_is_not_approved_unread() {
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
async fn a_role_bounds_what_is_seen_and_done() {
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
    assert!(page.text.contains("Not yours to decide") && !page.text.contains("/refuse"));
    for (id, expected) in [(&seen, StatusCode::FORBIDDEN), (&unseen, StatusCode::NOT_FOUND)] {
        let answer =
            service.post(&format!("/approvals/{id}/approve"), &format!("token={}", page.token())).await;
        assert_eq!((answer.status, service.status(id).await), (expected, Status::Pending));
    }
}

#[tokio::test]
async fn who_asked_is_told_that_somebody_else_approves() {
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
async fn signing_out_takes_a_form_and_ends_the_session() {
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
async fn an_invitation_is_taken_up_once() {
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
async fn too_many_attempts_are_told_how_long_to_wait() {
    let service = Service::new().await;
    let mut answer = service.post("/sign-in", "name=zoe&password=wrong").await;
    for _ in 0..5 {
        answer = service.post("/sign-in", "name=zoe&password=wrong").await;
    }
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn pages_of_the_history_lead_to_one_another() {
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
