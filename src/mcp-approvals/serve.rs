//! Runs the service: routes, background tasks and shutdown.

mod first_steps;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Router, response};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::app::{App, AppState};
use crate::clock::now_ms;
use crate::config::{self, Settings};
use crate::store::Store;
use crate::{api, ask, feed, listen, logging, panics, sse, tls, web, webhooks};

/// The default database.
pub const DATABASE: &str = "sqlite:mcp-approvals.db";

/// The largest body of a form or a decision, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// How long a request may take that does not wait for a decision.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How often expired approvals are marked.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// How often old approvals are deleted.
const DELETE_INTERVAL: Duration = Duration::from_secs(60);

/// How many milliseconds a day has.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How often certificates are reloaded.
const RELOAD_INTERVAL: Duration = Duration::from_secs(60);

/// Serves until the process is told to stop.
///
/// # Errors
/// Why the service cannot start.
pub async fn run(settings: Settings, tls: Option<tls::Current>) -> Result<(), String> {
    let tls = tls.map(Arc::new);
    let listen = settings.listen.as_deref().unwrap_or(config::LISTEN);
    let database = settings.database.as_deref().unwrap_or(DATABASE);
    let names = webhooks::names(&settings.webhooks);
    let store = Store::open(database, &names).await.map_err(|why| why.to_string())?;
    let store = store.with_quotas(settings.quotas);
    let store = match settings.most_waiting {
        Some(most_waiting) => store.with_max_pending(most_waiting),
        None => store,
    };
    let listener =
        TcpListener::bind(listen).await.map_err(|why| format!("cannot listen on `{listen}`: {why}"))?;
    let address = listener.local_addr().map_err(|why| why.to_string())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    if settings.url.is_none() && address.ip().is_unspecified() {
        logging::line(format_args!(
            "no `url` is configured, so links point to {scheme}://{address}, which nobody can open"
        ));
    }
    let url = settings.base_url(&address.to_string());
    let (stop, stopping) = watch::channel(false);
    let app = App::new(settings, url, store, stopping.clone()).await.map_err(|why| why.to_string())?;
    first_steps::print(&app).await.map_err(|why| why.to_string())?;

    let reload_tls = tls.clone();
    let background = [
        spawn(&app, "the feed of changes", feed::run),
        spawn(&app, "the delivery to webhooks", webhooks::run),
        spawn(&app, "the sweep of expired approvals", sweep),
        spawn(&app, "the deletion of old approvals", delete_old),
        spawn(&app, "the reloading of certificates", move |app| reload(app, reload_tls.clone())),
    ];
    let served = tokio::spawn(listen::serve(listener, tls, router(AppState::clone(&app)), stopping));
    say(&format!("port={}", address.port()));
    stop_signal().await?;
    logging::line("stopping");
    // Sending fails only if no receiver is left.
    let _ = stop.send(true);
    for task in std::iter::once(served).chain(background) {
        let _ = task.await;
    }
    app.store.close().await;
    Ok(())
}

/// Starts a background task, which survives panics.
fn spawn<F>(
    app: &AppState,
    name: &'static str,
    task: impl Fn(AppState) -> F + Send + Sync + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let app = AppState::clone(app);
    tokio::spawn(async move { panics::restart(&app, name, || task(AppState::clone(&app))).await })
}

/// Returns the router with all routes.
fn router(app: AppState) -> Router {
    let routes = Router::new()
        .route("/v1/approvals", post(ask::ask).get(api::list))
        .route("/v1/approvals/{id}", get(api::show))
        .route("/v1/approvals/{id}/approve", post(api::approve))
        .route("/v1/approvals/{id}/deny", post(api::deny))
        .route("/v1/events", get(api::events))
        .route("/events", get(sse::events))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(web::routes());
    with_middleware(routes, app)
}

/// Adds what all routes share: a limit of the body, an answer after a panic, and the measuring of durations.
pub fn with_middleware(routes: Router<AppState>, app: AppState) -> Router {
    let measure = middleware::from_fn_with_state(AppState::clone(&app), measured);
    routes
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(panics::catch))
        .layer(measure)
        .with_state(app)
}

/// Measures the duration of a request, and limits it unless the request may wait for a decision.
async fn measured(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let response = match route.as_str() {
        "/v1/approvals" | "/events" => next.run(request).await,
        _ => match timeout(REQUEST_TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
        },
    };
    app.metrics.request_finished(&route, begun.elapsed());
    response
}

/// `GET /readyz`: whether the database answers.
async fn ready(State(app): State<AppState>) -> Response {
    match timeout(Duration::from_secs(5), app.store.ping()).await {
        Ok(Ok(())) => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

/// `GET /metrics`: all metrics in the OpenMetrics text format.
async fn metrics(State(app): State<AppState>) -> Response {
    let now_ms = now_ms();
    let (pending, oldest_ms) = match app.store.pending_count(now_ms).await {
        Ok(counted) => counted,
        Err(why) => return api::failed(&why),
    };
    let age_ms = oldest_ms.map_or(0, |oldest_ms| now_ms.saturating_sub(oldest_ms));
    let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or_default());
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response::IntoResponse::into_response(([(header::CONTENT_TYPE, form)], app.metrics.text(pending, age)))
}

/// Marks expired approvals until the service stops.
async fn sweep(app: AppState) {
    while !*app.stopping.borrow() {
        match app.store.sweep(now_ms()).await {
            Ok(0) => {}
            // There may be more.
            Ok(_) => {
                app.feed.wake();
                continue;
            }
            Err(why) => logging::line(why),
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            () = app.stopped() => {}
        }
    }
}

/// Deletes old approvals until the service stops, if the configuration says how long to keep them.
async fn delete_old(app: AppState) {
    let Some(days) = app.settings.keep_days else { return };
    while !*app.stopping.borrow() {
        let now_ms = now_ms();
        let before_ms = now_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
        match app.store.delete_old(before_ms, now_ms).await {
            // There may be more.
            Ok(Some(deleted)) => {
                app.metrics.deleted(deleted.approvals);
                continue;
            }
            Ok(None) => {}
            Err(why) => logging::line(format_args!("cannot delete old approvals: {why}")),
        }
        tokio::select! {
            () = tokio::time::sleep(DELETE_INTERVAL) => {}
            () = app.stopped() => {}
        }
    }
}

/// Reloads certificates until the service stops.
async fn reload(app: AppState, tls: Option<Arc<tls::Current>>) {
    let Some(tls) = tls else { return };
    loop {
        tokio::select! {
            () = tokio::time::sleep(RELOAD_INTERVAL) => {}
            () = app.stopped() => return,
        }
        if let Err(why) = tls.reload() {
            logging::line(format_args!("{why}; the previous certificates stay in use"));
        }
    }
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|why| why.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|why| why.to_string())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Prints a line to standard output. Ignores errors, since nobody may be reading it.
pub fn say(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
