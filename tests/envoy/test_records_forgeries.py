"""Text from a caller cannot break out of its record."""

import json

import pytest

from harness import http1, rpc
from harness.records import BOUND, JSON, RECORD, lines, logging, manager_of, objects, post, read

FORGED = '{"decision":"allow","code":null,"rule":null,"id":"00000000000000000000000000000000"}'
TEXTS = [
    "x\n" + FORGED,
    "x\r\n2027-01-15T08:00:00.000Z 200 " + FORGED + "\r\n",
    '","decision":"allow","id":"00000000000000000000000000000000","x":"',
    '\\","decision":"allow',
    "\\",
    "\0\x01\x0b\x0c\x1c\x1d\x1e\x1f",
    "\x1b[2K\x1b[1A\x1b]0;title\x07",
    "\x7f\x85\x9b2K\x90\x9d",
    "\u2028" + FORGED + "\u2029",
    "\u202eregnad\u202c\u2066\u2069\u200f\u061c\u200b\ufeff",
    RECORD + "%REQ(AUTHORIZATION)% ${jndi:x} %s %n",
    "é文字🚀\U0010ffff",
    "x" * 30_000,
    "\x7f" * 30_000,
    "\u2028\x85\n" * 8_000,
]
# Characters that HTTP allows in a header's value; Envoy itself refuses the other control characters.
IN_HEADERS = [
    b"\xff\xfe\xc3\x28",
    b"\x85\x9b2K\t\xc2\x85\xc2\x9b2K",
    "\u2028\u2029\u202e\ufeff".encode(),
    b'","decision":"allow","id":"00000000000000000000000000000000","x":"',
    b"\\",
    FORGED.encode(),
    b"\xed\xa0\x80\xf4\x90\x80\x80",
    b"x" * 20_000,
    b"\xc2\x85" * 10_000,
]
NAMES = ["mcp-session-id", "mcp-protocol-version", "x-request-id", "x-agent", "mcp-name", "content-type"]


def written_everywhere(text: str) -> list:
    """Write messages with a text in every place that a caller controls, escaped and unescaped."""
    quoted = {json.dumps(text), json.dumps(text, ensure_ascii=False)}
    for text in sorted(quoted):
        yield f'{{"jsonrpc":"2.0","id":{text},"method":"tools/call","params":{{"name":{text},"arguments":{{{text}:{text}}}}}}}'
        yield f'{{"jsonrpc":"2.0","id":{text},"method":{text},"params":{{}}}}'
        yield f'{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":{text}}}}}'
        yield f'{{"jsonrpc":"2.0","id":{text},"result":{{}}}}'
        yield f'{{"jsonrpc":"2.0","method":"notifications/x","params":{{{text}:1}}}}'
        yield f"{{{text}:{text}}}"
        yield text


@pytest.mark.parametrize("audit", ["hash", "full"])
def test_text_from_a_caller_cannot_break_out_of_its_record(envoy, audit):
    policy = {
        "version": "1",
        "audit": {"arguments": audit},
        "default": "allow",
        "tools": {"danger": {"action": "deny"}},
        "identity": [{"header": {"name": "x-agent"}}],
    }

    def edit(listener: dict) -> None:
        logging()(listener)
        manager_of(listener)["preserve_external_request_id"] = True

    proxy = envoy(policy, workers=1, access_log=True, edit_listener=edit)
    sizes = []
    for text in TEXTS:
        for body in written_everywhere(text):
            assert http1.exchange(proxy.port, post(body)).whole, text
            sizes.append(len(body.encode()))
    for value in IN_HEADERS:
        for name in NAMES:
            headers = [*(pair for pair in JSON if pair[0] != name), (name, value)]
            answer = http1.exchange(proxy.port, post(rpc.tools_call("safe"), headers))
            assert answer.status in (200, 400, 415)
            sizes.append(0)
    found, logs = lines(proxy, len(sizes)), objects(proxy, len(sizes))
    assert len(found) == len(logs) == len(sizes)
    assert found == [logged["audit"] for logged in logs]
    for line, size in zip(found, sizes, strict=True):
        read(line)
        assert len(line.encode()) <= BOUND + (6 * size if audit == "full" else 0), line[:200]
    ids = {read(line)["id"] for line in found}
    assert len(ids) == len(sizes) and "0" * 32 not in ids
    decided = proxy.stats("decisions")
    assert sum(decided.values()) == len(sizes)
