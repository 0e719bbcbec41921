"""Envoy's configuration of each row: a listener with its filters."""

from pathlib import Path

from bench import contenders, policies
from bench.policies import TOOL
from harness import bootstrap
from harness.options import ACCESS_LOG, Options

from .rows import EXT_AUTHZ, EXT_PROC, FULL, LUA, NAMES, NATIVE, OURS, PASS_THROUGH, ROWS

# This filter's limit for bodies is the default of Envoy's buffers. The others get the same.
MAX_BODY = 1_048_576
# On a busy machine a row is slow, and does not fail.
PATIENCE = "60s"
SERVICE = {"envoy_grpc": {"cluster_name": "allow"}, "timeout": PATIENCE}

# What somebody would write who only wants a list of tools. It is no reader of JSON: see docs/performance.md.
SCRIPT = f"""
local allowed = {{ ["{TOOL}"] = true }}

function envoy_on_request(handle)
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  local name = text:match('"params"%s*:%s*{{.-"name"%s*:%s*"([^"\\\\]*)"')
  if not (name and allowed[name]) then
    handle:respond({{ [":status"] = "403" }}, "denied")
  end
end
"""


def listener_of(row: str) -> str:
    """Name the listener of a row. The first one is always called `main`."""
    return "main" if row == PASS_THROUGH else f"row-{list(ROWS).index(row)}"


def names() -> dict:
    """Build a policy that does no more than the script does, apart from strict reading and a short record."""
    return {"version": "1", "default": "deny", "audit": {"arguments": "none"}, "tools": {TOOL: {}}}


def full() -> dict:
    """Build a policy that uses each part of the filter: the one of `make bench` with an API key, and more."""
    document = policies.api_key()
    document["hide"] = ["internal_*", "debug_*"]
    rule = document["tools"][TOOL]
    rule["arguments"]["properties"]["text"]["maxLength"] = MAX_BODY
    rule["require"] = [{"path": "args.length", "op": "in", "value": ["short", "medium"]}]
    rule["deny_if"] = [{"path": "grant", "op": "eq", "value": "nobody"}]
    limit = {"counter": "session_calls", "window": "day", "max": policies.MAX, "scope": "session"}
    rule["limits"].append(limit)
    return document


def filters(row: str) -> list:
    """Build the filters of a row without this filter."""
    typed = {
        LUA: ("lua", "lua.v3.Lua", {"default_source_code": {"inline_string": SCRIPT}}),
        EXT_AUTHZ: (
            "ext_authz",
            "ext_authz.v3.ExtAuthz",
            {
                "grpc_service": SERVICE,
                "transport_api_version": "V3",
                "with_request_body": {"max_request_bytes": MAX_BODY, "pack_as_bytes": True},
            },
        ),
        EXT_PROC: (
            "ext_proc",
            "ext_proc.v3.ExternalProcessor",
            {
                "grpc_service": SERVICE,
                "message_timeout": PATIENCE,
                "processing_mode": {
                    # Envoy would send the headers on before the service has allowed the call.
                    "request_header_mode": "SEND",
                    "response_header_mode": "SKIP",
                    "request_body_mode": "BUFFERED",
                },
            },
        ),
    }
    if row == NATIVE:
        return contenders.native()
    if row not in typed:
        return []
    name, kind, fields = typed[row]
    config = bootstrap.any_of(f"extensions.filters.http.{kind}", **fields)
    return [{"name": f"envoy.filters.http.{name}", "typed_config": config}]


def options(upstream: int, service: int, folder: Path) -> Options:
    """Choose the listeners; `folder` is where the access log goes."""
    policies_of = {NAMES: names(), OURS: policies.aipaygen(), FULL: full()}
    also = {listener_of(row): policies_of.get(row) for row in list(ROWS)[1:]}
    rows = {listener_of(row): row for row in ROWS}

    def edit_listener(listener: dict) -> None:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        row = rows[listener["name"]]
        manager["http_filters"][:0] = filters(row)
        if row == FULL:
            log = {"path": str(folder / "access.log"), "log_format": {"json_format": ACCESS_LOG}}
            typed = bootstrap.any_of("extensions.access_loggers.file.v3.FileAccessLog", **log)
            manager["access_log"] = [{"name": "file", "typed_config": typed}]

    def edit(tree: dict) -> None:
        clusters = tree["static_resources"]["clusters"]
        clusters.append(bootstrap.cluster("allow", service, http2=True))
        for cluster in clusters:
            cluster["connect_timeout"] = PATIENCE

    return Options(
        upstream=upstream,
        workers=1,
        also=also,
        edit=edit,
        edit_listener=edit_listener,
        log_level="error",
    )
