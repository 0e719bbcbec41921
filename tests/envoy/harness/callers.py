"""The callers of the identity tests: their issuers, keys and certificates, and what they are answered."""

import json

import httpx

from harness import identity, rpc
from harness.identity import Authority, Issuer
from harness.proxy import wait_for

PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"
JSON = [("content-type", "application/json")]
CALL = rpc.encode(rpc.tools_call("echo"))

ISSUERS = {algorithm: Issuer(f"https://{algorithm}.example", algorithm) for algorithm in ("RS256", "ES256")}
RS256 = ISSUERS["RS256"]
PARTNER = Issuer("https://partner.example", "ES256")
FORGER = Issuer(RS256.name)
KEY, OLD_KEY = identity.api_key(), identity.api_key()

SERVERS, CLIENTS, STRANGERS = Authority("servers"), Authority("clients"), Authority("clients")
SERVER = SERVERS.issue({"COMMON_NAME": "envoy"}, ips=["127.0.0.1"])

# Every secret that a test has sent. None may appear in any output.
sent: set = {KEY, OLD_KEY}
answers: list = []


def token(issuer: Issuer = RS256, **claims) -> str:
    return secret(issuer.token(**claims))


def secret(text: str) -> str:
    """Remember a secret; for a token also its signature, which is the secret part."""
    sent.update({text, text.rpartition(".")[2]} - {""})
    return text


def post(proxy, message: object, headers: dict | None = None, listener="main", client=None) -> httpx.Response:
    answer = rpc.post(url(proxy, listener), message, headers, client)
    answers.append(f"{answer.headers}\n{answer.text}")
    return answer


def url(proxy, listener: str = "main") -> str:
    tls = listener.startswith("tls")
    return proxy.urls[listener].replace("http:", "https:") if tls else proxy.urls[listener]


def outcome(answer: httpx.Response) -> tuple:
    return answer.status_code, answer.headers.get("x-mcp-policy")


def record(proxy, answer: httpx.Response) -> dict:
    """Find the record of a refusal by its id, which is also in the answer."""
    body = answer.json()
    decision = (
        body["error"]["data"] if "error" in body else body["result"]["_meta"]["dev.mcp-policy/decision"]
    )

    def found() -> list:
        records = [json.loads(line["audit"]) for line in proxy.access_log() if line["audit"]]
        return [one for one in records if one["id"] == decision["id"]]

    return wait_for(found, "the decision's record")[0]


def tools(answer: httpx.Response) -> list:
    return [tool["name"] for tool in answer.json()["result"]["tools"]]


ALLOWED, UNAUTHENTICATED, NO_GRANT = (200, None), (401, "unauthenticated"), (403, "no_grant")
EXPIRED = (403, "grant_expired")

CERTIFICATES = {
    "ci": CLIENTS.issue(uris=["spiffe://corp/ci/builder"]),
    "ci first": CLIENTS.issue(uris=["spiffe://corp/ci/a", "spiffe://corp/x"], dns=["x.example"]),
    "ci second": CLIENTS.issue(uris=["spiffe://corp/x", "spiffe://corp/ci/a"], dns=["web.example"]),
    "not ci": CLIENTS.issue(uris=["spiffe://corp/cid/builder"]),
    "ci in another case": CLIENTS.issue(uris=["spiffe://corp/CI/builder"]),
    "ci elsewhere": CLIENTS.issue({"COMMON_NAME": "spiffe://corp/ci/builder"}, dns=["spiffe.corp"]),
    "web": CLIENTS.issue(dns=["web.example", "other.example"]),
    "web by its common name": CLIENTS.issue({"COMMON_NAME": "web.example"}),
    "somebody": CLIENTS.issue({"COUNTRY_NAME": "DE", "ORGANIZATION_NAME": "Größe, AG", "COMMON_NAME": "bot"}),
    "stranger": STRANGERS.issue(uris=["spiffe://corp/ci/builder"]),
    "of long ago": CLIENTS.issue(uris=["spiffe://corp/ci/builder"], age=30),
    "signed by itself": Authority("spiffe://corp/ci/builder").issue(uris=["spiffe://corp/ci/builder"]),
}


def save_certificates(folder) -> dict:
    """Save every certificate; return the files by name, and None for a caller without one."""
    return {None: None, **{name: one.save(folder) for name, one in CERTIFICATES.items()}}


def over_tls(proxy, listener: str, certificate, message: object = CALL, headers: dict | None = None):
    """Post over TLS; return None if Envoy does not accept the certificate."""
    with httpx.Client(verify=identity.client_tls(SERVERS, certificate)) as client:
        try:
            return post(proxy, message, headers, listener, client)
        except (httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError, httpx.WriteError):
            return None
