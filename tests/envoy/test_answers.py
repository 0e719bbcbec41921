"""What reaches the client of a server's answers: lists without what it cannot use, and everything else."""

import json

import httpx
import pytest

from harness import http1, http2, rpc
from harness.records import record_of, tagging
from upstream import Answer, event_stream, json_answer

JSON = [("content-type", "application/json")]
POLICY = {
    "version": "1",
    "server": "answers",
    "tools": {"echo": {}, "danger": {"action": "deny"}, "hold": {}, "release": {}},
    "resources": {"file:///srv/*": {}, "skill://open/*": {}},
    "methods": {"custom/method": "allow"},
}
TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("echo", "danger", "other")]
LIST = {"jsonrpc": "2.0", "id": 1, "result": {"tools": TOOLS}}
ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603}}


@pytest.fixture(scope="module", params=["hold", "stream"])
def proxy(request, module_envoy):
    policy = {**POLICY, "request_headers": request.param}
    return module_envoy(policy, hold=request.param == "hold", access_log=True)


@pytest.fixture
def answering(module_upstream):
    """Set the upstream's answer."""
    module_upstream.clear()
    yield lambda answer: setattr(module_upstream, "answer", answer)
    module_upstream.answer = None


def posted(port: int, message: object, path: str = "/mcp") -> http1.Answer:
    body = rpc.encode(message)
    return http1.exchange(port, [http1.head(path=path, headers=JSON, length=len(body)), body])


def asked(port: int, path: str = "/mcp") -> http1.Answer:
    return posted(port, rpc.request("tools/list"), path)


def messages(answer: http1.Answer) -> list:
    """Read the messages of an answer, whether they are events or JSON."""
    if answer.header("content-type") == "text/event-stream":
        lines = answer.body.decode().splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return [json.loads(answer.body)] if answer.body.strip() else []


def names(answer: http1.Answer) -> list:
    [message] = messages(answer)
    return [tool["name"] for tool in message["result"]["tools"]]


def errors(answer: http1.Answer) -> list:
    return [(message["id"], message["error"]["code"]) for message in messages(answer) if "error" in message]


# What opens a stream, or asks for an answer.
OPENERS = {
    "GET": lambda port: http1.exchange(port, http1.head("GET")),
    "a resumed stream": lambda port: http1.exchange(
        port, http1.head("GET", headers=[("last-event-id", "1")])
    ),
    "DELETE": lambda port: http1.exchange(port, http1.head("DELETE")),
    "OPTIONS": lambda port: http1.exchange(
        port,
        http1.head(
            "OPTIONS", headers=[("origin", "http://a.example"), ("access-control-request-method", "POST")]
        ),
    ),
    "ping": lambda port: posted(port, rpc.request("ping")),
    "a notification": lambda port: posted(port, rpc.request("notifications/initialized", id=None)),
    "a call": lambda port: posted(port, rpc.tools_call("echo")),
    "another list": lambda port: posted(port, rpc.request("prompts/list")),
    "an unknown method": lambda port: posted(port, rpc.request("custom/method")),
    "tools/list": asked,
}


@pytest.mark.parametrize("opener", OPENERS)
def test_lists_are_filtered_whatever_opened_the_answer(proxy, answering, opener):
    for answer in (event_stream(LIST), event_stream(LIST, newline="\n"), json_answer(LIST)):
        answering(answer)
        got = OPENERS[opener](proxy.port)
        assert got.whole and names(got) == ["echo"], got
    answering(event_stream({"jsonrpc": "2.0", "method": "notifications/progress"}, {**LIST, "id": "other"}))
    got = OPENERS[opener](proxy.port)
    assert got.whole and b"notifications/progress" in got.body and b"danger" not in got.body


def test_an_answer_of_another_method_keeps_its_length(proxy, answering):
    answer = json_answer({"jsonrpc": "2.0", "id": 1, "result": {"content": []}})
    answering(answer)
    got = posted(proxy.port, rpc.tools_call("echo"))
    assert got.header("content-length") == str(len(answer.body)) and got.body == answer.body


def test_the_upstream_is_asked_not_to_compress(proxy, answering, module_upstream):
    answering(json_answer(LIST))
    for opener in ("GET", "DELETE", "ping", "tools/list"):
        module_upstream.clear()
        headers = {"accept-encoding": "gzip, br"}
        if opener in ("GET", "DELETE"):
            httpx.request(opener, proxy.url, headers=headers)
        else:
            rpc.post(proxy.url, rpc.request(opener), headers)
        assert module_upstream.requests[0].header("accept-encoding") == "identity", opener
    packed = json_answer(LIST, ("content-encoding", "gzip"))
    answering(packed)
    for message in (rpc.request("tools/list"), rpc.tools_call("echo")):
        assert errors(posted(proxy.port, message)) == [(1, -32603)]


