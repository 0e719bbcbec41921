"""The example `envoy/several.yaml`: several servers behind one Envoy, and a route whose policy was forgotten."""

import httpx
import pytest

import places
from harness import examples, http1, rpc
from upstream import Upstream

EXAMPLE = (places.ROOT / "envoy" / "several.yaml").read_text()


@pytest.fixture(scope="module")
def mail():
    with Upstream() as started:
        yield started


@pytest.fixture(scope="module")
def files():
    with Upstream() as started:
        yield started


@pytest.fixture(scope="module")
def proxy(module_envoy, files, mail):
    return module_envoy({}, edit=examples.edit_to(EXAMPLE, "main", {8000: files.port, 8001: mail.port}, {}))


def code(proxy, path: str, tool: str) -> str | None:
    answer = rpc.post(f"http://127.0.0.1:{proxy.port}{path}", rpc.tools_call(tool))
    return answer.headers.get("x-mcp-policy")


def test_each_route_has_the_policy_of_its_server(proxy, files, mail):
    files.clear()
    mail.clear()
    assert code(proxy, "/files", "read_file") is None and code(proxy, "/mail", "send_email") is None
    assert code(proxy, "/files", "send_email") == "not_listed"
    assert code(proxy, "/mail", "read_file") == "not_listed"
    assert [len(files.calls), len(mail.calls)] == [1, 1]


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PUT"])
def test_a_forgotten_route_is_refused_and_nothing_reaches_the_server(proxy, files, mail, method):
    files.clear()
    mail.clear()
    body = rpc.encode(rpc.tools_call("send_email")) if method == "POST" else None
    headers = {"content-type": "application/json"} if body else {}
    url = f"http://127.0.0.1:{proxy.port}/forgotten"
    answer = httpx.request(method, url, content=body, headers=headers)
    assert answer.status_code == 403 and answer.headers["x-mcp-policy"] == "grant_expired"
    assert [files.heads, mail.heads] == [[], []]


def test_a_forgotten_route_answers_no_preflight(proxy, mail):
    mail.clear()
    asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = httpx.options(f"http://127.0.0.1:{proxy.port}/forgotten", headers=asked)
    assert answer.status_code == 403 and answer.headers["x-mcp-policy"] == "origin_denied"
    assert mail.heads == []


@pytest.mark.parametrize(
    "path", ["/files/", "/Files", "/files/../mail", "//files", "/%66iles", "/files;x", "/"]
)
def test_another_spelling_of_a_path_reaches_no_server_without_a_policy(proxy, files, mail, path):
    files.clear()
    mail.clear()
    body = rpc.encode(rpc.tools_call("send_email"))
    head = http1.head("POST", path, [("content-type", "application/json")], length=len(body))
    assert http1.exchange(proxy.port, [head + body]).status != 0
    assert [files.calls, mail.calls] == [[], []]
