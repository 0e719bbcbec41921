//! The messages of `envoy.service.ratelimit.v3`, with the fields that the reference implementation reads and
//! writes. Other fields are skipped.

use prost::Message;
use prost_types::Duration;

/// `envoy.service.ratelimit.v3.RateLimitRequest`
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    /// The name of a set of limits; the service must have it in its configuration
    #[prost(string, tag = "1")]
    pub domain: String,
    /// What is counted, each by itself
    #[prost(message, repeated, tag = "2")]
    pub descriptors: Vec<Descriptor>,
    /// What each descriptor without its own `hits_addend` adds; 0 means 1
    #[prost(uint32, tag = "3")]
    pub hits_addend: u32,
}

/// `envoy.extensions.common.ratelimit.v3.RateLimitDescriptor`
#[derive(Clone, PartialEq, Message)]
pub struct Descriptor {
    /// Together they name one counter
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Entry>,
    /// Replaces the limit that the service's configuration has
    #[prost(message, optional, tag = "2")]
    pub limit: Option<Override>,
    /// What it adds (`google.protobuf.UInt64Value`); 0 only looks
    #[prost(message, optional, tag = "3")]
    pub hits_addend: Option<u64>,
}

/// `envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry`
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Entry {
    /// The name
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value
    #[prost(string, tag = "2")]
    pub value: String,
}

/// `envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.RateLimitOverride`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Override {
    /// The most hits of one window
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    /// `envoy.type.v3.RateLimitUnit`
    #[prost(int32, tag = "2")]
    pub unit: i32,
}

/// `envoy.service.ratelimit.v3.RateLimitResponse`
#[derive(Clone, PartialEq, Message)]
pub struct Response {
    /// A [`Code`]: over the limit if any status is
    #[prost(enumeration = "Code", tag = "1")]
    pub overall_code: i32,
    /// One for each descriptor, in their order
    #[prost(message, repeated, tag = "2")]
    pub statuses: Vec<Status>,
}

/// `envoy.service.ratelimit.v3.RateLimitResponse.DescriptorStatus`
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// A [`Code`]
    #[prost(enumeration = "Code", tag = "1")]
    pub code: i32,
    /// The limit that was applied; absent if the service knows none
    #[prost(message, optional, tag = "2")]
    pub current_limit: Option<Limit>,
    /// How many more hits fit into this window
    #[prost(uint32, tag = "3")]
    pub limit_remaining: u32,
    /// When the next window begins
    #[prost(message, optional, tag = "4")]
    pub duration_until_reset: Option<Duration>,
}

/// `envoy.service.ratelimit.v3.RateLimitResponse.RateLimit`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Limit {
    /// The most hits of one window
    #[prost(uint32, tag = "1")]
    pub requests_per_unit: u32,
    /// `RateLimit.Unit`, whose numbers are those of `envoy.type.v3.RateLimitUnit`
    #[prost(int32, tag = "2")]
    pub unit: i32,
}

/// `envoy.service.ratelimit.v3.RateLimitResponse.Code`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Code {
    /// No service sends this
    Unknown = 0,
    /// Within the limit
    Ok = 1,
    /// Over the limit
    OverLimit = 2,
}
