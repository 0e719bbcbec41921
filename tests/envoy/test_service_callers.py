"""The approval service's callers, webhooks, metrics and shell commands."""

import asyncio
import hashlib
import json
import ssl
import time
from collections import Counter

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.approvals import PATH
from harness.identity import Authority, bearer, client_tls
from harness.proxy import wait_for
from harness.service import PLAIN, ROLES, question
from upstream import Answer, Upstream

# Callers.

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


# Webhooks.


@pytest.fixture
def receiver():
    with Upstream() as started:
        yield started


def hooked(receiver, path: str = "/hooks/secret") -> str:
    return f'{ROLES}\n[[webhooks]]\nurl = "http://127.0.0.1:{receiver.port}{path}"\n'


def test_each_new_question_is_posted_once_without_its_arguments(service, receiver):
    receiver.answer = Answer(204)
    first = service(config=hooked(receiver))
    second = service(database=first.database, config=hooked(receiver))
    ids = []
    for number in range(4):
        call = {"arguments": {"number": number, "card": "4111 1111"}, "tool": f"<buy_{number}&>"}
        ids.append(first.ask(**call)["id"])
        second.token = first.token
        assert second.ask(**call)["id"] == ids[-1]
    receiver.wait(4)
    name = "mcp_approvals_webhook_deliveries_total"

    def delivered() -> float:
        return sum(counted(one, name, outcome="delivered") for one in (first, second))

    wait_for(lambda: delivered() == 4, "the deliveries to be counted")
    texts = [request.json()["text"] for request in receiver.requests]
    assert len(texts) == 4, "a repeated question is not posted again"
    for number, id in enumerate(ids):
        [text] = [text for text in texts if f"/approvals/{id}|" in text]
        assert f"&lt;buy_\u200b{number}&amp;&gt;" in text and "agent-7" in text
    assert not any("4111" in request.body.decode() for request in receiver.requests)
    assert {request.header("content-type") for request in receiver.requests} == {"application/json"}


def test_a_failed_delivery_is_retried_also_after_a_restart(service, receiver):
    tried = []

    def answer(request):
        tried.append(time.monotonic())
        # An error, then no answer, then success.
        return [Answer(503), Answer(raw=b""), Answer(200)][min(len(tried), 3) - 1]

    receiver.answer = answer
    started = service(config=hooked(receiver))
    asked = started.ask()
    receiver.wait(1)
    wait_for(lambda: "answered 503" in started.log(), "the failure to be logged")
    assert "secret" not in started.log(), "the URL is a secret"
    started.restart()
    receiver.wait(3, timeout=20)
    assert {asked["id"] in request.json()["text"] for request in receiver.requests} == {True}
    assert tried[1] - tried[0] > 1.5 and tried[2] - tried[1] > 3, "each pause is longer"
    assert counted(started, "mcp_approvals_webhook_deliveries_total", outcome="failed") == 1
    wait_for(
        lambda: counted(started, "mcp_approvals_webhook_deliveries_total", outcome="delivered") == 1,
        "the delivery to be counted",
    )


def test_a_receiver_that_hangs_does_not_delay_questions(service, receiver):
    async def never(request):
        while not request.left():
            await asyncio.sleep(0.01)
        return Answer(raw=b"")

    receiver.answer = never
    started = service(config=hooked(receiver))
    started.ask()
    receiver.wait(1)
    begun = time.monotonic()
    asked = started.ask(arguments={"other": True})
    started.decide(asked["id"], "approve", started.shell("anna"))
    assert started.ask(arguments={"other": True})["status"] == "approved"
    assert time.monotonic() - begun < 5


# Metrics.


def metrics(service) -> dict:
    """Read the metrics as Prometheus does; return the samples by name and labels."""
    answer = httpx.get(service.url + "/metrics", **PLAIN)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = list(text_string_to_metric_families(answer.text))
    assert all(family.documentation for family in families)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def counted(service, name: str, **labels: str) -> float:
    return metrics(service).get((name, *sorted(labels.items())), 0)


def test_metrics_count_questions_decisions_and_pending_approvals(service):
    started = service(config=ROLES)
    anna = started.shell("anna")
    assert metrics(started)[("mcp_approvals_pending",)] == 0
    ids = [started.ask(arguments={"number": number})["id"] for number in range(5)]
    started.decide(ids[0], "approve", anna)
    started.decide(ids[1], "deny", anna, "no")
    for number in (0, 1, 2):
        started.ask(arguments={"number": number})
    for name, labels, value in [
        ("asked_total", {"outcome": "pending"}, 6),
        ("asked_total", {"outcome": "approved"}, 1),
        ("asked_total", {"outcome": "denied"}, 1),
        ("decisions_total", {"verdict": "approved"}, 1),
        ("decisions_total", {"verdict": "denied"}, 1),
        ("pending", {}, 3),
        ("request_duration_seconds_count", {"route": "/v1/approvals"}, 8),
    ]:
        assert counted(started, f"mcp_approvals_{name}", **labels) == value, (name, labels)
    wait_for(lambda: counted(started, "mcp_approvals_oldest_pending_seconds") > 0, "time to pass")
    # No label contains text from a caller.
    text = httpx.get(started.url + "/metrics", **PLAIN).text
    assert not any(word in text for word in ("buy", "shop", "agent-7", "anna", *ids))
    for path in ("/nowhere", "/approvals/x", "/<script>"):
        httpx.get(started.url + path, **PLAIN)
    routes = {dict(labels).get("route") for _, *labels in metrics(started)} - {None}
    assert not any("nowhere" in route or "script" in route for route in routes), routes


