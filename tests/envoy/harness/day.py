"""Makes the records of a day, for reports about them."""

import random
from datetime import UTC, datetime, timedelta

BEGIN = datetime(2027, 1, 15, 8, tzinfo=UTC)
TOOLS = ["run_agent", "list_agents", "get_agent", "delete_agent", "transfer_funds", "send_email"]
CALLERS = [("ci", "ci@corp.example"), ("support", "agent-7"), ("research", "agent-12"), (None, None)]
REFUSALS = [
    ("rate_limited", "tools.run_agent.limits[0]"),
    ("not_listed", "default"),
    ("arguments_invalid", "tools.get_agent.arguments"),
    ("denied", "tools.delete_agent"),
    ("condition_failed", "tools.transfer_funds.require[0]"),
]


def record(number: int, chance: random.Random, odd: str = "find_agents") -> dict:
    """Make one record of a day with a busy morning. `odd` is the name of one more tool."""
    at = BEGIN + timedelta(seconds=number * 20 + chance.random() * 10)
    tool = chance.choices([*TOOLS, odd], [40, 30, 20, 4, 6, 5, 1])[0]
    grant, principal = chance.choices(CALLERS, [50, 25, 20, 5])[0]
    refused = chance.random() < (0.3 if 900 < number < 1200 else 0.06)
    code, rule = chance.choice(REFUSALS) if refused else (None, f"tools.{tool}")
    decision = ("would_deny" if chance.random() < 0.15 else "deny") if refused else "allow"
    used = 10 if code == "rate_limited" else chance.randint(1, 9)
    counters = [{"counter": "run_agent_rate", "used": used, "max": 10, "resets_in": 42}]
    money = [{"counter": "spend", "used": 12.5 + number / 100, "max": 250, "resets_in": 3600}]
    limits = {"run_agent": counters, "transfer_funds": money}
    made = {
        "decision": decision,
        "code": code,
        "rule": rule,
        "id": f"{number:032x}",
        "server": "aipaygen",
        "method": "tools/call",
        "target": tool,
        "grant": grant,
        "principal": principal,
        "source": None,
        "session": "ca978112ca1bbdca",
        "request": number,
        "counters": limits.get(tool, []),
        "policy": "5f0c2a9d1e7b3c48" if number < 1500 else "b1946ac92492d234",
        "time": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
    }
    if tool == "delete_agent" and not refused:
        # Two records each: it waits, and it is decided.
        decided = number % 8 < 5
        outcome = "approved" if decided else "pending"
        made["approval"] = {"id": f"apr_{number // 40}", "outcome": outcome}
        if not decided:
            made |= {"decision": "deny", "code": "approval_required"}
    return made
