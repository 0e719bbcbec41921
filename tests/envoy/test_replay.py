"""`mcp-policy replay` on records that a real Envoy with several workers has written under load.

MCP_POLICY_RECORDS sets how many records are made.
"""

import copy
import hashlib
import json
import os
import random
import subprocess
from collections import Counter

import pytest

import places
from harness import load, rpc
from harness.records import answering_itself, lines

RECORDS = int(os.environ.get("MCP_POLICY_RECORDS", "6400"))
CALLERS = 64
KEYS = ["key of ci", "key of support", "a key that nobody knows", None]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


POLICY = {
    "version": "1",
    "server": "shop",
    "audit": {"arguments": "full"},
    "identity": [{"api_key": {"header": "x-api-key"}}],
    "grants": [
        {"name": "ci", "match": [{"api_key_sha256": sha256(KEYS[0])}]},
        {"name": "support", "match": [{"api_key_sha256": sha256(KEYS[1])}], "hide": ["drop"]},
    ],
    "tools": {
        "read": {"limits": [{"counter": "reads", "window": "second", "max": 100, "type": "calendar"}]},
        "run": {"limits": [{"counter": "runs", "window": 1, "max": 40, "scope": "session"}]},
        "pay": {
            "require": [{"path": "args.amount", "op": "lte", "value": 50}],
            "limits": [
                {"counter": "spend", "window": 2, "max": 900, "amount": "args.amount", "by": "args.to"}
            ],
        },
        "drop": {"action": "deny"},
    },
}


def message(number: int, chance: random.Random) -> dict:
    tool = chance.choices(["read", "run", "pay", "drop", "unknown"], [50, 25, 20, 3, 2])[0]
    arguments = {"amount": chance.randint(1, 55), "to": chance.choice("abc")} if tool == "pay" else {}
    return rpc.tools_call(tool, arguments, id=number)


@pytest.fixture(scope="module")
def log(module_envoy):
    """The access log of an Envoy with four workers, in the format of the example."""

    proxy = module_envoy(POLICY, workers=4, access_log=True, edit_listener=answering_itself)
    chance = random.Random(3)
    crowd = load.Crowd(proxy.port, CALLERS)
    for first in range(0, RECORDS, CALLERS):
        key = chance.choices(KEYS, [50, 40, 5, 5])[0]
        headers = [("mcp-session-id", f"s-{chance.randint(1, 3)}")] + ([("x-api-key", key)] if key else [])
        crowd.call([message(first + number, chance) for number in range(CALLERS)], headers)
        if key not in KEYS[:2]:
            # A caller who is refused before the body is read loses the connection.
            crowd.__exit__()
            crowd = load.Crowd(proxy.port, CALLERS)
    crowd.__exit__()
    written = lines(proxy, RECORDS, seconds=60)
    path = proxy.folder / "replayed.log"
    path.write_text("".join(f'{{"mcp":[{line}]}}\n' for line in written))
    return path


def replay(log, policy: dict, *options: str) -> tuple[int, dict]:
    path = log.with_name("policy.json")
    path.write_text(json.dumps(policy))
    program = places.POLICY_TOOL
    command = [program, "replay", log, "--policy", path, "--format", "json", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.timeout(600)
def test_the_policy_of_a_log_changes_nothing_in_it(log):
    records = [json.loads(line)["mcp"][0] for line in log.read_text().splitlines()]
    codes = Counter(record["code"] for record in records)
    assert codes["rate_limited"] > RECORDS / 100 and codes["condition_failed"] and codes["no_grant"], codes
    assert all(record["time"] for record in records)
    # The policy of the log is the one that Envoy was given, apart from its spelling.
    code, result = replay(log, POLICY, "--changed")
    assert (code, result["changed"], result["records"]) == (0, 0, []), result["changes"]
    assert (result["judged"], result["undecided"]) == (len(records), 0)


@pytest.mark.timeout(600)
def test_a_tightened_limit_changes_exactly_the_calls_beyond_it(log):
    tightened = copy.deepcopy(POLICY)
    tightened["tools"]["read"]["limits"][0]["max"] = 30
    records = [json.loads(line)["mcp"][0] for line in log.read_text().splitlines()]
    passed = Counter(
        (record["grant"], record["time"][:19])
        for record in records
        if record["target"] == "read" and record["decision"] == "allow"
    )
    beyond = Counter()
    for (grant, _), count in passed.items():
        beyond[grant] += max(0, count - 30)
    code, result = replay(log, tightened)
    found = {change["grant"]: change["count"] for change in result["changes"]}
    assert {(change["target"], change["from"], change["to"]) for change in result["changes"]} == {
        ("read", "allow", "rate_limited")
    }
    assert (code, found) == (3, dict(beyond))
