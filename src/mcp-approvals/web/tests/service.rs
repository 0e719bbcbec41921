//! A service without a listener, for tests of its routes.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::call;
use crate::app::{App, AppState};
use crate::clock::now_ms;
use crate::config::Settings;
use crate::model::{Approval, Question, Status};
use crate::secret;
use crate::store::{Permissions, Store};
use crate::web::routes;

pub const ORIGIN: &str = "http://approvals.example";

/// A service with its own database, and the session of its user.
pub struct Service {
    pub app: AppState,
    router: Router,
    pub cookie: String,
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

/// A response.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the CSRF token of the page's forms.
    pub fn token(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Service {
    pub async fn new() -> Self {
        let file = std::env::temp_dir().join(format!("mcp-approvals-{}.db", secret::id().unwrap()));
        let store = Store::open(&format!("sqlite:{}", file.display()), &[]).await.unwrap();
        let (stop, stopping) = watch::channel(false);
        let app = App::new(Settings::default(), ORIGIN.to_owned(), store, stopping).await.unwrap();
        Self { router: routes().with_state(app.clone()), app, cookie: String::new(), _stop: stop, file }
    }

    /// Creates an account and signs in with its invitation.
    pub async fn as_(mut self, name: &str, may: &Permissions) -> Self {
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

    pub async fn send(&self, request: axum::http::request::Builder, body: &str) -> Answer {
        let request = request.header(header::COOKIE, &self.cookie).body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, 10 << 20).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), "").await
    }

    pub async fn post(&self, path: &str, form: &str) -> Answer {
        let form_type = "application/x-www-form-urlencoded";
        self.send(Request::post(path).header("content-type", form_type).header("origin", ORIGIN), form).await
    }

    pub async fn ask(&self, question: &Question) -> Approval {
        self.app.store.ask(question, "envoy", now_ms).await.unwrap()
    }

    pub async fn status(&self, id: &str) -> Status {
        self.app.store.get(id, now_ms()).await.unwrap().unwrap().status
    }
}

pub fn asked(tool: &str) -> Question {
    Question {
        fingerprint: secret::hash(tool),
        call: secret::hash(tool),
        ..call(tool, r#"{"amount":12}"#).question
    }
}
