//! A service that allows every request that Envoy's filters `ext_authz` and `ext_proc` ask it about: what asking
//! costs at least, since a service that judges does more.
//!
//! It prints `port=12345` when it serves gRPC, and runs in one thread. A question without the whole body of the request
//! gets an error, so that no measurement is about a filter that sends less than it should.

mod answers;

use std::error::Error;

use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::ExternalProcessorServer;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use answers::Allow;

/// Flow control must not slow down questions with large bodies, in bytes.
const WINDOW: u32 = 16 * 1024 * 1024;

/// Envoy's `ext_proc` resets each stream when it has its answer. With the default, the server takes many resets for an attack
/// and closes the connection.
const RESETS: usize = 100_000;

// The default limit for a message, 4 MiB, is enough for a body of 1 MiB.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("port={}", listener.local_addr()?.port());
    Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_max_pending_accept_reset_streams(Some(RESETS))
        .add_service(AuthorizationServer::new(Allow))
        .add_service(ExternalProcessorServer::new(Allow))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}
