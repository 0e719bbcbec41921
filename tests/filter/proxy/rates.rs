//! A rate limit service in memory, from the protocol's own description: it does what the reference implementation does
//! on a Redis.

use std::collections::HashMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct RateLimitRequest {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(message, repeated, tag = "2")]
    pub descriptors: Vec<Descriptor>,
    #[prost(uint32, tag = "3")]
    pub hits_addend: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Descriptor {
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Entry>,
    #[prost(message, optional, tag = "2")]
    pub limit: Option<Limit>,
    #[prost(message, optional, tag = "3")]
    pub hits_addend: Option<Hits>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Limit {
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    pub unit: i32,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Hits {
    #[prost(uint64, tag = "1")]
    pub value: u64,
}

#[derive(Clone, PartialEq, Message)]
pub struct RateLimitResponse {
    #[prost(int32, tag = "1")]
    pub overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    pub statuses: Vec<Status>,
    /// A field that the filter does not know
    #[prost(bytes = "vec", tag = "5")]
    pub raw_body: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(message, optional, tag = "2")]
    pub current_limit: Option<Limit>,
    #[prost(uint32, tag = "3")]
    pub limit_remaining: u32,
    #[prost(message, optional, tag = "4")]
    pub duration_until_reset: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Duration {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct GrpcService {
    #[prost(message, optional, tag = "1")]
    pub envoy_grpc: Option<EnvoyGrpc>,
}

#[derive(Clone, PartialEq, Message)]
pub struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    pub cluster_name: String,
    #[prost(string, tag = "2")]
    pub authority: String,
}

/// What one service has counted, by tally and window.
#[derive(Debug, Default)]
pub struct Service {
    hits: HashMap<(String, String, u64), u64>,
}

impl Service {
    /// Answers a question at `now_s`, in seconds since the epoch.
    pub fn answer(&mut self, message: &[u8], now_s: u64) -> RateLimitResponse {
        let request = RateLimitRequest::decode(message).unwrap();
        let statuses: Vec<Status> =
            request.descriptors.iter().map(|descriptor| self.status(&request, descriptor, now_s)).collect();
        let over = statuses.iter().any(|status| status.code == 2);
        RateLimitResponse { overall_code: if over { 2 } else { 1 }, statuses, raw_body: b"x".to_vec() }
    }

    fn status(&mut self, request: &RateLimitRequest, descriptor: &Descriptor, now_s: u64) -> Status {
        let limit = descriptor.limit.unwrap();
        let length = [1, 60, 3_600, 86_400][usize::try_from(limit.unit).unwrap() - 1];
        let adds =
            descriptor.hits_addend.map_or_else(|| u64::from(request.hits_addend.max(1)), |hits| hits.value);
        let [entry] = descriptor.entries.as_slice() else { panic!("one entry identifies a tally") };
        let hits = self.hits.entry((entry.key.clone(), entry.value.clone(), now_s / length)).or_default();
        *hits += adds;
        let left = u64::from(limit.requests_per_unit).checked_sub(*hits);
        let until_s = i64::try_from(length - now_s % length).unwrap();
        Status {
            code: if left.is_some() { 1 } else { 2 },
            current_limit: Some(limit),
            limit_remaining: u32::try_from(left.unwrap_or_default()).unwrap(),
            duration_until_reset: Some(Duration { seconds: until_s, nanos: 0 }),
        }
    }
}
