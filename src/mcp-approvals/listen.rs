//! Connections: accepted, bounded in number and time, and ended with grace.

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

/// How many connections are open at once.
const CONNECTIONS: usize = 4096;

/// For how long the head of a request may take to come, and a connection may be idle: longer than
/// most proxies keep one in their pools.
const HEAD: Duration = Duration::from_secs(90);

/// For how long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// For how long requests may take to end once the service stops.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until `stopping` turns `true`, and then until open requests are answered.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Current>>,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                // Too many open files, most likely: others have to end first.
                logging::line(format_args!("cannot accept a connection: {why}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, router, watcher) = (tls.clone(), router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let peer = Peer { address, names: Arc::from([]) };
            // Whoever breaks the connection off knows it.
            let _ = connection(stream, tls, router, peer, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        logging::line("some requests took too long to end, and were broken off");
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
    let handshake = timeout(HANDSHAKE, TlsAcceptor::from(tls.server()).accept(stream)).await;
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
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
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
        .keep_alive_interval(HEAD)
        .keep_alive_timeout(HANDSHAKE)
        .max_concurrent_streams(200)
        .max_header_list_size(64 * 1024);
    watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await.map_err(io::Error::other)
}

/// Answers one request, which knows from whom it came.
async fn answer(router: Router, peer: Peer, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    router.oneshot(request).await
}
