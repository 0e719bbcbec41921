"""The options of an Envoy that a test starts."""

from collections.abc import Callable
from dataclasses import dataclass, field

# One JSON object per line. The audit record is a string in it, as is that of a policy in shadow mode.
ACCESS_LOG = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "code": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "audit": "%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)%",
    "shadow": "%FILTER_STATE(wasm.mcp_policy_shadow:PLAIN)%",
}


@dataclass
class Options:
    """The options, with an operator's defaults.

    `policy`: None leaves the filter out, for a pass-through Envoy; else see `policy.configuration`.
    `upstream`: anything with a `port`, or the port itself. `approvals`: the same, for a cluster of
    that name; None leaves the cluster out.
    `workers`: Envoy's worker threads. `hold`: `allow_on_headers_stop_iteration`.
    `http2_upstream`: speak HTTP/2 to the upstream (downstream Envoy always accepts both).
    `buffer_limit`: the listener's per-connection buffer, in bytes; None is Envoy's 1 MiB.
    `xds`: "lds" or "ecds" loads the listener or the filter from a file, so that the policy can be updated;
    None writes it into the bootstrap.
    `also`: more listeners by name, each with its own policy and the same module and vm_id.
    `access_log`: write one JSON object a request to the access log.
    `failure_policy`, `vm_id`: as in Envoy's API. `log_level`: as on Envoy's command line.
    `edit`: a function that may change the finished bootstrap (a dict).
    `edit_listener`: the same for each listener, wherever it comes from.
    """

    policy: object = None
    upstream: object = None
    approvals: object = None
    workers: int = 2
    hold: bool = True
    http2_upstream: bool = False
    buffer_limit: int | None = None
    xds: str | None = None
    also: dict = field(default_factory=dict)
    access_log: bool = False
    failure_policy: str | None = "FAIL_RELOAD"
    vm_id: str = "mcp-policy"
    log_level: str = "info"
    edit: Callable[[dict], None] | None = None
    edit_listener: Callable[[dict], None] | None = None

    @property
    def listeners(self) -> dict:
        """Every listener's policy by its name; the first is called `main`."""
        return {"main": self.policy, **self.also}
