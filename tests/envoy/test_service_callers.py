"""Who may ask the approval service: callers with tokens or certificates, about their servers, with valid questions."""

import hashlib
import json
import ssl

import httpx
import pytest

from harness.approvals import PATH
from harness.identity import Authority, bearer, client_tls
from harness.service import PLAIN, ROLES, question

TOKEN = "a token from the configuration"
CONFIGURED = f"""{ROLES}
[[callers]]
name = "envoy-eu"
token_sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"
servers = ["shop", "crm-*"]
"""


@pytest.fixture(scope="module")
def configured(module_service):
    return module_service(config=CONFIGURED)


def test_a_caller_has_a_token_from_the_configuration_or_the_database(configured):
    assert configured.token == "", "no token is created if callers are configured"
    made = configured.command("caller", "envoy-us")
    for number, token in enumerate([TOKEN, made]):
        assert configured.ask(token=token, arguments={"by": number})["status"] == "pending"
    assert {event["who"] for event in configured.events() if event["event"] == "asked"} == {
        "envoy-eu",
        "envoy-us",
    }
    assert made not in json.dumps(configured.events())


def test_a_revoked_token_is_refused(service):
    started = service(config=ROLES)
    other = started.command("caller", "other")
    assert started.ask(token=other)["status"] == "pending"
    started.command("caller", "other", "--revoke")
    assert started.post(question(), token=other).status_code == 401
    assert started.ask()["status"] == "pending"


WRONG = {
    "nothing": {},
    "another token": bearer(TOKEN + "."),
    "an empty token": {"authorization": "Bearer"},
    "another scheme": {"authorization": f"Basic {TOKEN}"},
    "its hash": bearer(hashlib.sha256(TOKEN.encode()).hexdigest()),
    "a name": bearer("envoy-eu"),
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_an_unknown_caller_is_refused(configured, headers):
    asked = question(arguments={"by": str(headers)})
    answer = httpx.post(configured.url + PATH, json=asked, headers=headers, **PLAIN)
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    assert not any(event.get("fingerprint") == asked["fingerprint"] for event in configured.events())


def test_people_cannot_ask_and_callers_cannot_decide(configured):
    anna = configured.shell("anna")
    assert configured.post(question(), token=anna).status_code == 401
    asked = configured.ask(token=TOKEN)
    for verb in ("approve", "deny"):
        answer = configured.decided(asked["id"], verb, TOKEN, "as a caller")
        assert answer.status_code == 401
    assert configured.show(asked["id"], anna)["status"] == "pending"


def test_a_caller_asks_only_about_its_servers(configured):
    for server, code in {"shop": 200, "crm-eu": 200, "crm": 403, "bank": 403}.items():
        assert configured.post(question(server=server), token=TOKEN).status_code == code, server


UNREADABLE = {
    "a list": (b"[]", 400),
    "half": (b'{"server":', 400),
    "a member twice": (json.dumps(question()).replace("{", '{"tool":"x",', 1).encode(), 400),
    "an argument twice": (json.dumps(question()).replace('"arguments": {', '"arguments": {"a":1,"a":2').encode(), 400),
    "no arguments": (json.dumps(question(arguments=None)).encode(), 400),
    "a word as a number of seconds": (json.dumps(question(expires_seconds="approved")).encode(), 400),
    "too long": (b'{"server":"' + b"x" * 21_000_000 + b'"}', 413),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_invalid_question_is_refused(configured, body, code):
    headers = {"content-type": "application/json", **bearer(TOKEN)}
    answer = httpx.post(configured.url + PATH, content=body, headers=headers, **PLAIN)
    assert answer.status_code == code and answer.json()["error"]
    assert "authorization" not in answer.text and TOKEN not in answer.text


def test_the_fingerprint_of_another_call_is_refused(configured):
    """Otherwise a caller could get one call approved and make another."""
    asked = {**question(arguments={"amount": 1}), "arguments": {"amount": 1000}}
    assert configured.post(asked, token=TOKEN).status_code == 400


# Callers with certificates.

SPIFFE = "spiffe://corp/envoy"


@pytest.fixture(scope="module")
def secured(module_service, tmp_path_factory):
    """A service with TLS that trusts the client certificates of one authority."""
    folder = tmp_path_factory.mktemp("tls")
    servers, callers, others = (Authority(name) for name in ("servers", "callers", "others"))
    own = servers.issue(dns=["localhost"], ips=["127.0.0.1"])
    for name, text in {"own.crt": own.certificate, "own.key": own.key, "callers.crt": callers.pem}.items():
        (folder / name).write_text(text)
    config = f"""{ROLES}
[tls]
certificate = "{folder / "own.crt"}"
key = "{folder / "own.key"}"
client_ca = "{folder / "callers.crt"}"

[[callers]]
name = "by-certificate"
certificate = "{SPIFFE}"
"""
    certificates = {
        "the right one": callers.issue(uris=[SPIFFE]),
        "another name": callers.issue(uris=["spiffe://corp/other"]),
        "its name as the subject": callers.issue(subject={"COMMON_NAME": SPIFFE}),
        "of another authority": others.issue(uris=[SPIFFE]),
        "expired": callers.issue(uris=[SPIFFE], age=9),
    }
    files = {name: certificate.save(folder) for name, certificate in certificates.items()}
    return module_service(config=config), servers, files


OUTCOMES = {
    "the right one": 200,
    "another name": 401,
    "its name as the subject": 401,
    "none": 401,
    "of another authority": "refused",
    "expired": "refused",
}


@pytest.mark.parametrize(("name", "outcome"), OUTCOMES.items(), ids=OUTCOMES)
def test_a_certificate_authenticates_a_caller(secured, name, outcome):
    service, servers, files = secured
    context = client_tls(servers, files.get(name))
    url = f"https://127.0.0.1:{service.port}{PATH}"
    if outcome == "refused":
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            httpx.post(url, json=question(), verify=context)
        return
    answer = httpx.post(url, json=question(), verify=context)
    assert answer.status_code == outcome, answer.text
    if outcome == 200:
        assert answer.json()["url"].startswith(f"https://127.0.0.1:{service.port}/approvals/")


def test_a_token_also_works_over_tls(secured):
    service, servers, _ = secured
    token = service.command("caller", "by-token")
    for http2 in (False, True):
        with httpx.Client(verify=client_tls(servers), http2=http2) as client:
            url = f"https://127.0.0.1:{service.port}{PATH}"
            answer = client.post(url, json=question(), headers=bearer(token))
            assert (answer.status_code, answer.http_version) == (200, "HTTP/2" if http2 else "HTTP/1.1")
