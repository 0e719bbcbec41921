"""The table of decisions, `cases/decisions/`, sent through a real Envoy.

`tests/filter/decisions.rs` runs the same cases without Envoy and expects the same outcomes. Every document
has its own listener in one Envoy. If a document has limits, each of its cases has its own listener and
`server`, so that nothing has been counted before it.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import pytest

import places
from harness import http1, verified
from harness.options import ACCESS_LOG

FOLDER = places.ROOT / "tests" / "cases" / "decisions"
DECISION = "dev.mcp-policy/decision"
TAG = "x-case"
WORKERS = 2
# How many cases are sent at the same time. Those that count have listeners of their own.
AT_ONCE = 8


@dataclass(kw_only=True)
class Step:
    """A request and its expected outcome; `tests/filter/decisions/table.rs` explains the fields."""

    call: str | None = None
    with_: dict | str | None = None
    method: str | None = None
    notify: str | None = None
    params: object = None
    id: object = 1
    send: str | None = None
    http_method: str = "POST"
    path: str = "/mcp"
    headers: list = field(default_factory=list)
    as_: str | None = None
    session: str | None = None
    tokens: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    times: int = 1
    wait: float = 0.0
    expect: str
    answer: dict = field(default_factory=dict)
    says: list = field(default_factory=list)
    record: dict = field(default_factory=dict)

    @cached_property
    def body(self) -> bytes | None:
        """Return the body, or None."""
        if self.send is not None:
            return self.send.encode()
        method, params = self.method if self.notify is None else self.notify, self.params
        if self.call is not None:
            arguments = self.with_ if isinstance(self.with_, str) else json.dumps(self.with_ or {})
            method, params = "tools/call", f'{{"name":{json.dumps(self.call)},"arguments":{arguments}}}'
        elif params is not None:
            params = json.dumps(params)
        if method is None:
            return None
        id = None if self.notify else self.id
        parts = ['"jsonrpc":"2.0"', id is not None and f'"id":{json.dumps(id)}']
        parts += [f'"method":{json.dumps(method)}', params is not None and f'"params":{params}']
        return ("{" + ",".join(part for part in parts if part) + "}").encode()

    def message(self, tag: str) -> bytes:
        """Write the whole request."""
        headers = [("content-type", "application/json"), *self.headers, (TAG, tag), ("connection", "close")]
        if self.as_ is not None:
            headers.append(("x-agent-id", self.as_))
        if self.session is not None:
            headers.append(("mcp-session-id", self.session))
        headers += verified.headers(self.tokens, self.state)
        length = None if self.body is None else len(self.body)
        return http1.head(self.http_method, self.path, headers, length=length) + (self.body or b"")


def read_step(written: dict) -> Step:
    reserved = {"as": "as_", "with": "with_"}
    return Step(**{reserved.get(key, key): value for key, value in written.items()})


@dataclass
class Case:
    name: str
    steps: list
    listener: str


def read_topic(path) -> tuple:
    """Read a file: its cases, and the documents of their listeners by name."""
    cases, documents = [], {}
    for number, group in enumerate(json.loads(path.read_text())["groups"]):
        document = group["document"]
        counts = '"limits"' in json.dumps(document) or '"rate_limit"' in json.dumps(document)
        for place, case in enumerate(group["cases"]):
            listener = f"{path.stem}-{number}" + (f"-{place}" if counts else "")
            documents[listener] = {"server": listener, **document} if counts else document
            name = f"{group['about']}: {case.pop('name')}"
            cases.append(Case(name, [read_step(step) for step in case.get("steps", [case])], listener))
    return cases, documents


TOPICS = {path.stem: read_topic(path) for path in sorted(FOLDER.glob("*.json"))}


def apart(listener: dict) -> None:
    """Log the case of each request; give a small table of counters its own vm_id."""
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    log = manager["access_log"][0]["typed_config"]["log_format"]
    log["json_format"] = {**ACCESS_LOG, "case": f"%REQ({TAG})%"}
    config = manager["http_filters"][0]["typed_config"]["config"]
    document = json.loads(config["configuration"]["value"])
    manager["http_filters"][:0] = verified.filters(document)
    if "counters" in document:
        config["vm_config"]["vm_id"] = listener["name"]


class Table:
    """An Envoy with a listener for each document, and what was sent through it."""

    def __init__(self, start, upstream, documents: dict, edit_listener) -> None:
        options = {"also": documents, "access_log": True, "edit_listener": edit_listener, "workers": WORKERS}
        self.proxy = start({"version": "1"}, **options)
        self.upstream = upstream
        self.records: dict = {}
        self.sent = 0

    def judge(self, topic: str, cases: list) -> list:
        """Send every case of a topic, several at a time; describe what is wrong with the outcomes."""
        each = [
            [
                (f"{topic} {number}.{place}.{time}", case, step)
                for place, step in enumerate(case.steps)
                for time in range(step.times)
            ]
            for number, case in enumerate(cases)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = {tag: answer for found in pool.map(self.send_case, each) for tag, answer in found}
        sent = [one for case in each for one in case]
        self.sent += len(sent)
        self.records = {
            logged["case"]: logged["audit"] or logged["shadow"] for logged in self.proxy.access_log(self.sent)
        }
        found = [(case, step, self.wrong(tag, step, answers[tag])) for tag, case, step in sent]
        return [f"{case.name}: {step.body}: {wrong}" for case, step, wrong in found if wrong]

    def send_case(self, sent: list) -> list:
        """Send the requests of one case one after the other."""
        return [(tag, self.send(tag, case, step)) for tag, case, step in sent]

    def send(self, tag: str, case: Case, step: Step) -> http1.Answer:
        time.sleep(step.wait)
        return http1.exchange(self.proxy.ports[case.listener], step.message(tag))

    def wrong(self, tag: str, step: Step, answer: http1.Answer) -> str | None:
        """Compare the outcome of a request with what its step expects."""
        audit = self.records[tag]
        record = json.loads(audit) if audit else {"decision": "pass"}
        said = [record["decision"], record.get("code"), record.get("rule")]
        if (said := " ".join(word for word in said if word)) != step.expect:
            return f"is `{said}`, not `{step.expect}`"
        arrived = [request for request in self.upstream.requests if request.header(TAG) == tag]
        if record["decision"] == "deny":
            wrong = "it arrived" if arrived else wrong_answer(step, answer, record)
        else:
            wrong = wrong_arrival(step, answer, arrived)
        different = [key for key, value in step.record.items() if not holds(record.get(key), value)]
        return wrong or (different and f"the record differs in {different}: {record}") or None


def wrong_arrival(step: Step, answer: http1.Answer, arrived: list) -> str | None:
    if [request.body for request in arrived] != [step.body or b""]:
        return f"arrived as {[request.body for request in arrived]}"
    return f"answered by the filter: {answer}" if answer.header("x-mcp-policy") else None


def wrong_answer(step: Step, answer: http1.Answer, record: dict) -> str | None:
    """Compare a denial's answer with its record and with the case."""
    if answer.header("x-mcp-policy") != record["code"]:
        return f"answered {answer}"
    if answer.header("content-type") != "application/json" or not answer.whole:
        return f"answered {answer}"
    body = json.loads(answer.body)
    if error := body.get("error"):
        told, decision = error["message"], error.get("data")
    else:
        result = body["result"]
        told, decision = result["content"][0]["text"], result["_meta"][DECISION]
        if (result["isError"], result["resultType"]) != (True, "complete"):
            return f"a result that clients take for a success: {body}"
    if record["code"] == "hidden":
        if decision is not None or not told.startswith("unknown tool: "):
            return f"tells more of a hidden tool than of none: {body}"
    elif any(decision[key] != record[key] for key in ("id", "code", "rule", "policy")):
        return f"the answer says {decision}, the record {record}"
    elif decision["reason"] != told or not told:
        return f"two reasons, or none: {body}"
    retry = answer.header("retry-after")
    if str((decision or {}).get("retryAfterSeconds")) != str(retry):
        return f"two times to retry: {retry}, {body}"
    got = {"status": answer.status, "rpc": error and error["code"], "retry": retry is not None}
    got["challenge"] = answer.header("www-authenticate")
    different = {key: got[key] for key, value in step.answer.items() if got[key] != value}
    missing = [part for part in step.says if part not in told]
    return (
        (different and f"answered with {different}")
        or (missing and f"does not say {missing}: {told!r}")
        or None
    )


def holds(found: object, expected: object) -> bool:
    """Tell whether a value is as expected; an object may have more members, a list may not be longer."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(holds(found.get(key), value) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(holds, found, expected))
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


@pytest.fixture(scope="module")
def table(module_envoy, module_upstream):
    documents = {name: document for _, all_of in TOPICS.values() for name, document in all_of.items()}
    return Table(module_envoy, module_upstream, documents, apart)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_case_of_the_table_is_decided_as_expected(table, topic):
    wrong = table.judge(topic, TOPICS[topic][0])
    assert not wrong, f"{len(wrong)} requests:\n" + "\n".join(wrong)
