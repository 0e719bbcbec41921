//! `envoy.service.ratelimit.v3.RateLimitService` over gRPC.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message as _;
use prost::bytes::BufMut as _;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::service::Routes;
use tonic::{Request as Call, Response as Answer, Status};
use tonic_prost::ProstDecoder;

use crate::config::Config;
use crate::faults::{Fault, Sent};
use crate::limit::{self, UnknownUnit};
use crate::messages::{Request, Response};
use crate::store::Store;

/// The path of the service's only method.
const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// Judges requests.
pub struct Limiter {
    /// The configured domains
    pub config: Config,
    /// The counters
    pub store: Store,
    /// The faults by domain
    pub faults: HashMap<String, Fault>,
}

impl Limiter {
    /// Answers a request, wrongly if its domain has a fault.
    async fn answer(&self, request: Request) -> Result<Vec<u8>, Status> {
        let right = self.judge(&request).await?;
        let Some(fault) = self.faults.get(&request.domain) else { return Ok(right.encode_to_vec()) };
        tokio::time::sleep(fault.delay()).await;
        match fault.apply(right) {
            Sent::Bytes(bytes) => Ok(bytes),
            Sent::Error => Err(Status::unavailable("a fault for tests")),
            Sent::Nothing => std::future::pending().await,
        }
    }

    /// Answers as the reference implementation does. Its errors have the gRPC status UNKNOWN.
    async fn judge(&self, request: &Request) -> Result<Response, Status> {
        if request.domain.is_empty() {
            return Err(Status::unknown("rate limit domain must not be empty"));
        }
        if request.descriptors.is_empty() {
            return Err(Status::unknown("rate limit descriptor list must not be empty"));
        }
        let now = now();
        let limits: Vec<_> = request
            .descriptors
            .iter()
            .map(|descriptor| self.config.limit(&request.domain, descriptor))
            .collect();
        let limited = request.descriptors.iter().zip(&limits);
        let charges = limited
            .filter_map(|(descriptor, limit)| {
                limit.map(|limit| limit::charge(request, descriptor, limit, now))
            })
            .collect::<Result<Vec<_>, _>>()
            .unwrap_or_else(crash);
        let counted = self.store.add(&charges, now).await;
        let mut counted = counted.map_err(|error| Status::unknown(error.to_string()))?.into_iter();
        let status = |limit: Option<_>| match limit.zip(limit.and_then(|_| counted.next())) {
            Some((limit, after)) => limit::status(limit, after, now).unwrap_or_else(crash),
            None => limit::unlimited(),
        };
        Ok(limit::response(limits.into_iter().map(status).collect()))
    }
}

/// Ends the process, as the reference implementation does.
fn crash<T>(unit: UnknownUnit) -> T {
    eprintln!(
        "a limit with the unit {}: the reference implementation crashes here, and so does this",
        unit.0
    );
    std::process::exit(2)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns the routes of a gRPC server.
pub fn routes(limiter: Limiter) -> Routes {
    let method = Method(Arc::new(limiter));
    let service = tower::service_fn(move |call: axum::extract::Request| {
        let method = method.clone();
        async move { Ok::<_, Infallible>(Grpc::new(Bytes).unary(method, call).await) }
    });
    Routes::from(axum::Router::new().route_service(PATH, service))
}

/// The method, as tonic calls it.
#[derive(Clone)]
struct Method(Arc<Limiter>);

impl UnaryService<Request> for Method {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<Answer<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, call: Call<Request>) -> Self::Future {
        let limiter = Arc::clone(&self.0);
        Box::pin(async move { limiter.answer(call.into_inner()).await.map(Answer::new) })
    }
}

/// Decodes requests, and sends answers as the bytes that they are, since faults are not messages.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Request;
    type Encoder = Self;
    type Decoder = ProstDecoder<Request>;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> ProstDecoder<Request> {
        ProstDecoder::default()
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}
