//! The keys of `shared_limits`.

use crate::document::Absent::{As, Means, Refused};
use crate::document::Takes::{Filled, Integer, Words};
use crate::document::{Takes, object, words};
use crate::policy::words::FAILURES;

/// The longest time-out, in milliseconds: calls wait that long.
const LONGEST_TIMEOUT_MS: u32 = 10_000;

object! {
    /// The service that counts limits for several proxies.
    SHARED_LIMITS, SharedLimits: "an object with `cluster`", Any;

    Cluster "cluster": Takes::Said("the name of a cluster of Envoy's", &Filled), Refused,
        "the cluster of Envoy's in which the rate limit service is";
    Authority "authority": Takes::Said("a host name", &Filled), Means("the cluster's name"),
        "the host that it is asked for";
    Domain "domain": Takes::Said("a domain of the service's configuration", &Filled), As(r#""mcp-policy""#),
        "the domain in the service's configuration";
    TimeoutMs "timeout_ms": Integer { least: 1, most: LONGEST_TIMEOUT_MS }, As("50"),
        "how long its answer may take";
    OnFailure "on_failure": Words(&words(&FAILURES)), As(r#""deny""#),
        "whether a call is denied without a valid answer, or counted by this proxy alone";
}
