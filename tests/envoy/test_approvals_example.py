"""The approval examples in envoy/ work as they are.

They are an Envoy whose cluster authenticates with a token or a certificate, and a minimal approval service.
"""

import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import yaml

import clients
import places
from harness import examples, load, rpc
from harness.approvals import Approvals, code
from harness.identity import Authority
from harness.proxy import wait_for
from harness.service import ROLES, question
from launch import Server
from upstream import Answer

EXAMPLE = places.ROOT / "envoy" / "approvals.yaml"
POINTER = places.ROOT / "envoy" / "approvals" / "approvals-token.yaml"
OWN_SERVICE = places.ROOT / "envoy" / "approvals" / "own_service.py"
PENDING, UNAVAILABLE = "approval_required", "approval_unavailable"
TOKEN, APPROVER = "token-of-envoy", "token-of-the-approver"
CALL = rpc.tools_call("run_agent", {"agent_id": "agent-1"})
IDS = {"authorization": f"Bearer {APPROVER}"}


def uncommented(text: str) -> str:
    """Enable the example's second cluster, as its comment says."""
    begun = text.index("    # - name: approvals_mtls")
    ended = (text + "\n").index("\n\n", begun)
    lines = text[begun:ended].split("\n")
    assert all(line.startswith("    # ") for line in lines)
    block = "\n".join(line.replace("# ", "", 1) for line in lines)
    text = text[:begun] + block + text[ended:]
    assert text.count("cluster: approvals\n") == 1
    return text.replace("cluster: approvals\n", "cluster: approvals_mtls\n")


def save(folder, token: str) -> None:
    """Move a file with the token into the folder, as the example requires."""
    (folder / "new").write_text(token)
    (folder / "new").rename(folder / "approvals-token")


def example(ports: dict, folder, token: str | None = TOKEN, files: dict | None = None, mtls: bool = False):
    """Return an edit that replaces a bootstrap by the example, with other ports and files.

    The token and the file that points at it are in the folder.
    """
    (folder / POINTER.name).write_text(POINTER.read_text().replace("/etc/mcp-policy", str(folder)))
    if token is not None:
        save(folder, token)
    text = EXAMPLE.read_text()
    for place in ("path: /etc/mcp-policy/approvals-token.yaml", "path: /etc/mcp-policy }"):
        assert text.count(place) == 1
        text = text.replace(place, place.replace("/etc/mcp-policy", str(folder)))
    return examples.edit_to(uncommented(text) if mtls else text, "main", ports, files or {})


def call(proxy, message: object = CALL) -> httpx.Response:
    return rpc.post(proxy.url, message)


def policy_of(tree: object) -> dict:
    """Return the policy of the example."""
    if isinstance(tree, dict):
        if tree.get("@type", "").endswith("google.protobuf.Struct"):
            return tree["value"]
        tree = list(tree.values())
    found = [policy_of(one) for one in tree if isinstance(one, (dict, list))]
    return next((one for one in found if one), {})


@pytest.mark.parametrize("token", [TOKEN, TOKEN + "\n"], ids=["as it is", "a line"])
def test_the_cluster_sends_a_token_that_is_not_in_the_policy(envoy, upstream, approvals, tmp_path, token):
    ports = {8000: upstream.port, 8090: approvals.port}
    proxy = envoy({}, folder=tmp_path, edit=example(ports, tmp_path, token))
    assert code(call(proxy)) == PENDING
    [request] = approvals.requests
    assert request.header("authorization") == f"Bearer {TOKEN}"
    assert request.header("host") == "approvals.internal"
    approvals.decide("approved")
    assert [code(call(proxy)), code(call(proxy))] == ["allowed", PENDING]
    assert code(call(proxy, rpc.tools_call("get_weather"))) == "allowed"
    assert code(call(proxy, rpc.tools_call("other"))) == "not_listed"
    # The token appears nowhere else.
    assert TOKEN not in str([request.headers for request in upstream.requests])
    assert TOKEN not in proxy.log() + proxy.get("/stats")
    assert TOKEN not in proxy.get("/config_dump")


