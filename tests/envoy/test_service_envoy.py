"""The contract of approvals, between a real Envoy with the filter and the real approval service."""

import json
import threading
import time
from collections import Counter

import httpx
import pytest

from harness import load, rpc
from harness.approvals import ASKED, code, policy
from harness.bootstrap import any_of
from harness.identity import Authority
from harness.proxy import wait_for
from harness.service import ROLES, showing

PENDING, DENIED, UNAVAILABLE = "approval_required", "approval_denied", "approval_unavailable"
DOCUMENT = policy({"wipe": ASKED, "echo": {}})


@pytest.fixture(scope="module")
def service(module_service):
    return module_service(config=ROLES)


@pytest.fixture(scope="module")
def anna(service):
    return service.shell("anna")


@pytest.fixture(scope="module")
def proxy(module_envoy, service):
    brief = policy({"wipe": ASKED}, {"expires_seconds": 2}, server="brief")
    patient = policy({"wipe": ASKED}, {"wait_seconds": 20, "timeout_ms": 30_000}, server="patient")
    return module_envoy(
        DOCUMENT, also={"brief": brief, "patient": patient}, approvals=service, edit=showing(service.token)
    )


@pytest.fixture
def upstream(module_upstream):
    module_upstream.clear()
    return module_upstream


def wipe(proxy, listener: str = "main", **arguments: object) -> str:
    return code(rpc.post(proxy.urls[listener], rpc.tools_call("wipe", arguments)))


def newest(service, token: str, **arguments: object) -> str:
    """Find the pending approval of a call; return its id."""
    answer = service.run("list", "--json", token=token).stdout
    ids = [one["id"] for one in json.loads(answer)["approvals"]]
    [id] = [id for id in ids if service.show(id, token)["arguments"] == arguments]
    return id


def test_an_approved_call_goes_on_once(proxy, service, anna, upstream):
    answer = rpc.call(proxy.url, "wipe", {"disk": 1})
    id = newest(service, anna, disk=1)
    assert f"{service.url}/approvals/{id}" in rpc.text(answer) and id in rpc.text(answer)
    assert wipe(proxy, disk=1) == PENDING
    service.decide(id, "approve", anna)
    assert [wipe(proxy, disk=1), wipe(proxy, disk=1)] == ["allowed", PENDING]
    assert len(upstream.calls) == 1
    kinds = [event["event"] for event in service.events() if event.get("approval") == id]
    assert kinds == ["asked", "approved", "consumed"]


def test_a_denial_and_its_reason_are_valid_until_they_expire(proxy, service, anna, upstream):
    assert wipe(proxy, "brief", disk=2) == PENDING
    service.decide(newest(service, anna, disk=2), "deny", anna, "not on a Friday")
    answer = rpc.call(proxy.urls["brief"], "wipe", {"disk": 2})
    assert "not on a Friday" in rpc.text(answer)
    assert wipe(proxy, "brief", disk=2) == DENIED
    wait_for(lambda: wipe(proxy, "brief", disk=2) == PENDING, "the denial to expire")
    assert upstream.heads == []


def test_an_approval_expires(proxy, service, anna, upstream):
    assert wipe(proxy, "brief", disk=3) == PENDING
    id = newest(service, anna, disk=3)
    service.decide(id, "approve", anna)
    wait_for(lambda: service.show(id, anna)["status"] == "expired", "the approval to expire")
    assert wipe(proxy, "brief", disk=3) == PENDING and upstream.heads == []


def test_other_arguments_are_another_call(proxy, service, anna, upstream):
    assert wipe(proxy, disk=4) == PENDING
    service.decide(newest(service, anna, disk=4), "approve", anna)
    assert {wipe(proxy, disk=other) for other in (5, 4.5, "4", None, [4])} == {PENDING}
    assert upstream.heads == [] and wipe(proxy, disk=4.0) == "allowed"


def test_the_service_shows_what_the_filter_asked(proxy, service, anna):
    arguments = {"text": "é\u202e\u0000 \"'", "big": 2**53, "deep": [{"x": [None, True, 1.5]}], "": {}}
    assert wipe(proxy, **arguments) == PENDING
    shown = service.show(newest(service, anna, **arguments), anna)
    assert (shown["server"], shown["tool"], shown["grant"]) == ("default", "wipe", "default")
    assert (shown["rule"], shown["reason"]) == ("tools.wipe", ASKED["reason"])
    assert shown["times"] == 1 and len(shown["fingerprint"]) == 64


def test_a_held_call_goes_on_once_it_is_approved(proxy, service, anna, upstream):
    made = []
    caller = threading.Thread(target=lambda: made.append(wipe(proxy, "patient", disk=6)))
    caller.start()
    id = wait_for(lambda: _waits(service, anna, disk=6), "the call to wait")
    begun = time.monotonic()
    service.decide(id, "approve", anna)
    caller.join()
    assert made == ["allowed"] and len(upstream.calls) == 1
    assert time.monotonic() - begun < 5


def _waits(service, token: str, **arguments: object) -> str:
    try:
        return newest(service, token, **arguments)
    except ValueError:
        return ""


