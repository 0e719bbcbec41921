"""Metrics as operators see them: Envoy's stats. `test_observability` asks the queries of `docs/operations.md`."""

import re
from collections import Counter

import tomllib
import yaml
from prometheus_client.parser import text_string_to_metric_families

import places
from harness import http1, load, rpc
from harness.proxy import wait_for
from harness.records import EXAMPLE, WORKERS, answering_itself, bare, call, post, tagging
from upstream import event_stream

VERSION = tomllib.loads((places.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]

METRICS = {
    "version": "1",
    "hide": ["add"],
    "server": "tools.example",
    "tools": {
        "echo": {},
        "danger": {"action": "deny"},
        "tried": {"action": "deny", "mode": "shadow"},
        "counted": {"limits": [{"counter": "per grant", "window": "hour", "max": 3}]},
        "searched": {"deny_if": [{"path": "args.a", "op": "regex", "value": "[a-z]{1,1000}@"}]},
        "pinned.tool": {"definition": f"sha256:{'0' * 64}"},
        # The cluster does not exist, so the proxy counts alone.
        "shared": {
            "limits": [
                {
                    "counter": "shared",
                    "window": "day",
                    "max": 4000,
                    "type": "calendar",
                    "shared": True,
                    "scope": "global",
                }
            ]
        },
        "own": {"limits": [{"counter": "own", "window": "hour", "max": 1, "scope": "session"}]},
        # A call charges all of its limits together: with more limits, more writes can be lost to other
        # workers.
        "busy": {
            "limits": [
                {"counter": f"busy-{n}", "window": "hour", "max": 10**9, "scope": "global"} for n in range(20)
            ]
        },
    },
    "counters": {"capacity": 1},
    "shared_limits": {"cluster": "nobody", "on_failure": "local"},
    "exempt_paths": ["/healthz"],
}


def metrics(proxy) -> Counter:
    """Scrape the filter's metrics: values by name and labels."""
    found = Counter()
    for family in text_string_to_metric_families(proxy.get("/stats/prometheus")):
        for sample in family.samples:
            if family.name.startswith("mcp_policy_"):
                labels = ",".join(f"{name[4:]}={value}" for name, value in sorted(sample.labels.items()))
                name = family.name.removeprefix("mcp_policy_")
                found[f"{name}{{{labels}}}" if labels else name] = sample.value
    return found


def decided(decision: str, code: str = "none") -> str:
    return f"decisions{{code={code},decision={decision},grant=default,server=tools_example}}"


def named(name: str, **labels: str) -> str:
    labels = {**labels, "server": "tools_example"}
    return f"{name}{{{','.join(f'{label}={value}' for label, value in sorted(labels.items()))}}}"


def refused_for(cause: str, code: str = "invalid_request") -> dict:
    return {decided("deny", code): 1, named("strict_refusals", cause=cause): 1}


LIST = post(rpc.request("tools/list"))
UNREADABLE = event_stream({"jsonrpc": "2.0", "id": 1, "result": {"tools": "none"}})
PINNED = event_stream({"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "pinned.tool"}]}})
DUPLICATE = b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}'
PROTOTYPE = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{}}}'
SPELLED = b'{"jsonrpc":"2.0","id":1,"method":"ping","Method":"ping"}'
MOVES = {
    "allowed": (call("echo"), {decided("allow"): 1}),
    "denied": (call("danger"), {decided("deny", "denied"): 1}),
    "unlisted": (call("other"), {decided("deny", "not_listed"): 1}),
    "shadow": (call("tried"), {decided("would_deny", "denied"): 1}),
    "GET": (bare("GET"), {decided("allow"): 1}),
    "exempt": (bare("GET", path="/healthz"), {}),
    "PUT": (bare("PUT"), {decided("deny", "method_not_allowed"): 1}),
    "no JSON": (post(b"{"), refused_for("malformed")),
    "batch": (post(b"[]"), refused_for("batch")),
    "a key twice": (post(DUPLICATE), refused_for("duplicate_key")),
    "another spelling": (post(SPELLED), refused_for("key_spelling")),
    "a prototype": (post(PROTOTYPE), refused_for("prototype_key")),
    "too much work": (
        post(rpc.tools_call("searched", {"a": "a" * 2000})),
        refused_for("work", "arguments_invalid"),
    ),
    "no message": (post(b"{}"), refused_for("message")),
    "no name": (post(rpc.request("tools/call", {})), refused_for("params")),
    "headers": (call("echo", [("mcp-name", "x")]), refused_for("headers", "headers_disagree")),
    "media": (
        post(b"{}", [("content-type", "text/plain")]),
        refused_for("media_type", "unsupported_media_type"),
    ),
    "a session": (call("own", [("mcp-session-id", "a")]), {decided("allow"): 1}),
    "the same again": (call("own", [("mcp-session-id", "a")]), {decided("deny", "rate_limited"): 1}),
    "one too many": (
        call("own", [("mcp-session-id", "b")]),
        {decided("deny", "limiter_unavailable"): 1, named("counters_unavailable", why="full"): 1},
    ),
    "a list": (LIST, {decided("allow"): 1, named("lists_removed"): 2}),
    "shared": (
        call("shared"),
        {
            decided("allow"): 1,
            named("shared_limits_asked"): 1,
            named("shared_limits", outcome="unsent"): 1,
            named("shared_limits_local"): 1,
        },
    ),
    "counted": (
        call("counted"),
        {decided("allow"): 1, named("limit_used_ratio", counter="per_grant", grant="default"): 33},
    ),
}


