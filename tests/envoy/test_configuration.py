"""How Envoy loads a policy: its forms, refusals and updates, and the flag for holding headers."""

import contextlib
import re
import time

import pytest
import tomllib

import places
from harness import http1, rpc
from harness.policy import REFUSED, Struct, faults
from harness.proxy import wait_for
from upstream import json_answer

FORMS = {
    "StringValue": lambda document: rpc.encode(document).decode(),
    "BytesValue": rpc.encode,
    "Struct": Struct,
}
POLICY = {
    "version": "1",
    "server": "forms",
    "approvals": {"cluster": "approvals"},
    "description": 'ein Stück Text, 文字, 🚀 and "quotes"\non two lines',
    "hide": ["internal_*"],
    "all_tools": {"limits": [{"counter": "all", "window": "hour", "max": 6.5}]},
    "tools": {
        "echo": {},
        "few": {"rate_limit": {"max": 1, "window": 3600}},
        "spend": {"limits": [{"counter": "spend", "window": "day", "max": 0.3, "amount": "args.usd"}]},
        "danger": {"action": "deny", "reason": "it deletes"},
        "dän_*": {"action": "require_approval", "reason": "a person decides, 文字"},
    },
    "exempt_paths": ["/healthz"],
    "max_body_bytes": 400,
}
BAD = {
    "version": 1,
    "defualt": "allow",
    "tools": {
        "run_agent": {"limits": [{"counter": "r", "window": "fortnight", "max": -3}]},
        "a\nthe policy is refused: all is well": "deny",
    },
    "x\r\u001b[2K": 1,
}
# The faults of BAD, in any order of keys: a Struct keeps no order.
FAULTS = [
    'version: must be `"1"`, found `1`',
    "defualt: unknown key, expected ",
    "tools.run_agent.limits[0].window: unknown window `fortnight`, expected ",
    "tools.run_agent.limits[0].max: must be a positive number, found `-3`",
    'tools["a\\nthe policy is refused: all is well"]: no rule has the name `deny`, ',
    'tools["a\\nthe policy is refused: all is well"]: a pattern must not have U+000A, ',
    '["x\\r\\u{1b}[2K"]: unknown key, expected ',
]
JSON = [("content-type", "application/json")]
MISSING_FLAG = "no request body reaches the policy filter: "


def assert_all_are_told(log: str) -> None:
    """Assert that each fault has its own line and each line is a fault."""
    told = faults(log)
    for fault in FAULTS:
        assert any(line.startswith(fault) for line in told), f"{fault}\n" + "\n".join(told)
    for line in told:
        assert any(line.startswith(fault) for fault in FAULTS), line
    assert not any(line.startswith(REFUSED) for line in log.splitlines()), "a document forged a log line"


def outcome(proxy, tool: str, arguments: dict | None = None) -> tuple:
    """Call a tool; return the outcome without the parts that differ from call to call."""
    answer = rpc.post(proxy.url, rpc.tools_call(tool, arguments))
    body = answer.json()
    told = rpc.text(body) if "result" in body else body["error"]["message"]
    return answer.status_code, answer.headers.get("x-mcp-policy"), told.split(" retry")[0]


def outcomes(proxy) -> list:
    """Try everything that POLICY mentions."""
    calls = ["echo", "few", "few", "danger", "dän_x", "internal_x", "other"]
    made = [outcome(proxy, tool) for tool in calls]
    made += [outcome(proxy, "spend", {"usd": usd}) for usd in (0.1, 0.2, 0.000001, "0.1")]
    made += [outcome(proxy, "echo", {"long": "x" * 400})]
    # 6.5 calls an hour allow six: echo, few and spend twice above, and two more.
    made += [outcome(proxy, "echo") for _ in range(3)]
    made += [http1.exchange(proxy.port, http1.head("GET", "/healthz")).header("x-mcp-policy")]
    return made


def test_every_form_enforces_the_same_policy(envoy, upstream, approvals):
    # Each form has its own digest, so each would need its own approval.
    waiting = {"status": "pending", "id": "approval-1", "url": "https://approvals.example/1"}
    approvals.answer = json_answer(waiting)
    made = {}
    for name, form in FORMS.items():
        upstream.clear()
        made[name] = (
            outcomes(envoy(form(POLICY), approvals=approvals)),
            [call.json()["params"]["name"] for call in upstream.calls],
        )
    codes = [code for _, code, _ in made["StringValue"][0][:-1]]
    assert codes == [
        *(None, None, "rate_limited", "denied", "approval_required", "hidden", "not_listed"),
        *(None, None, "rate_limited", "arguments_invalid"),
        "too_large",
        *(None, None, "rate_limited"),
    ]
    assert made["StringValue"] == made["BytesValue"]
    assert made["StringValue"] == made["Struct"]