def test_health_and_readiness_need_no_credential(service, tmp_path):
    started = service()
    for path, text in {"/healthz": "ok\n", "/readyz": "ready\n"}.items():
        answer = httpx.get(started.url + path, **PLAIN)
        assert (answer.status_code, answer.text) == (200, text)


# The shell.


HOSTILE = "x\u202e\x1b[2J\u200b<script>"


def test_the_shell_commands_list_show_and_decide(service):
    started = service(config=ROLES)
    anna = started.shell("anna")
    assert started.run("list", token=anna).stdout == ""
    ids = [
        started.ask(tool="buy", arguments={"number": number, "note": HOSTILE, "big": 2**53})["id"]
        for number in range(3)
    ]
    listed = started.run("list", token=anna).stdout
    assert [line.split()[0] for line in listed.splitlines()] == [id[:12] for id in ids]
    shown = started.run("show", ids[0][:8], token=anna).stdout
    assert '"number": 0' in shown and "9007199254740992" in shown
    assert r"x\u{202e}\u{1b}[2J\u{200b}<script>" in shown
    assert not set(HOSTILE) & set(shown) & set("\u202e\x1b\u200b")
    started.run("approve", ids[0][:8], "--reason", "agreed", token=anna)
    started.run("deny", ids[1], "--reason", "not on a Friday", token=anna)
    statuses = {id: started.show(id, anna)["status"] for id in ids}
    assert list(statuses.values()) == ["approved", "denied", "pending"]
    answers = [started.ask(arguments={"number": n, "note": HOSTILE, "big": 2**53}) for n in range(3)]
    assert [answer["status"] for answer in answers] == ["approved", "denied", "pending"]
    assert answers[1]["reason"] == "not on a Friday"
    found = started.run("list", "--status", "all", "--search", "Friday", "--json", token=anna).stdout
    assert [one["id"] for one in json.loads(found)["approvals"]] == [ids[1]]
    everything = started.run("list", "--status", "all", token=anna).stdout
    assert Counter(line.split()[1] for line in everything.splitlines()) == {
        "consumed": 1,
        "denied": 1,
        "pending": 1,
    }


FAILURES = {
    "already decided": (["approve", "0"], "has already denied it"),
    "an unknown id": (["approve", "ffffffffffff"], "there is no such approval"),
    "an invalid id": (["show", "../etc"], "hex digits"),
    "no reason": (["deny", "0"], "--reason"),
    "an invalid status": (["list", "--status", "allowed"], "must be"),
}


def test_the_shell_commands_report_why_they_failed(service):
    started = service(config=ROLES)
    anna = started.shell("anna")
    asked = started.ask()
    started.decide(asked["id"], "deny", anna, "no")
    for name, (words, expected) in FAILURES.items():
        words = [asked["id"] if word == "0" else word for word in words]
        done = started.run(*words, token=anna, check=False)
        assert done.returncode != 0 and expected in done.stderr, (name, done)
    for token in ("wrong", started.token):
        done = started.run("list", token=token, check=False)
        assert done.returncode == 1 and "token" in done.stderr
    assert "anna" not in started.command("remove", "anna")
    done = started.run("list", token=anna, check=False)
    assert done.returncode == 1, "the token ended with the account"


def test_the_export_command_and_the_api_return_the_same_events(service):
    started = service(config=ROLES + '\n[[roles]]\nwho = ["carl"]\nmay = "view"\n')
    anna, carl = started.shell("anna"), started.shell("carl")
    asked = started.ask(arguments={"big": 2**53, "note": HOSTILE})
    started.decide(asked["id"], "approve", anna, "agreed")
    started.ask(arguments={"big": 2**53, "note": HOSTILE})
    served = httpx.get(started.url + "/v1/events", headers=bearer(anna), **PLAIN)
    assert served.text.strip() == started.command("export")
    first, *_, last = [event for event in started.events() if event.get("approval")]
    assert first["call"]["arguments"] == {"big": 2**53, "note": HOSTILE}
    assert first["call"]["principal"] == "agent-7" and last["event"] == "consumed"
    assert httpx.get(started.url + "/v1/events", headers=bearer(carl), **PLAIN).status_code == 403
    assert httpx.get(started.url + "/v1/events", **PLAIN).status_code == 401
    later = started.run("export", "--since", "2099-01-01T00:00:00Z", "--database", started.database)
    assert later.stdout == ""


def test_an_invalid_configuration_is_refused_with_all_of_its_faults(service, tmp_path):
    path = tmp_path / "service.toml"
    path.write_text('listen = 7\nunknown = 1\n[[callers]]\nname = "x"\n[[roles]]\nwho = []\nmay = "rule"\n')
    started = service()
    done = started.run("serve", "--config", str(path), check=False)
    assert done.returncode == 2
    for place in ("listen", "unknown", "callers[0]", "roles[0].who", "roles[0].may"):
        assert f"{place}" in done.stderr, done.stderr
