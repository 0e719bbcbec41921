"""What real MCP clients see of a call that needs approval, and that their sessions go on.

Every client has its own listener, with its own `server` in the policy, so its calls differ from all others.
"""

import pytest

import clients
from harness.approvals import ASKED, PATH, REASON, policy
from upstream import Answer, json_answer

MODERN = "2026-07-28"
BY_APPROVER = "not on a Friday"


def scripted(approvals):
    """Return a function that answers each question according to the call's `target`."""

    def answer(request):
        if request.path != PATH:
            return approvals.ordinary(request)
        asked = request.json()
        target = asked["arguments"]["target"]
        if target == "unavailable":
            return Answer(500)
        found = approvals.ledger.find(asked)
        if target in ("approved", "denied"):
            approvals.decide(target, found.id, BY_APPROVER if target == "denied" else None)
        reply = approvals.answer_to(*approvals.ledger.take(asked))
        if target == "expired":
            approvals.decide("approved", found.id)
            found.expires = 0
        return json_answer(reply)

    return answer


@pytest.fixture(scope="module")
def guarded(module_envoy, module_approvals, everything):
    module_approvals.answer = scripted(module_approvals)
    document = policy({"echo": {}, "danger": ASKED})
    also = {str(client): {**document, "server": str(client)} for client in clients.ALL}
    return module_envoy(document, also=also, upstream=everything, approvals=module_approvals)


SESSION = {
    "list": ["list"],
    **{
        step: ["call", "danger", {"target": step.partition(" ")[0]}]
        for step in (
            "pending",
            "pending again",
            "approved",
            "denied",
            "expired",
            "expired now",
            "unavailable",
        )
    },
    "afterwards": ["call", "echo", {"message": "still here"}],
}
CODES = {
    **dict.fromkeys(["pending", "pending again", "expired", "expired now"], "approval_required"),
    "denied": "approval_denied",
    "unavailable": "approval_unavailable",
}


@pytest.mark.parametrize("client", clients.ALL, ids=str)
def test_a_session_goes_on_after_every_answer(guarded, module_approvals, client):
    [report] = clients.run(client, (guarded.urls[str(client)], list(SESSION.values())))
    assert report.get("closed"), report
    saw = dict(zip(SESSION, report["saw"], strict=True))
    assert "danger" in saw["list"]["tools"]
    assert saw["afterwards"]["result"]["text"] == "still here"
    approved = saw["approved"]["result"]
    assert not approved["is_error"] and approved["text"] == "danger was done to approved"
    for step, code in CODES.items():
        result = saw[step]["result"]
        assert result["is_error"] is True, step
        assert (result["decision"]["code"], result["decision"]["rule"]) == (code, "tools.danger"), step
        assert "danger" in result["text"], step
    ledger = module_approvals.ledger.approvals
    mine = [one for one in ledger if one.asked["server"] == str(client)]
    by_target = {one.asked["arguments"]["target"]: one for one in mine}
    # A repeated call gets the same approval while it is pending, and a new one after it has expired.
    assert_tells_where(saw["pending"], module_approvals, by_target["pending"])
    assert_tells_where(saw["pending again"], module_approvals, by_target["pending"])
    first, second = (one for one in mine if one.asked["arguments"]["target"] == "expired")
    assert_tells_where(saw["expired"], module_approvals, first)
    assert_tells_where(saw["expired now"], module_approvals, second)
    denied = saw["denied"]["result"]
    assert BY_APPROVER in denied["text"] and BY_APPROVER in denied["decision"]["reason"]
    assert "http" not in saw["unavailable"]["result"]["text"]


def assert_tells_where(saw: dict, approvals, approval) -> None:
    """The text tells the model which approval it needs, why, where to get it, and what to do then."""
    text = saw["result"]["text"]
    for words in (approval.id, approvals.page(approval), REASON, "same"):
        assert words in text, text


# Clients that can open pages.

APPROVE, DENY = {"status": "approved"}, {"status": "denied", "reason": BY_APPROVER}
LED = {
    "approved": {"decide": [APPROVE]},
    "in the third round": {"decide": [None, None, APPROVE]},
    "denied": {"decide": [DENY]},
    "declined": {"action": "decline"},
    "cancelled": {"action": "cancel"},
    "declined, but approved": {"decide": [APPROVE], "action": "decline"},
    "never decided": {},
}
ROUNDS = {"approved": 1, "in the third round": 3, "denied": 1, "declined": 1, "cancelled": 1}
ALLOWED = {"approved", "in the third round", "declined, but approved"}


@pytest.mark.parametrize("client", clients.ALL, ids=str)
def test_a_client_that_opens_pages_opens_the_approval_and_repeats_the_call(guarded, module_approvals, client):
    module_approvals.answer = None
    steps = [["led", "danger", {"target": f"{name} page"}, plan] for name, plan in LED.items()]
    steps.append(["call", "echo", {"message": "still here"}])
    try:
        [report] = clients.run(client, (guarded.urls[str(client)], steps))
    finally:
        module_approvals.answer = scripted(module_approvals)
    assert report.get("closed"), report
    *led, afterwards = report["saw"]
    assert afterwards["result"]["text"] == "still here"
    by_target = {
        one.asked["arguments"]["target"]: one
        for one in module_approvals.ledger.approvals
        if one.asked["server"] == str(client)
    }
    for name, saw in zip(LED, led, strict=True):
        approval = by_target[f"{name} page"]
        page = module_approvals.page(approval)
        if report["protocol"] != MODERN:
            # Earlier protocol versions have no way to open a page and then go on.
            assert saw["pages"] == [] and saw["result"]["decision"]["code"] == "approval_required"
            assert_tells_where(saw, module_approvals, approval)
            continue
        assert {visited["url"] for visited in saw["pages"]} == {page}, name
        assert all("danger" in visited["message"] for visited in saw["pages"]), name
        assert len(saw["pages"]) == ROUNDS.get(name, len(saw["pages"])), name
        result = saw["result"]
        if name in ALLOWED:
            assert result["text"] == f"danger was done to {name} page" and not result["is_error"], name
            assert approval.status == "consumed"
        elif name == "denied":
            assert result["decision"]["code"] == "approval_denied" and BY_APPROVER in result["text"]
        else:
            # Clients give up after ten rounds. Before that the call ends with a text that the model can use.
            assert result["decision"]["code"] == "approval_required", name
            assert_tells_where(saw, module_approvals, approval)
