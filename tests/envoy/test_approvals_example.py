"""The examples of envoy/ that have a person decide: they run as they stand.

An Envoy whose cluster gives the service a token that the policy does not know, or a certificate; and
the service of one's own that comes with it, from the first call to the next approval.
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
from harness import load, rpc, runs
from harness.approvals import Approvals, code
from harness.identity import Authority
from harness.proxy import wait_for
from launch import Server
from upstream import Answer

EXAMPLE = places.ROOT / "envoy" / "approvals.yaml"
OWN_SERVICE = places.ROOT / "envoy" / "approvals" / "own_service.py"
PENDING, UNAVAILABLE = "approval_required", "approval_unavailable"
TOKEN, APPROVER = "token-of-envoy", "token-of-the-approver"
CALL = rpc.tools_call("run_agent", {"agent_id": "agent-1"})
IDS = {"authorization": f"Bearer {APPROVER}"}


def uncommented(text: str) -> str:
    """Do what the example says about its second cluster."""
    begun = text.index("    # - name: approvals_mtls")
    ended = text.index("\n\n", begun)
    lines = text[begun:ended].split("\n")
    assert all(line.startswith("    # ") for line in lines)
    block = "\n".join(line.replace("# ", "", 1) for line in lines)
    text = text[:begun] + block + text[ended:]
    assert text.count("cluster: approvals\n") == 1
    return text.replace("cluster: approvals\n", "cluster: approvals_mtls\n")


def example(ports: dict, files: dict, mtls: bool = False):
    """Edit a bootstrap into the example, on ports of our own and with files of our own."""
    inline = {f"/etc/mcp-policy/{name}": {"inline_string": text} for name, text in files.items()}
    known = {**inline, "/etc/mcp-policy/mcp_policy_filter.wasm": {"filename": str(runs.module())}}
    ports = {10000: 0, 9901: 0, **ports}
    used = set()

    def replaced(node: object) -> object:
        if isinstance(node, list):
            return [replaced(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "filename" in node:
            used.add(node["filename"])
            return known[node["filename"]]
        if "port_value" in node:
            return {**node, "port_value": ports[node["port_value"]]}
        return {key: replaced(value) for key, value in node.items()}

    def edit(tree: dict) -> None:
        text = EXAMPLE.read_text()
        built = replaced(yaml.safe_load(uncommented(text) if mtls else text))
        assert used == set(known)
        [listener] = built["static_resources"]["listeners"]
        listener["name"] = "main"
        tree.clear()
        tree.update(built)

    return edit


def call(proxy, message: object = CALL) -> httpx.Response:
    return rpc.post(proxy.url, message)


def policy_of(tree: object) -> dict:
    """Find the policy of the example."""
    if isinstance(tree, dict):
        if tree.get("@type", "").endswith("google.protobuf.Struct"):
            return tree["value"]
        tree = list(tree.values())
    found = [policy_of(one) for one in tree if isinstance(one, (dict, list))]
    return next((one for one in found if one), {})


@pytest.mark.parametrize("token", [TOKEN, TOKEN + "\n"], ids=["as it is", "a line"])
def test_the_cluster_tells_the_service_a_token_that_the_policy_does_not_know(
    envoy, upstream, approvals, token
):
    ports = {8000: upstream.port, 8090: approvals.port}
    proxy = envoy({}, edit=example(ports, {"approvals-token": token}))
    assert code(call(proxy)) == PENDING
    [request] = approvals.requests
    assert request.header("authorization") == f"Bearer {TOKEN}"
    assert request.header("host") == "approvals.internal"
    approvals.decide("approved")
    assert [code(call(proxy)), code(call(proxy))] == ["allowed", PENDING]
    assert code(call(proxy, rpc.tools_call("get_weather"))) == "allowed"
    assert code(call(proxy, rpc.tools_call("other"))) == "not_listed"
    # The server behind the filter is not told it, nor is anybody else.
    assert TOKEN not in str([request.headers for request in upstream.requests])
    assert TOKEN not in proxy.log() + proxy.get("/stats")
    assert TOKEN not in proxy.get("/config_dump")


def test_without_a_token_nobody_is_asked(envoy, upstream, approvals):
    """Envoy does not make a question that it cannot authenticate."""
    ports = {8000: upstream.port, 8090: approvals.port}
    files = example(ports, {"approvals-token": TOKEN})

    def edit(tree: dict) -> None:
        files(tree)
        tree["static_resources"]["secrets"][0]["generic_secret"]["secret"] = {"inline_string": ""}

    # An empty file is refused at the start or leaves the cluster without a token; no call gets on.
    proxy = envoy({}, edit=edit)
    assert code(call(proxy)) == UNAVAILABLE
    assert approvals.requests == [] and upstream.heads == []


def test_the_tags_of_the_example_name_outcomes(envoy, upstream, approvals):
    ports = {8000: upstream.port, 8090: approvals.port}
    proxy = envoy({}, edit=example(ports, {"approvals-token": TOKEN}))
    assert code(call(proxy)) == PENDING
    told = proxy.get("/stats/prometheus?filter=mcp_policy")
    assert 'mcp_policy_approvals{mcp_outcome="pending"} 1' in told, told


def test_the_example_says_what_is_the_default():
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
    """A service behind TLS that takes only who has a certificate, and approves whatever it is asked."""

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
    ids=["both known", "another name", "another authority", "an unknown Envoy"],
)
def test_the_second_cluster_knows_the_service_and_is_known(
    envoy, upstream, tmp_path, service, client, expected
):
    own = client.issue(uris=["spiffe://corp.example/envoy"])
    files = {
        "approvals-token": TOKEN,
        "envoy.pem": own.certificate,
        "envoy.key": own.key,
        "approvals-ca.pem": SERVICES.pem,
    }
    with OverTls(service, tmp_path) as started:
        ports = {8000: upstream.port, 8090: 1, 8443: started.port}
        proxy = envoy({}, edit=example(ports, files, mtls=True))
        assert code(call(proxy)) == expected
        assert started.peers == ([(("URI", "spiffe://corp.example/envoy"),)] if expected == "allowed" else [])
    assert len(upstream.calls) == (expected == "allowed")


# The service of one's own.


@pytest.fixture
def own_service(tmp_path):
    environment = {"ENVOY_TOKEN": TOKEN, "APPROVER_TOKEN": APPROVER}
    command = [sys.executable, OWN_SERVICE, "0", tmp_path / "approvals.sqlite3"]
    with Server(command, tmp_path / "own_service.log", environment) as started:
        yield started


def page_of(answer: httpx.Response) -> str:
    """Find the page in what a model is told."""
    [page] = {word.rstrip(":,.;)") for word in rpc.text(answer.json()).split() if "/approvals/" in word}
    return page


@pytest.fixture
def guarded(envoy, upstream, own_service):
    ports = {8000: upstream.port, 8090: own_service.port}
    return envoy({}, edit=example(ports, {"approvals-token": TOKEN}))


def test_the_service_of_ones_own_takes_a_call_through_its_approval(guarded, own_service, upstream):
    pending = call(guarded)
    assert code(pending) == PENDING
    page = page_of(pending)
    assert page == page_of(call(guarded)) and page.startswith(f"http://127.0.0.1:{own_service.port}/")
    shown = httpx.get(page, headers=IDS).json()
    assert shown["status"] == "pending" and shown["asked"]["arguments"] == {"agent_id": "agent-1"}
    assert httpx.post(page, json={"status": "approved"}, headers=IDS).json()["status"] == "approved"
    assert [code(call(guarded)), code(call(guarded))] == ["allowed", PENDING]
    assert len(upstream.calls) == 1
    # Once decided it stays decided, and who has no token of the approver's decides nothing.
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


def test_the_service_of_ones_own_gives_an_approval_once(guarded, own_service, upstream):
    page = page_of(call(guarded))
    httpx.post(page, json={"status": "approved"}, headers=IDS)
    with load.Crowd(guarded.port, 30) as crowd:
        answers = crowd.call([CALL] * 30)
    assert sorted(code(answer) for answer in answers) == ["allowed"] + [PENDING] * 29
    assert len(upstream.calls) == 1


def test_the_service_of_ones_own_is_asked_by_nobody_without_the_token(own_service):
    url = f"http://127.0.0.1:{own_service.port}/v1/approvals"
    asked = {"fingerprint": "f" * 64, "expires_seconds": 900}
    for headers in ({}, {"authorization": f"Bearer {APPROVER}"}):
        assert httpx.post(url, json=asked, headers=headers).status_code == 401
    known = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.post(url, json=asked, headers=known).json()["status"] == "pending"
    expired = {**asked, "expires_seconds": -1}
    first, second = (
        httpx.post(url, json={**expired, "fingerprint": "e"}, headers=known).json() for _ in "12"
    )
    assert first["id"] != second["id"], "what has expired is begun anew"


def test_the_service_of_ones_own_remembers_across_a_restart(tmp_path):
    environment = {"ENVOY_TOKEN": TOKEN, "APPROVER_TOKEN": APPROVER}
    command = [sys.executable, OWN_SERVICE, "0", tmp_path / "approvals.sqlite3"]
    asked, known = {"fingerprint": "f" * 64, "expires_seconds": 900}, {"authorization": f"Bearer {TOKEN}"}
    told = []
    for turn in range(3):
        with Server(command, tmp_path / f"{turn}.log", environment) as started:
            url = f"http://127.0.0.1:{started.port}/v1/approvals"
            told.append(httpx.post(url, json=asked, headers=known).json())
            page = f"http://127.0.0.1:{started.port}/approvals/{told[-1]['id']}"
            httpx.post(page, json={"status": "approved"}, headers=IDS)
    assert [one["status"] for one in told] == ["pending", "approved", "pending"]
    assert told[0]["id"] == told[1]["id"] != told[2]["id"]


@pytest.mark.parametrize("client", [clients.PYTHON_2, clients.TYPESCRIPT_2], ids=str)
def test_a_client_is_led_to_the_service_of_ones_own(envoy, everything, own_service, client):
    edit = example({8000: everything.port, 8090: own_service.port}, {"approvals-token": TOKEN})

    def with_echo(tree: dict) -> None:
        edit(tree)
        tools = policy_of(tree)["tools"]
        tools["echo"] = tools.pop("run_agent")

    proxy = envoy({}, edit=with_echo)
    plan = {"decide": [{"status": "approved"}], "headers": IDS}
    [report] = clients.run(client, (proxy.url, [["led", "echo", {"message": "hi"}, plan]]))
    [saw] = report["saw"]
    assert saw["result"]["text"] == "hi" and not saw["result"]["is_error"]
    assert [page["url"].startswith(f"http://127.0.0.1:{own_service.port}/") for page in saw["pages"]] == [
        True
    ]


def test_the_example_recovers_when_the_service_comes_back(envoy, upstream, approvals):
    proxy = envoy({}, edit=example({8000: upstream.port, 8090: approvals.port}, {"approvals-token": TOKEN}))
    approvals.answer = Answer(503)
    assert code(call(proxy)) == UNAVAILABLE
    approvals.stop()
    assert code(call(proxy)) == UNAVAILABLE
    with Approvals(port=approvals.port) as back:
        wait_for(lambda: code(call(proxy)) == PENDING, "the service to be found again")
        assert back.requests[0].header("authorization") == f"Bearer {TOKEN}"
    assert upstream.heads == []