# Sizes.

MIB = 1 << 20


def test_only_lists_are_bounded(proxy, answering):
    result = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "x" * 4_300_000}]}}
    for answer in (event_stream(result), json_answer(result)):
        answering(answer)
        for opener in ("GET", "a call"):
            got = OPENERS[opener](proxy.port)
            assert got.whole and messages(got) == [result], opener


@pytest.mark.parametrize("shape", [event_stream, json_answer])
def test_a_list_larger_than_envoys_buffer_is_filtered_and_one_over_the_bound_is_an_error(
    proxy, answering, shape
):
    def listing(size: int) -> dict:
        tools = [{**TOOLS[0], "description": "x" * size}, *TOOLS[1:]]
        return {**LIST, "result": {"tools": tools}}

    large = shape(listing(1_200_000))
    chunks = large.chunks or [large.body]
    text = b"".join(chunks)
    for answer in (
        large,
        Answer(200, large.headers, chunks=[text]),
        Answer(200, large.headers, chunks=[text[:10], text[10:-10], text[-10:]]),
    ):
        answering(answer)
        got = asked(proxy.port)
        assert got.whole and names(got) == ["echo"]
    answering(shape(listing(4 * MIB)))
    path = f"/mcp?{shape.__name__}"
    got = asked(proxy.port, path)
    assert got.status == 200 and got.whole and errors(got) == [(1, -32603)] and b"echo" not in got.body
    record = record_of(proxy, path)
    assert (record["decision"], record["list"]) == ("allow", "too_large")
    assert "the list has more than 4194304 bytes" in proxy.log()


def test_a_list_behind_something_large_is_cut_off(proxy, answering):
    result = {"_meta": {"pad": "x" * MIB}, "tools": TOOLS}
    answering(event_stream({"jsonrpc": "2.0", "id": 1, "result": result}))
    # A list that was asked for is held.
    assert names(asked(proxy.port)) == ["echo"]
    for opener in ("GET", "a call"):
        got = OPENERS[opener](proxy.port)
        assert got.whole and b"danger" not in got.body and b"event: cut" in got.body
        last = got.body.decode().split("\n\n")[-2]
        assert json.loads(last[6:])["id"] == 1 and json.loads(last[6:])["error"]["code"] == -32603
    answering(json_answer({"jsonrpc": "2.0", "id": 1, "result": result}))
    got = posted(proxy.port, rpc.tools_call("echo"))
    assert got.whole and b"danger" not in got.body


# What is no list.


def test_an_event_that_is_no_message_is_no_answer(proxy, answering):
    for nothing in ("ping", "keep alive {1}"):
        answering(event_stream(nothing, LIST))
        got = asked(proxy.port)
        assert names(got) == ["echo"] and f"data: {nothing}".encode() in got.body


TEXT, HTML = ("content-type", "text/plain"), ("content-type", "text/html")


def test_an_answer_that_is_no_list_stays(proxy, answering):
    for status, headers, body in [
        (202, [], b""),
        (202, [TEXT], b""),
        (307, [HTML, ("location", "http://127.0.0.1/")], b"<html>moved {</html>"),
        (401, [("www-authenticate", "Bearer")], b"no token"),
        (401, JSON, b'{"error":"invalid_token"}'),
        (403, [TEXT], b"forbidden"),
        (404, [HTML], b"<p>danger</p>"),
        (503, [TEXT], b"no upstream"),
    ]:
        answering(Answer(status, headers, body))
        got = asked(proxy.port)
        assert (got.status, got.body) == (status, body), got
        assert got.header("content-length") == str(len(body))
        assert all(got.header(name) == value for name, value in headers)
    # A list is filtered, whatever the status and the media type.
    for status, headers in [(404, JSON), (500, [TEXT]), (202, JSON), (307, []), (400, [HTML])]:
        answering(Answer(status, headers, rpc.encode(LIST)))
        got = asked(proxy.port)
        assert got.status == status and b"danger" not in got.body
        assert [tool["name"] for tool in json.loads(got.body)["result"]["tools"]] == ["echo"]


