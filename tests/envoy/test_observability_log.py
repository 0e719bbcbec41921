"""The records as OpenTelemetry logs: envoy/observability/otel.yaml and collector.yaml, with a stand-in for the Collector."""

import json
import re

import pytest
import yaml

import places
from harness import examples, http1, rpc
from harness.collector import CONFIGURATION, Collector
from harness.proxy import wait_for
from harness.records import EXAMPLE, bare, call, post

OTEL = places.ROOT / "envoy" / "observability" / "otel.yaml"
POLICY = {
    "version": "1",
    "server": "shop",
    "audit": {"arguments": "full"},
    "exempt_paths": ["/healthz"],
    "tools": {"few": {"limits": [{"counter": "few", "window": "hour", "max": 1}]}},
    "prompts": {"review": {}},
    "resources": {"file:///a": {}},
}

# From the semantic conventions for MCP, GenAI and HTTP, and those that they refer to. `envoy.response_flags` is not
# theirs.
CONVENTIONS = {
    "mcp.method.name",
    "mcp.protocol.version",
    "mcp.resource.uri",
    "jsonrpc.request.id",
    "gen_ai.operation.name",
    "gen_ai.tool.name",
    "gen_ai.tool.call.arguments",
    "gen_ai.prompt.name",
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "url.path",
    "network.protocol.name",
    "network.transport",
}
SESSION = [("mcp-session-id", "secret-session"), ("mcp-protocol-version", "2025-11-25")]


@pytest.fixture
def logged(envoy, upstream):
    """Return a function that sends requests through the example and returns what the collector has then."""
    with Collector() as collector:
        ports = {8000: upstream.port, 4317: collector.port}
        edit = examples.edit_to(OTEL.read_text(), "main", ports, {}, POLICY)
        proxy = envoy(workers=1, edit=edit)

        def exchange(*requests: list) -> list:
            before = len(collector.logs)
            for pieces in requests:
                http1.exchange(proxy.port, pieces)
            expected = before + len(requests)
            wait_for(lambda: len(collector.logs) >= expected, f"{expected} records in the collector")
            assert collector.resources[-1] == {"service.name": "envoy"}
            return collector.logs[before:]

        yield exchange


def convened(log: dict) -> dict:
    """Return the attributes that are not our own."""
    return {key: value for key, value in log["attributes"].items() if not key.startswith("mcp_policy.")}


def test_a_record_has_the_names_of_the_conventions(logged):
    allowed, refused = logged(*[call("few", SESSION, a=1)] * 2)
    common = {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2025-11-25",
        "jsonrpc.request.id": "1",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "few",
        "gen_ai.tool.call.arguments": {"a": 1},
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.path": "/mcp",
        "network.protocol.name": "http",
        "network.transport": "tcp",
        "envoy.response_flags": "-",
    }
    assert convened(allowed) == common
    assert allowed["severity_number"] == 9
    assert convened(refused) == {**common, "error.type": "rate_limited"}
    assert refused["severity_number"] == 13
    record = json.loads(refused["body"])
    own = {
        key.removeprefix("mcp_policy."): value
        for key, value in refused["attributes"].items()
        if key.startswith("mcp_policy.")
    }
    renamed = ("method", "protocol", "request", "arguments")
    assert own == {key: value for key, value in record.items() if value is not None and key not in renamed}
    assert own["counters"][0]["used"] == 1 and own["grant"] == "default"
    assert "secret-session" not in json.dumps([allowed, refused])


REQUESTS = {
    "a prompt": (post(rpc.request("prompts/get", {"name": "review"})), "gen_ai.prompt.name", "review"),
    "a resource": (
        post(rpc.request("resources/read", {"uri": "file:///a"})),
        "mcp.resource.uri",
        "file:///a",
    ),
    "an id that is text": (
        post({"jsonrpc": "2.0", "id": "request-7", "method": "ping"}),
        "jsonrpc.request.id",
        "request-7",
    ),
    "a query": (post(rpc.request("ping"), path="/mcp?key=secret"), "url.path", "/mcp"),
    "a batch": (post(b"[]"), "error.type", "invalid_request"),
}


def test_each_attribute_is_there_where_the_record_has_a_value_for_it(logged):
    logs = logged(*(pieces for pieces, _, _ in REQUESTS.values()))
    for log, (name, (_, attribute, value)) in zip(logs, REQUESTS.items(), strict=True):
        assert convened(log)[attribute] == value, name
        assert None not in log["attributes"].values(), name
        assert "gen_ai.tool.name" not in log["attributes"], name
        assert "secret" not in json.dumps(log), name
    [exempt] = logged(bare("GET", path="/healthz"))
    assert exempt["attributes"]["url.path"] == "/healthz"
    assert not any(key.startswith(("mcp", "gen_ai", "jsonrpc")) for key in exempt["attributes"])


def test_all_names_are_those_of_the_conventions_or_our_own():
    texts = CONFIGURATION.read_text(), OTEL.read_text()
    made = set(re.findall(r'set\(log\.attributes\["([^"]+)"\]', texts[0]))
    sent = set(re.findall(r"- \{ key: ([a-z][\w.]+), value", texts[1])) - {"service.name"}
    ours = {name for name in made if name.startswith("mcp_policy.")}
    assert (made | sent) - ours == CONVENTIONS | {"envoy.response_flags"}


def test_every_member_of_a_record_becomes_an_attribute():
    [table] = re.findall(
        r"^\| member \|.*?\n\n",
        (places.ROOT / "docs" / "operations.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    members = {
        name
        for cell in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", cell)
    }
    members |= {"arguments", "arguments_blake3"}
    used = set(re.findall(r'log\.cache\["(\w+)"\]', CONFIGURATION.read_text()))
    assert used == members


def test_the_example_is_that_of_the_other_examples_with_a_collector():
    example = yaml.safe_load(OTEL.read_text())
    assert example["stats_config"] == EXAMPLE["stats_config"]
    assert [cluster["name"] for cluster in example["static_resources"]["clusters"]] == [
        "mcp_server",
        "otel_collector",
    ]
