"""The approval example `envoy/approvals.yaml` works as it is.

It is an Envoy whose cluster authenticates with a token or, once uncommented, with a certificate.
"""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml

from harness import rpc
from harness.approvals import PENDING, UNAVAILABLE, Approvals, code
from harness.approvals_example import EXAMPLE, TOKEN, call, example, policy_of, save
from harness.identity import Authority
from harness.proxy import wait_for
from harness.service import ROLES, question
from upstream import Answer


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