@pytest.mark.parametrize("token", [None, "", "\n"], ids=["no file", "an empty file", "an empty line"])
def test_without_a_token_no_question_is_sent(envoy, upstream, approvals, tmp_path, token):
    """Envoy does not send a question that it cannot authenticate, and reads the token once it is there."""
    ports = {8000: upstream.port, 8090: approvals.port}
    proxy = envoy({}, folder=tmp_path, edit=example(ports, tmp_path, token))
    assert code(call(proxy)) == UNAVAILABLE
    assert approvals.requests == [] and upstream.heads == []
    save(tmp_path, TOKEN)
    wait_for(lambda: code(call(proxy)) == PENDING, "the token to be read")
    assert approvals.requests[-1].header("authorization") == f"Bearer {TOKEN}"


def test_the_token_can_be_replaced_while_envoy_runs(envoy, upstream, service, tmp_path):
    """No call is refused for the token's sake: the service accepts both tokens meanwhile."""
    started = service(config=ROLES)
    old = started.command("caller", "envoy-eu")
    proxy = envoy({}, folder=tmp_path, edit=example({8000: upstream.port, 8090: started.port}, tmp_path, old))
    assert code(call(proxy)) == PENDING
    new = started.command("caller", "envoy-eu")
    verdicts = [code(call(proxy))]
    save(tmp_path, new + "\n")

    def is_replaced() -> bool:
        verdicts.append(code(call(proxy)))
        return "sds.approvals_token.update_success: 2" in proxy.get("/stats?filter=sds")

    wait_for(is_replaced, "the new token to be read")
    started.command("caller", "envoy-eu", "--revoke-older")
    assert started.post(question(), token=old).status_code == 401
    assert started.post(question(), token=new).status_code == 200
    verdicts += [code(call(proxy)) for _ in range(3)]
    assert set(verdicts) == {PENDING}
    assert upstream.heads == []
    text = proxy.log() + proxy.get("/stats") + proxy.get("/config_dump")
    assert old not in text and new not in text
    # A token that the service does not know is a refusal, not a way around.
    save(tmp_path, "guessed")
    wait_for(lambda: code(call(proxy)) == UNAVAILABLE, "the unknown token to be sent")
    save(tmp_path, new)
    wait_for(lambda: code(call(proxy)) == PENDING, "the token to be read")


def test_the_stats_tags_of_the_example_work(envoy, upstream, approvals, tmp_path):
    ports = {8000: upstream.port, 8090: approvals.port}
    proxy = envoy({}, folder=tmp_path, edit=example(ports, tmp_path))
    assert code(call(proxy)) == PENDING
    metrics = proxy.get("/stats/prometheus?filter=mcp_policy")
    assert 'mcp_policy_approvals{mcp_server="example",mcp_outcome="pending"} 1' in metrics, metrics


def test_the_example_has_the_default_values():
    settings = policy_of(yaml.safe_load(EXAMPLE.read_text()))["approvals"]
    assert settings == {
        "cluster": "approvals",
        "authority": "approvals.internal",
        "path": "/v1/approvals",
        "timeout_ms": 2000,
        "wait_seconds": 0,
        "expires_seconds": 900,
    }


# Mutual TLS.

SERVICES, ENVOYS, OTHERS = Authority("services"), Authority("envoys"), Authority("services")


