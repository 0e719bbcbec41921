//! Gives charges back if no server has received the call: Envoy has answered in place of one.

use mcp_policy_engine::audit;

use super::{Filter, Forwarded};
use crate::environment::HostEnvironment;
use crate::host::{Broken, HeaderMap, Host, Stream};
use crate::worker::Worker;

/// The response flags for which a request may not have left Envoy: no healthy host (UH), no connection (UF), an
/// overflow (UO, DO), no route (NR), no cluster (NC), no address (DF).
const NOT_SENT: u64 = 0x2 | 0x20 | 0x80 | 0x100 | 0x0100_0000 | 0x0400_0000 | 0x0800_0000 | 0x2000_0000;

/// The beginnings of the response code details that confirm it. The flags alone do not: Envoy also sets UO if it has no
/// room for a retry of a call that a server has received.
const DETAILS: [&str; 14] = [
    "route_not_found",
    "cluster_not_found",
    "no_healthy_upstream",
    "maintenance_mode",
    "drop_overload",
    "unconditional_drop_overload",
    "dns_resolution_failure",
    "dns_cache_",
    "dynamic_forward_proxy_",
    "upstream_reset_before_response_started{overflow",
    "upstream_reset_before_response_started{connection_failure",
    "upstream_reset_before_response_started{connection_timeout",
    "upstream_reset_before_response_started{remote_connection_failure",
    "upstream_reset_before_response_started{local_connection_failure",
];

impl<H: Host> Filter<H> {
    /// Handles the headers of the response: gives back what the call was charged if no server has received it, and
    /// says so in the record.
    pub(super) fn give_back_if_unreceived(&mut self, worker: &Worker, headers: &Result<HeaderMap, Broken>) {
        let Some(forwarded) = self.forwarded.take() else { return };
        if headers.as_ref().is_ok_and(is_from_server) || !is_unreceived(&self.host) {
            return;
        }
        let Forwarded { charged, mut record } = forwarded;
        let given = charged.give_back(&HostEnvironment::new(&self.host, worker));
        worker.metrics.given_back(&self.host, &given);
        if given.failed == 0 {
            audit::add_given_back(&mut record);
            // If this fails, the record only lacks the remark.
            let _ = self.host.set_state(worker.plugin.record_state(), record.as_bytes());
        }
    }
}

/// Returns whether a server has answered. Envoy then adds this header, unless the router's `suppress_envoy_headers` is
/// set. So the attributes are hardly ever needed, and each of them costs a host call.
fn is_from_server(headers: &HeaderMap) -> bool {
    headers.iter().any(|(name, _)| name == b"x-envoy-upstream-service-time")
}

/// Returns whether Envoy has answered because it could not send the request to any server. If the request was tried
/// more than once, Envoy does not say whether one try reached a server, so the charges stand.
fn is_unreceived<S: Stream>(host: &S) -> bool {
    let number = |path: [&str; 2]| {
        let bytes = host.attribute(&path).ok().flatten()?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    };
    if number(["response", "flags"]).unwrap_or_default() & NOT_SENT == 0 {
        return false;
    }
    // Without a route or a host there is no try.
    if number(["upstream", "request_attempt_count"]).is_some_and(|tries| tries > 1) {
        return false;
    }
    let details = host.attribute(&["response", "code_details"]).ok().flatten().unwrap_or_default();
    DETAILS.iter().any(|known| details.starts_with(known.as_bytes()))
}
