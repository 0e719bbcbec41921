"""The minimal approval service `envoy/approvals/own_service.py` keeps the contract, behind the example's Envoy."""

import sys

import httpx
import pytest

import clients
import places
from harness import load, rpc
from harness.approvals import DENIED, PENDING, code
from harness.approvals_example import CALL, TOKEN, call, example, policy_of
from harness.service import question
from launch import Server

OWN_SERVICE = places.ROOT / "envoy" / "approvals" / "own_service.py"
APPROVER = "token-of-the-approver"
ENVOY = {"authorization": f"Bearer {TOKEN}"}
IDS = {"authorization": f"Bearer {APPROVER}"}


def started(folder, log: str = "own_service") -> Server:
    """Start the service with the database of a folder."""
    environment = {"ENVOY_TOKEN": TOKEN, "APPROVER_TOKEN": APPROVER}
    command = [sys.executable, OWN_SERVICE, "0", folder / "approvals.sqlite3"]
    return Server(command, folder / f"{log}.log", environment)


@pytest.fixture
def own_service(tmp_path):
    with started(tmp_path) as service:
        yield service


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
    for headers in ({}, ENVOY, {"authorization": APPROVER}):
        assert httpx.post(next_page, json={"status": "approved"}, headers=headers).status_code == 401
        assert httpx.get(next_page, headers=headers).status_code == 401
    assert httpx.get(next_page + "0", headers=IDS).status_code == 404
    httpx.post(next_page, json={"status": "denied", "reason": "not on a Friday"}, headers=IDS)
    refused = call(guarded)
    assert code(refused) == DENIED and "not on a Friday" in rpc.text(refused.json())
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
    for headers in ({}, IDS):
        assert httpx.post(url, json=asked, headers=headers).status_code == 401
    assert httpx.post(url, json=asked, headers=ENVOY).json()["status"] == "pending"
    expired = {**asked, "expires_seconds": -1}
    first, second = (
        httpx.post(url, json={**expired, "fingerprint": "e"}, headers=ENVOY).json() for _ in "12"
    )
    assert first["id"] != second["id"], "an expired approval is replaced by a new one"


def test_the_minimal_service_supersedes_a_question_under_earlier_rules(own_service):
    url = f"http://127.0.0.1:{own_service.port}"

    def ask(rules: str, **changed: object) -> dict:
        asked = question(principal="bert", rules=rules * 64, **changed)
        return httpx.post(f"{url}/v1/approvals", json=asked, headers=ENVOY).json()

    def decide(asked: dict) -> str:
        page = f"{url}/approvals/{asked['id']}"
        return httpx.post(page, json={"status": "approved"}, headers=IDS).json()["status"]

    other = ask("a", path="/other")
    old, new = ask("a"), ask("b")
    assert (decide(old), decide(new), decide(other)) == ("superseded", "approved", "approved")
    assert [ask(rules)["status"] for rules in "ab"] == ["pending", "pending"]
    assert ask("a", path="/other")["status"] == "approved"


def test_the_minimal_service_keeps_approvals_across_a_restart(tmp_path):
    asked = {"fingerprint": "f" * 64, "expires_seconds": 900}
    answers = []
    for turn in range(3):
        with started(tmp_path, str(turn)) as service:
            url = f"http://127.0.0.1:{service.port}/v1/approvals"
            answers.append(httpx.post(url, json=asked, headers=ENVOY).json())
            page = f"http://127.0.0.1:{service.port}/approvals/{answers[-1]['id']}"
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
