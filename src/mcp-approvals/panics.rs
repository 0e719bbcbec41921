//! Keeps the service running after a panic.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;

use crate::api;
use crate::app::App;
use crate::logging;

/// How long a background task pauses after a panic.
const PAUSE: Duration = Duration::from_secs(1);

/// Middleware that answers 500 if a handler panics. Without it the request would end without an answer, and
/// over HTTP/1.1 the connection too.
pub async fn catch(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    // The handler's own state is dropped. What handlers share stays valid: the database rolls back, and locks
    // that a panic has poisoned are still used.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            logging::line(format_args!("internal error: the handler of {route} panicked"));
            api::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        }
    }
}

/// Runs a background task until it ends, and starts it again a second after each panic.
pub async fn restart<F>(app: &App, name: &str, task: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while tokio::spawn(task()).await.is_err() {
        logging::line(format_args!("internal error: {name} panicked, and will be restarted"));
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.stopped() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;

    use super::*;
    use crate::app::AppState;
    use crate::config::Settings;
    use crate::store::Store;
    use crate::{listen, secret, serve};

    /// Creates a service with a database in `directory`.
    async fn service(directory: &std::path::Path) -> (AppState, watch::Sender<bool>) {
        let url = format!("sqlite:{}", directory.join("approvals.db").display());
        let store = Store::open(&url, &[]).await.unwrap();
        let (stop, stopping) = watch::channel(false);
        (App::new(Settings::default(), "http://x".to_owned(), store, stopping).await.unwrap(), stop)
    }

    fn directory() -> std::path::PathBuf {
        let directory = std::env::temp_dir().join(format!("mcp-approvals-{}", secret::id().unwrap()));
        std::fs::create_dir(&directory).unwrap();
        directory
    }

    async fn panics() -> &'static str {
        panic!("on purpose")
    }

    /// Sends a request, and returns the status and the rest of the answer's first packet.
    async fn send_get(stream: &mut TcpStream, path: &str) -> String {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut buffer = vec![0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn a_handler_that_panics_answers_500_and_the_connection_goes_on() {
        let directory = directory();
        let (app, stop) = service(&directory).await;
        let routes = Router::new().route("/panic", get(panics)).route("/fine", get(|| async { "fine" }));
        let router = serve::with_middleware(routes, Arc::clone(&app));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(listen::serve(listener, None, router, stop.subscribe()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut other = TcpStream::connect(address).await.unwrap();
        for stream in [&mut stream, &mut other] {
            let answer = send_get(stream, "/panic").await;
            assert!(answer.starts_with("HTTP/1.1 500"), "{answer:?}");
            let answer = send_get(stream, "/fine").await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("fine"), "{answer:?}");
        }
        drop((stream, other));
        stop.send(true).unwrap();
        served.await.unwrap();
        app.store.close().await;
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[tokio::test]
    async fn a_background_task_that_panics_is_restarted() {
        let directory = directory();
        let (app, _stop) = service(&directory).await;
        let runs = Arc::new(AtomicU32::new(0));
        let task = || {
            let runs = Arc::clone(&runs);
            async move { assert!(runs.fetch_add(1, Ordering::Relaxed) > 0, "on purpose") }
        };
        restart(&app, "the test", task).await;
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        app.store.close().await;
        std::fs::remove_dir_all(directory).unwrap();
    }
}
