"""A real client's sessions under the policies in `policies/`."""

import json

import clients
import places
from harness import policy

CLIENT = clients.PYTHON_2_LEGACY
REFUSED = {"arguments_invalid", "condition_failed"}


def guarded(envoy, upstream, name: str, *more: str):
    """Start an Envoy with a policy, in front of a server that has its tools and others."""
    document = policy.read(places.ROOT / "policies" / name)
    tools = [*json.loads(document)["tools"], *more]
    upstream.tools = [{"name": tool, "inputSchema": {"type": "object"}} for tool in tools]
    return envoy(document)


def session(proxy, *calls: tuple) -> list:
    """List the tools, then make the calls; return what the client saw."""
    steps = [["list"], *(["call", tool, arguments] for tool, arguments in calls)]
    (report,) = clients.run(CLIENT, (proxy.url, steps))
    assert report.get("closed"), report
    return report["saw"]


def outcome(saw: dict) -> str:
    """Return the outcome of a call as the client saw it: the code of its refusal, or `allowed`."""
    result = saw["result"]
    assert result["is_error"] is (result["decision"] is not None), saw
    if result["decision"] is None:
        return "allowed"
    assert result["text"] == result["decision"]["reason"]
    return result["decision"]["code"]


def arrived(upstream) -> list:
    """Return the calls that the server has seen."""
    params = [call.json()["params"] for call in upstream.calls]
    return [(each["name"], each["arguments"]) for each in params]
