"""Makes the first inputs of each target from the project's own cases and policies."""

import base64
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases"
# A seed that is larger only makes a target slower.
MOST_BYTES = 8_000

LISTS = [
    {"tools": [{"name": "get_a"}, {"name": "set_a"}], "nextCursor": "x"},
    {"prompts": [{"name": "get_a", "title": "A"}, {"name": "set_a"}]},
    {"resources": [{"uri": "get:a", "name": "a"}, {"uri": "set:a", "name": "get"}]},
    {"resourceTemplates": [{"uriTemplate": "get:{a}"}, {"uriTemplate": "set:{a}"}], "ttlMs": 5},
    {"tools": [{"name": "set_a"}], "cacheScope": "public"},
    {"content": [{"type": "text", "text": "tools"}], "structuredContent": {"tools": [1]}},
]
STREAMS = [
    "data: {}\n\n",
    ": ping\n\nid: 1\nevent: message\ndata: {}\n\n",
    "event: other\r\ndata: {}\r\n\r\n",
    "event: endpoint\ndata: /messages\n\ndata: {}\n\n",
    "data: {}\rretry: 5\r\r",
    "data: {}\n\ndata: {}\n\n",
    "data: {}",
]
APPROVALS = [
    '200\n{"status":"approved","id":"a1"}',
    '202\n{"status":"pending","id":"a1","url":"https://a.example/approvals/a1?x=1#y","reason":null}',
    '201\n{"status":"denied","id":"a1","reason":" not\\ntoday\\u202e ","expires_at":"2027-01-01T00:00:00Z"}',
    '201\n{"status":"denied","id":"a1","reason":"javascript:alert(1)"}',
    '200\n{"status":"denied","status":"approved","id":"a"}',
    '404\n{"status":"approved","id":"a"}',
    '200\n{"status":"pending","id":"a","url":"https://bank.example@evil.example/"}',
]


def load(path: Path):
    return json.loads(path.read_text())


def text(value) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def bodies() -> Iterator[bytes]:
    for group in load(CASES / "reader.json")["groups"]:
        for case in group["cases"]:
            if "body_base64" in case:
                yield base64.b64decode(case["body_base64"])
            parts = case.get("body") or []
            parts = [parts] if isinstance(parts, str) else parts
            whole = "".join(part if isinstance(part, str) else part["text"] * part["times"] for part in parts)
            yield whole.encode()


def groups() -> Iterator[dict]:
    for path in sorted((CASES / "decisions").glob("*.json")):
        yield from load(path)["groups"]


def documents() -> Iterator[bytes]:
    for path in [CASES / "documents.json", *sorted((CASES / "documents").glob("*.json"))]:
        for kind in ("refused", "accepted"):
            cases = load(path).get(kind, [])
            for case in itertools.chain(*cases.values()) if isinstance(cases, dict) else cases:
                if "document" in case:
                    yield text(case["document"])
                elif isinstance(case.get("text"), str):
                    yield case["text"].encode()
    for group in groups():
        yield text(group["document"])
    for path in sorted((ROOT / "policies").glob("*.json")):
        yield text(load(path))


def steps() -> Iterator[tuple[dict, dict]]:
    """Return each request of the table of decisions, with its document."""
    for group in groups():
        for case in group["cases"]:
            for step in case.get("steps", [case]):
                yield group["document"], step


def messages() -> Iterator[tuple[dict, dict]]:
    """Return each request as a message, with its document."""
    for document, step in steps():
        arguments = step.get("with") or {}
        if "call" in step and not isinstance(arguments, str):
            params = {"name": step["call"], "arguments": arguments}
            yield document, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        elif "method" in step:
            yield (
                document,
                {"jsonrpc": "2.0", "id": 1, "method": step["method"], "params": step.get("params", {})},
            )


def schemas() -> Iterator[bytes]:
    for document, message in messages():
        rule = document.get("tools", {}).get(message["params"].get("name"))
        if isinstance(rule, dict) and "arguments" in rule:
            yield text([rule["arguments"], message["params"].get("arguments")])


def expressions(value) -> Iterator[str]:
    if isinstance(value, list):
        yield from itertools.chain(*map(expressions, value))
    if isinstance(value, dict):
        if value.get("op") == "regex" and isinstance(value.get("value"), str):
            yield value["value"]
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        yield from itertools.chain(*map(expressions, value.values()))


def patterns() -> Iterator[bytes]:
    for group in groups():
        values = [step.get("with") for case in group["cases"] for step in case.get("steps", [case])]
        texts = {
            value
            for arguments in values
            if isinstance(arguments, dict)
            for value in arguments.values()
            if isinstance(value, str)
        }
        for expression in sorted(set(expressions(group["document"]))):
            for value in sorted(texts)[:8]:
                yield text([expression, value])


def answers() -> Iterator[bytes]:
    for result in LISTS:
        yield text({"jsonrpc": "2.0", "id": 7, "result": result})
        yield text([{"jsonrpc": "2.0", "id": 7, "result": result}, {"jsonrpc": "2.0", "method": "x"}])
    yield b'{"id":7,"error":{"code":-32601,"message":"no such method"}}'


def streams() -> Iterator[bytes]:
    for answer in answers():
        for stream in STREAMS:
            yield stream.replace("{}", answer.decode()).encode()


def field(number: int, value: int | bytes) -> bytes:
    """Write a field of a message of protobuf."""

    def varint(value: int) -> bytes:
        low, rest = value & 0x7F, value >> 7
        return bytes([low]) if rest == 0 else bytes([low | 0x80]) + varint(rest)

    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def rates() -> Iterator[bytes]:
    for overall, code, calls, usd in itertools.product((1, 2), (1, 2), (6, 7, 0), (47, 50, 5)):
        limits = [(7, 2, calls), (50, 4, usd)]
        statuses = [
            field(1, code)
            + field(2, field(1, most) + field(2, unit))
            + field(3, left)
            + field(4, field(1, 30))
            for most, unit, left in limits
        ]
        yield field(1, overall) + b"".join(field(2, status) for status in statuses)


TARGETS = {
    "reader": bodies,
    "readers": bodies,
    "document": documents,
    "lists": answers,
    "sse": streams,
    "schema": schemas,
    "struct_config": documents,
    "rate_limit": rates,
    "approval": lambda: (answer.encode() for answer in APPROVALS),
    "work": lambda: (text(list(pair)) for pair in messages()),
    "patterns": patterns,
}


def write(target: str, folder: Path) -> None:
    """Write the seeds of a target into a folder, each once."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds: Iterable[bytes] = TARGETS[target]()
    for seed in seeds:
        if len(seed) <= MOST_BYTES:
            (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