class OverTls:
    """A service that requires a client certificate, and approves every call."""

    def __init__(self, certificate, folder) -> None:
        service = self
        self.peers: list = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                service.peers.append(self.connection.getpeercert()["subjectAltName"])
                body = b'{"status":"approved","id":"1"}'
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.save(folder))
        context.load_verify_locations(cadata=ENVOYS.pem)
        context.verify_mode = ssl.CERT_REQUIRED
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def __enter__(self) -> "OverTls":
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.mark.parametrize(
    ("service", "client", "expected"),
    [
        (SERVICES.issue(dns=["approvals.internal"]), ENVOYS, "allowed"),
        (SERVICES.issue(dns=["other.internal"]), ENVOYS, UNAVAILABLE),
        (OTHERS.issue(dns=["approvals.internal"]), ENVOYS, UNAVAILABLE),
        (SERVICES.issue(dns=["approvals.internal"]), OTHERS, UNAVAILABLE),
    ],
    ids=["both trusted", "another name", "another authority", "an untrusted Envoy"],
)
def test_the_second_cluster_and_the_service_authenticate_each_other(
    envoy, upstream, tmp_path, service, client, expected
):
    own = client.issue(uris=["spiffe://corp.example/envoy"])
    files = {
        "envoy.pem": own.certificate,
        "envoy.key": own.key,
        "approvals-ca.pem": SERVICES.pem,
    }
    with OverTls(service, tmp_path) as started:
        ports = {8000: upstream.port, 8090: 1, 8443: started.port}
        proxy = envoy({}, folder=tmp_path, edit=example(ports, tmp_path, files=files, mtls=True))
        assert code(call(proxy)) == expected
        assert started.peers == ([(("URI", "spiffe://corp.example/envoy"),)] if expected == "allowed" else [])
    assert len(upstream.calls) == (expected == "allowed")


# The minimal service.


@pytest.fixture
def own_service(tmp_path):
    environment = {"ENVOY_TOKEN": TOKEN, "APPROVER_TOKEN": APPROVER}
    command = [sys.executable, OWN_SERVICE, "0", tmp_path / "approvals.sqlite3"]
    with Server(command, tmp_path / "own_service.log", environment) as started:
        yield started


def page_of(answer: httpx.Response) -> str:
    """Return the page's URL from the text that a model reads."""
    [page] = {word.rstrip(":,.;)") for word in rpc.text(answer.json()).split() if "/approvals/" in word}
    return page


@pytest.fixture
def guarded(envoy, upstream, own_service, tmp_path):
    ports = {8000: upstream.port, 8090: own_service.port}
    return envoy({}, folder=tmp_path, edit=example(ports, tmp_path))


def test_the_minimal_service_handles_a_call_and_its_approval(guarded, own_service, upstream):
    pending = call(guarded)
    assert code(pending) == PENDING
    page = page_of(pending)
    assert page == page_of(call(guarded)) and page.startswith(f"http://127.0.0.1:{own_service.port}/")
    shown = httpx.get(page, headers=IDS).json()
    assert shown["status"] == "pending" and shown["asked"]["arguments"] == {"agent_id": "agent-1"}
    assert httpx.post(page, json={"status": "approved"}, headers=IDS).json()["status"] == "approved"
    assert [code(call(guarded)), code(call(guarded))] == ["allowed", PENDING]
    assert len(upstream.calls) == 1
    # A decision is final, and only the approver's token can decide.
    used = httpx.post(page, json={"status": "denied"}, headers=IDS).json()
    assert used["status"] == "used"
    next_page = page_of(call(guarded))
    assert next_page != page
    for headers in ({}, {"authorization": f"Bearer {TOKEN}"}, {"authorization": APPROVER}):
        assert httpx.post(next_page, json={"status": "approved"}, headers=headers).status_code == 401
        assert httpx.get(next_page, headers=headers).status_code == 401
    assert httpx.get(next_page + "0", headers=IDS).status_code == 404
    httpx.post(next_page, json={"status": "denied", "reason": "not on a Friday"}, headers=IDS)
    refused = call(guarded)
    assert code(refused) == "approval_denied" and "not on a Friday" in rpc.text(refused.json())
    assert len(upstream.calls) == 1


def test_the_minimal_service_returns_an_approval_once(guarded, own_service, upstream):
    page = page_of(call(guarded))
    httpx.post(page, json={"status": "approved"}, headers=IDS)
    with load.Crowd(guarded.port, 30) as crowd:
        answers = crowd.call([CALL] * 30)
    assert sorted(code(answer) for answer in answers) == ["allowed"] + [PENDING] * 29
    assert len(upstream.calls) == 1