@pytest.mark.parametrize(
    "document", ['\n{"version": "1"}', '\n\n {\n "version":\t"1" }\r\n', b'\n{"version": "1"}']
)
def test_json_that_begins_with_a_newline_is_json(envoy, upstream, document):
    assert outcome(envoy(document), "echo")[1] == "not_listed" and upstream.heads == []


@pytest.mark.parametrize("form", FORMS)
def test_envoy_refuses_to_start_and_logs_every_fault(envoy, form):
    log = envoy.refused(FORMS[form](BAD))
    assert "Unable to create Wasm plugin" in log
    assert_all_are_told(log)
    assert len(faults(log)) == len(FAULTS), faults(log)


@pytest.mark.parametrize(
    "document, told",
    [
        ("", "is empty, it must hold a policy"),
        ({}, 'version: is missing, must be `"1"`'),
        (Struct({}), "is empty, it must hold a policy"),
        ('{"version": "1",}', "must be JSON, but a key is missing at line 1, column 17"),
        ('version: "1"', "YAML can go as a `google.protobuf.Struct`"),
        (b"\xff\xfe", "must be JSON, but the text is not UTF-8 at line 1, column 1"),
        ('{"version": "1", "version": "1"}', "version: duplicate key"),
        (Struct({"version": "1", "max_body_bytes": 2**53 + 1}), '1 to 16777216, found `"9007199254740993"`'),
        (Struct({"version": "1", "max_body_bytes": 0.5}), '1 to 16777216, found `"0.5"`'),
        (Struct({"version": "1", "max_body_bytes": "many"}), '1 to 16777216, found `"many"`'),
    ],
    ids=["nothing", "no key", "empty Struct", "comma", "YAML", "no text", "twice", "large", "half", "a word"],
)
def test_envoy_refuses_text_that_is_not_a_policy(envoy, document, told):
    log = envoy.refused(document)
    assert [told in line for line in faults(log)] == [True], log[-2000:]


def rejected(proxy) -> int:
    """Count the updates that Envoy has rejected, by LDS and ECDS."""
    return sum(proxy.stats(r"(lds|http_filter.*)\.update_rejected$").values())


@pytest.mark.parametrize("form", ["StringValue", "Struct"])
@pytest.mark.parametrize("xds", ["lds", "ecds"])
def test_a_bad_update_leaves_the_old_policy_in_force(envoy, upstream, xds, form):
    made = FORMS[form]
    proxy = envoy(made({"version": "1", "tools": {"echo": {}, "few": {}}}), xds=xds)
    for round in range(2):
        assert not proxy.update(made({**BAD, "description": f"as bad as before, {round}"}))
        assert rejected(proxy) == round + 1
        assert_all_are_told(proxy.log())
        assert {outcome(proxy, "echo")[1] for _ in range(8)} == {None}
        assert {outcome(proxy, "danger")[1] for _ in range(8)} == {"not_listed"}
    assert proxy.update(made({"version": "1", "tools": {"danger": {}}}))
    assert rejected(proxy) == 2
    assert {outcome(proxy, "echo")[1] for _ in range(8)} == {"not_listed"}
    assert {outcome(proxy, "danger")[1] for _ in range(8)} == {None}
    assert len(upstream.calls) == 24


@pytest.mark.parametrize("xds", ["lds", "ecds"])
def test_an_update_keeps_the_counters(envoy, xds):
    def limited(most: int) -> dict:
        return {
            "version": "1",
            "tools": {"echo": {"limits": [{"counter": "c", "window": "hour", "max": most}]}},
        }

    proxy = envoy(limited(2), xds=xds)
    assert [outcome(proxy, "echo")[1] for _ in range(3)] == [None, None, "rate_limited"]
    assert proxy.update(limited(3))
    assert [outcome(proxy, "echo")[1] for _ in range(2)] == [None, "rate_limited"]
    assert not proxy.update(limited(-1))
    assert outcome(proxy, "echo")[1] == "rate_limited"


