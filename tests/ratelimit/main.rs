//! A stand-in for the rate limit service `envoyproxy/ratelimit`, for tests only.
//!
//! It does what that service does with the limits that this project sends to it, on a real Redis: it takes a
//! limit from the descriptor if the domain is configured, adds first and compares then, and answers each
//! descriptor by itself. It lacks the rest: no cache, no statistics, no shadow mode, no reloading. In addition,
//! it can answer wrongly on demand.

mod config;
mod faults;
mod limit;
mod messages;
mod service;
mod store;

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tonic::service::Routes;

use config::Config;
use faults::Fault;
use service::Limiter;
use store::Store;

/// A stand-in for the rate limit service envoyproxy/ratelimit. For tests only: use the real one in production.
///
/// Prints `port=NUMBER` when it serves, and logs to standard error.
#[derive(Parser)]
#[command(name = "mcp-policy-ratelimit", version)]
struct Options {
    /// The address of Redis: redis://HOST:PORT or unix:PATH
    #[arg(long, value_name = "URL")]
    redis: String,
    /// Where to listen; port 0 is any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A file with a domain, in YAML, or a folder of such files
    #[arg(long, value_name = "PATH")]
    config: PathBuf,
    /// How many seconds longer than its window a counter may be kept in Redis
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    jitter: u64,
    /// How long Redis may take to answer
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 10_000)]
    redis_timeout: u64,
    /// Answer this domain wrongly
    #[arg(long, value_name = "DOMAIN=FAULT", value_parser = fault)]
    fault: Vec<(String, Fault)>,
}

fn fault(word: &str) -> Result<(String, Fault), String> {
    let (domain, fault) = word.split_once('=').ok_or("expected DOMAIN=FAULT")?;
    Ok((domain.to_owned(), fault.parse()?))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let config = Config::read(&options.config)?;
    eprintln!("this is a stand-in for envoyproxy/ratelimit, for tests only; domains: {}", config.len());
    let faults: HashMap<_, _> = options.fault.into_iter().collect();
    let timeout = Duration::from_millis(options.redis_timeout);
    // As the reference implementation, it listens only when Redis has answered.
    let store = Store::connect(&options.redis, options.jitter, timeout).await?;
    let listener = TcpListener::bind(options.listen).await?;
    println!("port={}", listener.local_addr()?.port());
    let routes = service::routes(Limiter { config, store, faults });
    serve(routes, listener).await
}

/// Serves HTTP/2, without encryption, on all connections of a listener.
///
/// The server of `tonic` would end a question when the time is up that its caller gives it. The reference
/// implementation does not.
async fn serve(routes: Routes, listener: TcpListener) -> Result<(), Box<dyn Error>> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(routes.clone());
        let connection = http2::Builder::new(TokioExecutor::new())
            // The reference implementation has no bound either. With one, Envoy's first questions beyond it fail.
            .max_concurrent_streams(None)
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}
