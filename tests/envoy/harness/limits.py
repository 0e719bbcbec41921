"""Limits for the tests that count: policies, and checks of verdicts."""

import json
from collections import Counter

from harness import http1, load, rpc

CALLERS = 400
WORKERS = 4
RUNS = 10


def limit(counter: str, max: float, window: object = "hour", **more) -> dict:
    return {"counter": counter, "window": window, "max": max, **more}


def only(*limits: dict) -> dict:
    return {"limits": list(limits)}


def balanced(listener: dict) -> None:
    """Distribute connections evenly, so that every worker is used."""
    listener["connection_balance_config"] = {"exact_balance": {}}


def by_vm_id(listener: dict) -> None:
    """Give each listener with `@` in its name its own shared data, named by what follows."""
    if vm_id := listener["name"].partition("@")[2]:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"][0]["typed_config"]["config"]["vm_config"]["vm_id"] = vm_id


def verdict(url: str, tool: str, arguments: dict | str | None = None, **headers) -> str:
    """Call a tool once; return the refusal's code, or `allowed`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    message = rpc.tools_call(tool, {} if isinstance(arguments, str) else arguments)
    body = rpc.encode(message)
    if isinstance(arguments, str):
        body = body.replace(b'"arguments":{}', b'"arguments":' + arguments.encode())
    answer = rpc.post(url, body, named)
    assert answer.status_code == 200, answer.text
    if code := answer.headers.get("x-mcp-policy"):
        assert answer.json()["result"]["isError"] is True
        return code
    assert answer.json()["result"].get("isError") is not True
    return "allowed"


def check_refusal(answer: http1.Answer, id: object, most: int = 3744) -> dict:
    """Check every part of the answer to a rate-limited call; return the decision."""
    assert (answer.status, answer.whole) == (200, True)
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-mcp-policy") == "rate_limited"
    message = json.loads(answer.body)
    assert (message["jsonrpc"], message["id"]) == ("2.0", id)
    result = message["result"]
    assert (result["isError"], result["resultType"]) == (True, "complete")
    (content,) = result["content"]
    decision = load.decision(answer)
    assert content == {"type": "text", "text": decision["reason"]}
    assert decision["code"] == "rate_limited"
    seconds = decision["retryAfterSeconds"]
    assert answer.header("retry-after") == str(seconds) and 1 <= seconds <= most
    return decision


def sort_out(answers: list, calls: list, upstream) -> Counter:
    """Check every answer against its call and against what the upstream saw; count calls by tool.

    Returns how many calls of each tool were allowed.
    """
    arrived = Counter()
    for answer, call in zip(answers, calls, strict=True):
        if answer.header("x-mcp-policy"):
            check_refusal(answer, call["id"])
        else:
            assert (answer.status, answer.whole) == (200, True), answer
            message = json.loads(answer.body)
            assert message["id"] == call["id"] and not message["result"].get("isError")
            arrived[call["params"]["name"]] += 1
    at_upstream = Counter(request.json()["params"]["name"] for request in upstream.calls)
    assert at_upstream == arrived and len(upstream.heads) == arrived.total()
    return arrived


def ids():
    """Give every call its own id, alternating between strings and numbers."""
    number = 0
    while True:
        yield number if number % 2 else f"call {number}"
        number += 1