def test_two_envoys_share_one_approval(proxy, module_envoy, service, anna, upstream):
    other = module_envoy(DOCUMENT, approvals=service, edit=showing(service.token))
    assert [wipe(proxy, disk=7), wipe(other, disk=7)] == [PENDING, PENDING]
    service.decide(newest(service, anna, disk=7), "approve", anna)
    message = rpc.tools_call("wipe", {"disk": 7})
    with load.Crowd(proxy.port, 20) as ours, load.Crowd(other.port, 20) as theirs:
        made = []
        threads = [
            threading.Thread(target=lambda crowd=crowd: made.extend(crowd.call([message] * 20)))
            for crowd in (ours, theirs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Counter(map(code, made)) == {"allowed": 1, PENDING: 39}
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("token", ["", "wrong"])
def test_an_envoy_with_an_invalid_token_lets_nothing_through(module_envoy, service, upstream, token):
    proxy = module_envoy(DOCUMENT, approvals=service, edit=showing(token) if token else None)
    assert wipe(proxy) == UNAVAILABLE and upstream.heads == []


def test_an_envoy_can_authenticate_with_a_certificate(
    service, module_service, module_envoy, anna, upstream, tmp_path
):
    authority = Authority("corp")
    own = authority.issue(dns=["approvals.internal"])
    envoys = authority.issue(uris=["spiffe://corp/envoy"])
    for name, text in {"own.crt": own.certificate, "own.key": own.key, "ca.crt": authority.pem}.items():
        (tmp_path / name).write_text(text)
    tls = "".join(
        f'{key} = "{tmp_path / name}"\n'
        for key, name in {"certificate": "own.crt", "key": "own.key", "client_ca": "ca.crt"}.items()
    )
    caller = '[[callers]]\nname = "envoy"\ncertificate = "spiffe://corp/envoy"\n'
    secured = module_service(
        database=service.database, config=f'url = "https://a.example"\n{ROLES}[tls]\n{tls}{caller}'
    )

    def edit(tree: dict) -> None:
        [cluster] = [one for one in tree["static_resources"]["clusters"] if one["name"] == "approvals"]
        pair = {"certificate_chain": envoys.certificate, "private_key": envoys.key}
        common = {
            "tls_certificates": [{name: {"inline_string": text} for name, text in pair.items()}],
            "validation_context": {
                "trusted_ca": {"inline_string": authority.pem},
                "match_typed_subject_alt_names": [
                    {"san_type": "DNS", "matcher": {"exact": "approvals.internal"}}
                ],
            },
        }
        context = any_of(
            "extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            sni="approvals.internal",
            common_tls_context=common,
        )
        cluster["transport_socket"] = {"name": "tls", "typed_config": context}

    proxy = module_envoy(DOCUMENT, approvals=secured, edit=edit)
    answer = rpc.call(proxy.url, "wipe", {"disk": 8})
    id = newest(service, anna, disk=8)
    assert f"https://a.example/approvals/{id}" in rpc.text(answer)
    service.decide(id, "approve", anna)
    assert [wipe(proxy, disk=8), wipe(proxy, disk=8)] == ["allowed", PENDING]
    assert len(upstream.calls) == 1


def test_nothing_goes_through_unapproved_while_the_service_is_killed_under_load(
    module_envoy, module_service, upstream
):
    """Calls are answered again as soon as the service is back."""
    service = module_service(config=ROLES)
    anna = service.shell("anna")
    proxy = module_envoy(DOCUMENT, approvals=service, edit=showing(service.token))
    over = threading.Event()
    seen, approved = Counter(), 0

    def call(number: int) -> None:
        with httpx.Client(verify=False) as client:
            while not over.is_set():
                message = rpc.tools_call("wipe", {"number": number})
                seen[code(rpc.post(proxy.url, message, client=client))] += 1

    threads = [threading.Thread(target=call, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            before = seen[PENDING]
            wait_for(lambda before=before: seen[PENDING] > before + 20, "questions to be answered")
            answer = httpx.get(
                service.url + "/v1/approvals?status=pending",
                headers={"authorization": f"Bearer {anna}"},
                verify=False,
            )
            for one in answer.json()["approvals"][:3]:
                service.decide(one["id"], "approve", anna)
                approved += 1
            service.kill()
            before = seen[UNAVAILABLE]
            wait_for(lambda before=before: seen[UNAVAILABLE] > before + 5, "calls to be denied")
            service.start()
    finally:
        wait_for(lambda: seen[PENDING] and not over.is_set(), "answers")
        over.set()
        for thread in threads:
            thread.join()
    assert set(seen) <= {"allowed", PENDING, UNAVAILABLE}, seen
    kinds = Counter(event["event"] for event in service.events())
    assert len(upstream.calls) == seen["allowed"] <= kinds["consumed"] <= kinds["approved"] == approved
    assert wipe(proxy, number=99) == PENDING
    service.decide(newest(service, anna, number=99), "approve", anna)
    assert wipe(proxy, number=99) == "allowed"