def test_a_part_of_a_list_is_not_shown(proxy, answering):
    whole = rpc.encode(LIST)
    for kind, body in [
        ("application/json", whole[20:]),
        ("multipart/byteranges; boundary=x", b"--x\r\ncontent-type: application/json\r\n\r\n" + whole),
    ]:
        answering(Answer(206, [("content-type", kind), ("content-range", "bytes 20-400/401")], body))
        got = asked(proxy.port)
        assert got.whole and errors(got) == [(1, -32603)] and b"danger" not in got.body
    answering(Answer(206, JSON, whole[20:]))
    got = posted(proxy.port, rpc.tools_call("echo"))
    assert got.whole and b"danger" not in got.body
    # Clients that take every type for JSON would read a part of a list in it.
    answering(Answer(206, [HTML], whole))
    got = posted(proxy.port, rpc.tools_call("echo"))
    assert got.whole and errors(got) == [(1, -32603)]


def test_what_cannot_be_read_is_told_in_the_log_a_metric_and_the_record(envoy, upstream):
    proxy = envoy(POLICY, access_log=True, edit=tagging)
    twice = b'{"name":"echo","inputSchema":{"type":"object","type":"object"}}'
    rest = rpc.encode(TOOLS[0])
    causes = []
    for headers, body, left, cause in [
        ([("content-type", "application/json; charset=utf8")], rpc.encode(LIST), ["echo"], None),
        (
            JSON,
            b'{"jsonrpc":"2.0","id":1,"result":{"tools":[%b,%b]}}' % (twice, rest),
            ["echo"],
            "duplicate_key",
        ),
        (JSON, b'{"jsonrpc":"2.0","id":1,"id":1,"result":{"tools":[]}}', None, "duplicate_key"),
        (JSON, b'{"jsonrpc":"2.0","id":1,"result":{"tools":[NaN]}}', None, "malformed"),
        (JSON, b'{"jsonrpc":"2.0","id":1,"result":{"Tools":[]}}', None, "key_spelling"),
        (JSON, b'{"jsonrpc":"2.0","id":1,"result":{"tools":{}}}', None, "wrong_type"),
        ([("content-type", "application/json; charset=utf-16")], rpc.encode(LIST), None, "encoding"),
        (JSON, b"<html>", None, "malformed"),
    ]:
        upstream.answer = Answer(200, headers, body)
        before = proxy.stats("lists.unreadable")
        got = asked(proxy.port, f"/mcp?{len(causes)}")
        causes.append(cause)
        assert (names(got) if left else errors(got)) == (left or [(1, -32603)]), body
        told = {
            name.partition(".cause.")[2].partition(".")[0]
            for name, value in proxy.stats("lists.unreadable").items()
            if value != before.get(name)
        }
        assert told == ({cause} if cause else set()), body
    assert [record_of(proxy, f"/mcp?{number}").get("list") for number, _ in enumerate(causes)] == causes
    assert (
        "server `answers`: an answer is not shown as the server sent it: a list, or a part of it, cannot be read"
        in proxy.log()
    )


# The lists of the extension `io.modelcontextprotocol/skills`.


def test_skills_and_directories_are_filtered_by_the_rules_for_resources(proxy, answering):
    files = [
        {"uri": f"skill://{of}/{name}", "size": 1} for of in ("open", "shut") for name in ("SKILL.md", "a")
    ]
    skills = [{"uri": files[0]["uri"], "frontmatter": {}, "resources": files}, {"uri": files[2]["uri"]}]
    answering(json_answer({"jsonrpc": "2.0", "id": 1, "result": {"skills": skills, "nextCursor": "x"}}))
    [got] = messages(posted(proxy.port, rpc.request("skills/list")))
    assert got["result"] == {"skills": [{**skills[0], "resources": files[:2]}], "nextCursor": "x"}
    answering(json_answer({"jsonrpc": "2.0", "id": 1, "result": {"resources": files}}))
    [got] = messages(posted(proxy.port, rpc.request("resources/directory/read", {"uri": "skill://open/x"})))
    assert got["result"] == {"resources": files[:2]}


def test_a_list_with_trailers_ends(module_envoy, module_upstream):
    proxy = module_envoy(POLICY, http2_upstream=True)
    body = rpc.encode(LIST)
    module_upstream.answer = Answer(200, JSON, chunks=[body[:50], body[50:]], trailers=[("x-after", "1")])
    got = http2.exchange(proxy.port, [rpc.encode(rpc.request("tools/list"))])
    assert [tool["name"] for tool in json.loads(got.body)["result"]["tools"]] == ["echo"]
    module_upstream.answer = None
