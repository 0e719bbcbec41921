"""The strict reader's corpus, `cases/reader.json`, sent through a real Envoy: refused requests never arrive,
forwarded ones arrive byte for byte.

`tests/engine/reader.rs` judges the same cases without a proxy.
"""

import base64
import itertools
import json
from dataclasses import dataclass, field

import pytest

import places
from harness import http1

CORPUS = json.loads((places.ROOT / "tests" / "cases" / "reader.json").read_text())
# Refused because of headers alone, so that even in `stream` mode the headers do not go ahead.
BY_HEADERS = {"unsupported_media_type", "method_not_allowed"}
TAG = "x-case"


@dataclass
class Case:
    """One case, as described by the corpus's own `fields`."""

    name: str
    policy: str = "deny"
    http_method: str = "POST"
    path: str = "/mcp"
    headers: list = field(default_factory=lambda: [["content-type", "application/json"]])
    body: str | list | None = None
    body_base64: str | None = None
    expect: str | dict | None = None
    envoy_first: int | None = None

    @property
    def bytes(self) -> bytes | None:
        """Return the body to send, or None."""
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64)
        if self.body is None:
            return None
        parts = [self.body] if isinstance(self.body, str) else self.body
        return "".join(p if isinstance(p, str) else p["text"] * p["times"] for p in parts).encode()

    def message(self, tag: str) -> bytes:
        """Write the whole request."""
        headers = [*self.headers, (TAG, tag)]
        names = {name.lower() for name, _ in headers}
        if "connection" not in names:
            headers.append(("connection", "close"))
        framed = names & {"content-length", "transfer-encoding"}
        length = None if framed or self.bytes is None else len(self.bytes)
        return http1.head(self.http_method, self.path, headers, length=length) + (self.bytes or b"")


GROUPS = {group["about"]: [Case(**case) for case in group["cases"]] for group in CORPUS["groups"]}


class Line:
    """An Envoy with a listener for each policy, its upstream, and what was sent through it."""

    def __init__(self, mode: str, start, upstream) -> None:
        policies = {name: {**policy, "request_headers": mode} for name, policy in CORPUS["policies"].items()}
        options = {"hold": mode == "hold", "buffer_limit": 4 << 20, "workers": 1}
        self.mode = mode
        self.proxy = start(policies.pop("deny"), also=policies, **options)
        self.upstream = upstream
        self.refused: dict = {}

    def port(self, case: Case) -> int:
        return self.proxy.ports["main" if case.policy == "deny" else case.policy]

    def send(self, case: Case, tag: str) -> str | None:
        """Send a case; describe what is wrong with the outcome."""
        answer = http1.exchange(self.port(case), case.message(tag))
        if case.envoy_first is not None:
            self.refused[tag] = case.name
            wrong = self.wrong_arrival(tag, nothing=True) or wrong_status(answer, case.envoy_first)
        elif case.expect == "forward":
            wrong = self.wrong_request(case, tag) or wrong_status(answer)
        else:
            self.refused[tag] = case.name
            nothing = self.mode == "hold" or case.expect["code"] in BY_HEADERS
            wrong = self.wrong_arrival(tag, nothing) or wrong_refusal(answer, case)
        return wrong and f"{case.name}: {wrong}"

    def wrong_request(self, case: Case, tag: str) -> str | None:
        arrived = [request for request in self.upstream.requests if request.header(TAG) == tag]
        if len(arrived) != 1:
            return f"arrived {len(arrived)} times"
        (request,) = arrived
        if (request.method, request.path) != (case.http_method, case.path):
            return f"arrived as {request.method} {request.path}"
        if request.body != (case.bytes or b""):
            return f"arrived as {request.body[:200]!r}"
        return None

    def wrong_arrival(self, tag: str, nothing: bool) -> str | None:
        heads = [request for request in self.upstream.heads if request.header(TAG) == tag]
        if any(request.complete or request.body for request in heads):
            return "arrived, though it is refused"
        return "its headers arrived, though it is refused" if heads and nothing else None


def wrong_status(answer: http1.Answer, expected: int | None = None) -> str | None:
    """Compare an answer that is not the filter's; the upstream may answer with any status."""
    if answer.header("x-mcp-policy") is not None:
        return f"refused by the filter: {answer}"
    if answer.status == 0 or expected not in (None, answer.status):
        return f"answered {answer.status}, not {expected}"
    return None


def wrong_refusal(answer: http1.Answer, case: Case) -> str | None:
    """Compare an answer with the refusal that the corpus expects."""
    expected = case.expect
    got = {
        "status": answer.status,
        "code": answer.header("x-mcp-policy"),
        "content-type": answer.header("content-type"),
    }
    wanted = {"status": expected["status"], "code": expected["code"], "content-type": "application/json"}
    if case.http_method != "HEAD":  # whose answer has no body
        if not answer.whole:
            return f"answered in part: {answer}"
        # The id comes first, as the client wrote it.
        id = "" if expected["id"] is None else f'"id":{expected["id"]},'
        got["begins"] = answer.body[: len(begins := f'{{"jsonrpc":"2.0",{id}'.encode())]
        wanted["begins"] = begins
        try:
            body = json.loads(answer.body)
        except ValueError:
            return f"answered {answer.body[:200]!r}, which is no JSON"
        got["rpc"] = body.get("error", {}).get("code")
        got["result"] = body.get("result", {}).get("isError")
        wanted["rpc"] = expected["rpc"]
        wanted["result"] = True if expected["rpc"] is None else None
        if "id" in body and expected["id"] is None:
            return f"answered with the id {body['id']!r}, where there is none"
    different = {key: (value, wanted[key]) for key, value in got.items() if value != wanted[key]}
    return f"got, wanted: {different}" if different else None


ENDS = itertools.count()


@pytest.fixture(scope="module", params=["hold", "stream"])
def line(request, module_envoy, module_upstream):
    started = Line(request.param, module_envoy, module_upstream)
    yield started
    # One worker takes requests in their order, so whatever was sent before this one has arrived. A mode can begin again
    # after the other one, so each end has its own tag.
    last = next(case for group in GROUPS.values() for case in group if case.expect == "forward")
    assert started.send(last, f"{started.mode} last {next(ENDS)}") is None
    late = [request.header(TAG) for request in module_upstream.requests]
    assert [started.refused[tag] for tag in late if tag in started.refused] == []


@pytest.mark.parametrize("about", GROUPS)
def test_every_case_is_forwarded_or_gets_its_refusal(line, about):
    tags = (f"{line.mode} {about.encode().hex()[:24]} {n}" for n in range(len(GROUPS[about])))
    wrong = [line.send(case, tag) for case, tag in zip(GROUPS[about], tags, strict=True)]
    wrong = [each for each in wrong if each]
    assert not wrong, f"{len(wrong)} cases:\n" + "\n".join(wrong)
