"""What operators use of the approval service: its commands, which say why they fail, its metrics and its health."""

import json
from collections import Counter

import httpx

from harness.identity import bearer
from harness.proxy import wait_for
from harness.service import PLAIN, ROLES

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


# Metrics and health.


def test_metrics_count_questions_decisions_and_pending_approvals(service):
    started = service(config=ROLES)
    anna = started.shell("anna")
    assert started.metrics()[("mcp_approvals_pending",)] == 0
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
        assert started.counted(f"mcp_approvals_{name}", **labels) == value, (name, labels)
    wait_for(lambda: started.counted("mcp_approvals_oldest_pending_seconds") > 0, "time to pass")
    # No label contains text from a caller.
    text = httpx.get(started.url + "/metrics", **PLAIN).text
    assert not any(word in text for word in ("buy", "shop", "agent-7", "anna", *ids))
    for path in ("/nowhere", "/approvals/x", "/<script>"):
        httpx.get(started.url + path, **PLAIN)
    routes = {dict(labels).get("route") for _, *labels in started.metrics()} - {None}
    assert not any("nowhere" in route or "script" in route for route in routes), routes


def test_health_and_readiness_need_no_credential(service):
    started = service()
    for path, text in {"/healthz": "ok\n", "/readyz": "ready\n"}.items():
        answer = httpx.get(started.url + path, **PLAIN)
        assert (answer.status_code, answer.text) == (200, text)