def balanced(listener: dict) -> None:
    """Distribute connections to the workers in turn."""
    listener["connection_balance_config"] = {"exact_balance": {}}


def complaints(proxy) -> int:
    return sum(MISSING_FLAG in line for line in proxy.log().splitlines())


def workers_that_asked(proxy) -> set:
    """Return the workers whose filter has asked Envoy, at a tick, what it has received of a request."""
    asked, ticking = set(), set()
    for line in proxy.log().splitlines():
        thread = re.match(r"(?:\[[^]]*\]){2}", line)
        if not thread:
            continue
        worker = thread[0].rpartition("[")[2]
        if "[host->vm] proxy_on_tick" in line:
            ticking.add(worker)
        elif "[host<-vm] proxy_on_tick" in line:
            ticking.discard(worker)
        elif "proxy_get_property" in line and worker in ticking:
            asked.add(worker)
    return asked


def workers_busy(proxy) -> int:
    """Count the workers that have a connection of the listener."""
    return sum(count > 0 for count in proxy.stats(r"^listener\..*worker_\d+\.downstream_cx_active$").values())


def test_holding_without_the_flag_is_logged_once_and_soon(envoy, upstream):
    proxy = envoy({"version": "1", "default": "allow"}, hold=False, workers=4, edit_listener=balanced)
    body = rpc.encode(rpc.tools_call("echo"))
    with contextlib.ExitStack() as connections:
        began = time.monotonic()
        for _ in range(8):
            connection = connections.enter_context(http1.Connection(proxy.port))
            connection.send(http1.head(headers=JSON, length=len(body)) + body)
        wait_for(lambda: workers_busy(proxy) == 4, "a connection at each worker")
        wait_for(lambda: complaints(proxy), "the line that names the flag", seconds=8)
        assert time.monotonic() - began < 5
        # Every worker has checked by now or does so within a second; none may log it again.
        with pytest.raises(TimeoutError):
            wait_for(lambda: complaints(proxy) > 1, "a second line", seconds=2.5)
    line = next(line for line in proxy.log().splitlines() if MISSING_FLAG in line)
    assert f"server `default`: {MISSING_FLAG}" in line
    assert "[error]" in line or "[wasm]" in line
    assert "allow_on_headers_stop_iteration: true" in line and '`request_headers` to "stream"' in line
    assert upstream.heads == []


@pytest.mark.parametrize(
    "policy, hold", [({}, True), ({"request_headers": "stream"}, False)], ids=["hold", "stream"]
)
def test_nothing_is_logged_about_the_flag_if_holding_works(envoy, upstream, policy, hold):
    proxy = envoy({"version": "1", "default": "allow", **policy}, hold=hold, edit_listener=balanced)
    body = rpc.encode(rpc.tools_call("echo"))
    # Each call between Envoy and the module is logged.
    proxy.post("/logging?wasm=trace")
    with contextlib.ExitStack() as connections:
        slow = [connections.enter_context(http1.Connection(proxy.port)) for _ in range(4)]
        for connection in slow:
            connection.send(http1.head(headers=JSON, length=len(body)))
        wait_for(lambda: workers_busy(proxy) == 2, "a connection at each worker")
        if hold:
            wait_for(lambda: len(workers_that_asked(proxy)) == 2, "both workers ask what has arrived")
        assert complaints(proxy) == 0
        for connection in slow:
            assert connection.exchange(body).status == 200
        with pytest.raises(TimeoutError):
            wait_for(lambda: complaints(proxy), "a line", seconds=3)
    assert len(upstream.calls) == 4


def test_a_policy_that_takes_effect_is_logged_once_with_its_server_and_the_version(envoy):
    version = tomllib.loads((places.ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]

    def told() -> list:
        return [line for line in proxy.log().splitlines() if " takes effect" in line]

    proxy = envoy({"version": "1", "server": "a\nb"}, workers=4, xds="ecds")
    assert proxy.update({"version": "1", "server": "shop", "mode": "shadow"})
    first, second = wait_for(lambda: len(told()) == 2 and told(), "a line for each policy")
    end = rf"policy [0-9a-f]{{16}} takes effect%s, by mcp-policy-filter {re.escape(version)}$"
    assert re.search(r'server "a\\nb": ' + end % "", first), first
    assert re.search("server `shop`: " + end % " in shadow mode", second), second
