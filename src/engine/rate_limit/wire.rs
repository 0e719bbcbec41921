//! The messages as they are sent, with the fields that are used. Unknown fields of an answer are skipped.
//!
//! A question is written without prost: its messages own their texts, so each question would copy all of them.

use prost::Message;

/// The wire type of messages, strings and bytes
const LENGTH_DELIMITED: u8 = 2;

/// Appends a field that contains bytes.
pub(super) fn bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    message(out, field, |out| out.extend_from_slice(bytes));
}

/// Appends a field that contains a number; 0 is its default, so nothing is written.
pub(super) fn varint(out: &mut Vec<u8>, field: u8, number: u32) {
    if number > 0 {
        out.push(field << 3);
        push_varint(out, u64::from(number));
    }
}

/// Appends an `envoy.extensions.common.ratelimit.v3.RateLimitDescriptor` with one entry, as the second field of a
/// `RateLimitRequest`. The hits are written even if there are none: without them the request's count.
pub(super) fn descriptor(out: &mut Vec<u8>, (key, value): (&[u8], &[u8]), limit: Limit, hits: u32) {
    message(out, 2, |out| {
        message(out, 1, |out| {
            bytes(out, 1, key);
            bytes(out, 2, value);
        });
        message(out, 2, |out| {
            varint(out, 1, limit.requests_per_unit);
            varint(out, 2, u32::try_from(limit.unit).unwrap_or_default());
        });
        message(out, 3, |out| varint(out, 1, hits));
    });
}

/// Appends a field that contains what `write` appends. It is written before its length, which then moves to its front.
fn message(out: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.push((field << 3) | LENGTH_DELIMITED);
    let start = out.len();
    write(out);
    let end = out.len();
    push_varint(out, u64::try_from(end.saturating_sub(start)).unwrap_or(u64::MAX));
    let digits = out.len().saturating_sub(end);
    out.get_mut(start..).unwrap_or_default().rotate_right(digits);
}

/// Appends a number in groups of seven bits, the lowest first.
fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// A limit, in a descriptor and in a status
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Limit {
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    pub unit: i32,
}

/// `envoy.service.ratelimit.v3.RateLimitResponse`
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct RateLimitResponse {
    #[prost(int32, tag = "1")]
    pub overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    pub statuses: Vec<DescriptorStatus>,
}

/// The status of one descriptor
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct DescriptorStatus {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(message, optional, tag = "2")]
    pub current_limit: Option<Limit>,
    #[prost(uint32, tag = "3")]
    pub limit_remaining: u32,
    #[prost(message, optional, tag = "4")]
    pub duration_until_reset: Option<Duration>,
}

/// `google.protobuf.Duration`
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Duration {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `envoy.config.core.v3.GrpcService`
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct GrpcService {
    #[prost(message, optional, tag = "1")]
    pub envoy_grpc: Option<EnvoyGrpc>,
}

/// A gRPC service in a cluster of Envoy's
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    pub cluster_name: String,
    #[prost(string, tag = "2")]
    pub authority: String,
}

/// What is written, as another program reads it.
#[cfg(test)]
pub(super) use read_back::{Descriptor, Entry, RateLimitRequest, UInt64};

#[cfg(test)]
mod read_back {
    use super::{Limit, Message};

    #[derive(Clone, PartialEq, Eq, Message)]
    pub struct RateLimitRequest {
        #[prost(string, tag = "1")]
        pub domain: String,
        #[prost(message, repeated, tag = "2")]
        pub descriptors: Vec<Descriptor>,
        #[prost(uint32, tag = "3")]
        pub hits_addend: u32,
    }

    #[derive(Clone, PartialEq, Eq, Message)]
    pub struct Descriptor {
        #[prost(message, repeated, tag = "1")]
        pub entries: Vec<Entry>,
        #[prost(message, optional, tag = "2")]
        pub limit: Option<Limit>,
        #[prost(message, optional, tag = "3")]
        pub hits_addend: Option<UInt64>,
    }

    #[derive(Clone, PartialEq, Eq, Message)]
    pub struct Entry {
        #[prost(string, tag = "1")]
        pub key: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, Copy, PartialEq, Eq, Message)]
    pub struct UInt64 {
        #[prost(uint64, tag = "1")]
        pub value: u64,
    }
}
