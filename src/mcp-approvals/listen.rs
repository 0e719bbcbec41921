//! Accepts connections, limits their number and duration, and ends them gracefully.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::logging;
use crate::tls::{self, Current};
use crate::user::Peer;

/// The most connections that are open at once.
const MAX_CONNECTIONS: usize = 4096;

/// How long the head of a request may take to arrive, and how long a connection may be idle. Most proxies
/// keep idle connections for a shorter time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long open requests may take to finish once the service stops.
const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// Serves until `stopping` becomes `true`, and then until open requests have finished.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Current>>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                // Probably too many open files: wait until other connections have ended.
                logging::line(format_args!("cannot accept a connection: {why}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, router, watcher) = (tls.clone(), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let peer = Peer { address, names: Arc::from([]) };
            // An error here is the client's: a failed handshake or a broken connection.
            let _ = connection(stream, tls, router, peer, watcher).await;
            drop(permit);
        });
    }
    drop(listener);
    if timeout(GRACE_PERIOD, graceful.shutdown()).await.is_err() {
        logging::line("some requests did not finish in time and were aborted");
    }
}

/// Serves one connection.
async fn connection(
    stream: TcpStream,
    tls: Option<Arc<Current>>,
    router: Router,
    mut peer: Peer,
    watcher: Watcher,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(tls) = tls else { return http1(stream, router, peer, watcher).await };
    let handshake = timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(tls.server()).accept(stream)).await;
    let stream = handshake.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let (_, session) = stream.get_ref();
    peer.names = tls::names(session).into();
    if session.alpn_protocol() == Some(b"h2") {
        return http2(stream, router, peer, watcher).await;
    }
    http1(stream, router, peer, watcher).await
}

async fn http1<S>(stream: S, router: Router, peer: Peer, watcher: Watcher) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(router.clone(), peer.clone(), request));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await.map_err(io::Error::other)
}

async fn http2<S>(stream: S, router: Router, peer: Peer, watcher: Watcher) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| answer(router.clone(), peer.clone(), request));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(HANDSHAKE_TIMEOUT)
        .max_concurrent_streams(200)
        .max_header_list_size(64 * 1024);
    watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await.map_err(io::Error::other)
}

/// Passes one request to the router, with the peer in its extensions.
async fn answer(router: Router, peer: Peer, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    router.oneshot(request).await
}