def test_the_minimal_service_requires_envoys_token(own_service):
    url = f"http://127.0.0.1:{own_service.port}/v1/approvals"
    asked = {"fingerprint": "f" * 64, "expires_seconds": 900}
    for headers in ({}, {"authorization": f"Bearer {APPROVER}"}):
        assert httpx.post(url, json=asked, headers=headers).status_code == 401
    envoy = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.post(url, json=asked, headers=envoy).json()["status"] == "pending"
    expired = {**asked, "expires_seconds": -1}
    first, second = (
        httpx.post(url, json={**expired, "fingerprint": "e"}, headers=envoy).json() for _ in "12"
    )
    assert first["id"] != second["id"], "an expired approval is replaced by a new one"


def test_the_minimal_service_supersedes_a_question_under_earlier_rules(own_service):
    url, envoy = f"http://127.0.0.1:{own_service.port}", {"authorization": f"Bearer {TOKEN}"}

    def ask(rules: str, **changed: object) -> dict:
        asked = question(principal="bert", rules=rules * 64, **changed)
        return httpx.post(f"{url}/v1/approvals", json=asked, headers=envoy).json()

    def decide(asked: dict) -> str:
        page = f"{url}/approvals/{asked['id']}"
        return httpx.post(page, json={"status": "approved"}, headers=IDS).json()["status"]

    other = ask("a", path="/other")
    old, new = ask("a"), ask("b")
    assert (decide(old), decide(new), decide(other)) == ("superseded", "approved", "approved")
    assert [ask(rules)["status"] for rules in "ab"] == ["pending", "pending"]
    assert ask("a", path="/other")["status"] == "approved"


def test_the_minimal_service_keeps_approvals_across_a_restart(tmp_path):
    environment = {"ENVOY_TOKEN": TOKEN, "APPROVER_TOKEN": APPROVER}
    command = [sys.executable, OWN_SERVICE, "0", tmp_path / "approvals.sqlite3"]
    asked, envoy = {"fingerprint": "f" * 64, "expires_seconds": 900}, {"authorization": f"Bearer {TOKEN}"}
    answers = []
    for turn in range(3):
        with Server(command, tmp_path / f"{turn}.log", environment) as started:
            url = f"http://127.0.0.1:{started.port}/v1/approvals"
            answers.append(httpx.post(url, json=asked, headers=envoy).json())
            page = f"http://127.0.0.1:{started.port}/approvals/{answers[-1]['id']}"
            httpx.post(page, json={"status": "approved"}, headers=IDS)
    assert [one["status"] for one in answers] == ["pending", "approved", "pending"]
    assert answers[0]["id"] == answers[1]["id"] != answers[2]["id"]


@pytest.mark.parametrize("client", [clients.PYTHON_2, clients.TYPESCRIPT_2], ids=str)
def test_a_client_opens_the_page_of_the_minimal_service(envoy, everything, own_service, tmp_path, client):
    edit = example({8000: everything.port, 8090: own_service.port}, tmp_path)

    def with_echo(tree: dict) -> None:
        edit(tree)
        tools = policy_of(tree)["tools"]
        tools["echo"] = tools.pop("run_agent")

    proxy = envoy({}, folder=tmp_path, edit=with_echo)
    plan = {"decide": [{"status": "approved"}], "headers": IDS}
    [report] = clients.run(client, (proxy.url, [["led", "echo", {"message": "hi"}, plan]]))
    [saw] = report["saw"]
    assert saw["result"]["text"] == "hi" and not saw["result"]["is_error"]
    assert [page["url"].startswith(f"http://127.0.0.1:{own_service.port}/") for page in saw["pages"]] == [
        True
    ]


def test_the_example_recovers_when_the_service_comes_back(envoy, upstream, approvals, tmp_path):
    proxy = envoy({}, folder=tmp_path, edit=example({8000: upstream.port, 8090: approvals.port}, tmp_path))
    approvals.answer = Answer(503)
    assert code(call(proxy)) == UNAVAILABLE
    approvals.stop()
    assert code(call(proxy)) == UNAVAILABLE
    with Approvals(port=approvals.port) as back:
        wait_for(lambda: code(call(proxy)) == PENDING, "Envoy to reach the service again")
        assert back.requests[0].header("authorization") == f"Bearer {TOKEN}"
    assert upstream.heads == []