def test_every_metric_changes_when_it_should(envoy, upstream):
    proxy = envoy(METRICS, workers=WORKERS, edit=tagging, xds="ecds")
    before = metrics(proxy)
    # The main thread and every worker load the policy, some more than once.
    assert before.pop(named("configuration_accepted")) > WORKERS
    assert before == {named("counters_capacity"): 1, named("build_info", version=VERSION): 1}
    before = metrics(proxy)
    for name, (pieces, expected) in MOVES.items():
        http1.exchange(proxy.port, pieces)
        after = metrics(proxy)
        assert after - before == expected, name
        before = after

    upstream.answer = UNREADABLE
    http1.exchange(proxy.port, LIST)
    changed = named("definitions_changed", tool="pinned_tool")
    unreadable = {decided("allow"): 1, named("lists_unreadable", cause="wrong_type"): 1}
    # The list may have had the pinned tool.
    assert metrics(proxy) - before == {**unreadable, changed: 1}

    before = metrics(proxy)
    upstream.answer = PINNED
    http1.exchange(proxy.port, LIST)
    assert metrics(proxy) - before == {decided("allow"): 1, changed: 1, named("lists_removed"): 1}

    before = metrics(proxy)
    assert not proxy.update({"version": "2", "server": "tools.example"})
    assert metrics(proxy) - before == {named("configuration_refused"): 1}
    before = metrics(proxy)
    assert proxy.update({**METRICS, "counters": {"capacity": 5}})
    wait_for(lambda: metrics(proxy)[named("counters_capacity")] == 5, "the capacity of the new policy")
    assert (metrics(proxy) - before)[named("configuration_accepted")] > WORKERS


def labelled(proxy, name: str) -> set:
    """Return the labels of the metrics of this name."""
    return {label for label in metrics(proxy) if label.partition("{")[0] == name}


def test_names_from_the_policy_are_labels_whatever_their_characters(envoy):
    """Nothing that a caller sends makes a label."""
    rule = {"limits": [{"counter": "calls a.b/ü", "window": "hour", "max": 2}]}
    document = {
        "version": "1",
        "server": "größe.server",
        "identity": [{"header": {"name": "x-agent-id"}}],
        "grants": [
            {"name": "team.a grant", "match": [{"header": "a"}]},
            {"name": "grant", "match": [{"header": "b"}]},
        ],
        "tools": {"few": rule},
    }
    proxy = envoy(document, workers=1, edit=tagging)
    for agent in ("a", "b", "b", "b", "somebody.else", None):
        headers = [("x-agent-id", agent)] if agent else []
        http1.exchange(proxy.port, call("few", [*headers, ("x-request-id", "server.mode.shadow")]))
    server = "server=gr__e_server"
    assert labelled(proxy, "decisions") == {
        f"decisions{{code=none,decision=allow,grant=team_a_grant,{server}}}",
        f"decisions{{code=none,decision=allow,grant=grant,{server}}}",
        f"decisions{{code=rate_limited,decision=deny,grant=grant,{server}}}",
        f"decisions{{code=no_grant,decision=deny,grant=none,{server}}}",
        f"decisions{{code=unauthenticated,decision=deny,grant=none,{server}}}",
    }
    counter = "counter=calls_a_b__"
    assert labelled(proxy, "limit_used_ratio") == {
        f"limit_used_ratio{{{counter},grant=team_a_grant,{server}}}",
        f"limit_used_ratio{{{counter},grant=grant,{server}}}",
    }


def test_the_metrics_of_a_refused_policy_name_its_server_if_it_can_be_read(envoy):
    proxy = envoy({"version": "1"}, workers=1, edit=tagging, xds="ecds")
    for refused, server in [
        ({"version": "1", "server": "x", "tools": []}, "x"),
        ({"version": "2"}, "default"),
        (b"no document", "unknown"),
    ]:
        assert not proxy.update(refused)
        assert metrics(proxy)[f"configuration_refused{{server={server}}}"] == 1


def test_all_examples_make_the_same_tags():
    examples = [yaml.safe_load(path.read_text()) for path in (places.ROOT / "envoy").glob("*.yaml")]
    examples = [example for example in examples if "static_resources" in example]
    assert len(examples) > 3
    for example in examples:
        assert example["stats_config"] == EXAMPLE["stats_config"]


def test_a_write_lost_to_another_worker_is_counted_as_a_retry(envoy):
    proxy = envoy(METRICS, workers=WORKERS, edit=tagging, access_log=True, edit_listener=answering_itself)
    with load.Crowd(proxy.port, 400) as crowd:

        def overtaken() -> bool:
            crowd.call([rpc.tools_call("busy")] * 400)
            return metrics(proxy)[named("counters_retries")] > 0

        wait_for(overtaken, "one write overtaken by another", 60)


PAGE = (places.ROOT / "docs" / "operations.md").read_text()
QUERIES = re.findall(r"^\| `mcp_policy_(\w+)`.*\| `([^`]+)` \|$", PAGE, re.MULTILINE)


def test_the_documentation_names_every_metric():
    source = (places.ROOT / "src" / "filter" / "metrics" / "metric.rs").read_text()
    [variants] = re.findall(r"^pub\(super\) enum Metric \{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL)
    names = re.findall(r"^    ([A-Z]\w+)", variants, re.MULTILINE)
    snake_case = {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower() for name in names}
    assert snake_case == {name for name, _ in QUERIES}
