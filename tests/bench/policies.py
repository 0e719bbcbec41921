"""The policies under which calls are measured. `tests/cost/policies.rs` makes the same policies."""

import json
from pathlib import Path

import places

TOOL, DENIED = "summarize", "delete_agent"
MAX = 1_000_000_000

API_KEY = "bench-key-1"
API_KEY_SHA256 = "7717cad459fb710bd99adf26d5d638743337933ec301092cc951377a94603c07"


def aipaygen() -> dict:
    """Read policies/aipaygen.json with its limits raised, so that no call is refused for them."""
    document = json.loads((places.ROOT / "policies" / "aipaygen.json").read_text())
    for entry in [*document["rules"].values(), *document["tools"].values()]:
        rules = entry if isinstance(entry, list) else [entry]
        for rule in rules:
            for limit in () if isinstance(rule, str) else rule.get("limits", ()):
                limit["max"] = MAX
    return document


def api_key() -> dict:
    """Read the policy with an API key, a schema and a limit."""
    return json.loads(Path(__file__).with_name("api_key.json").read_text())


def tools(count: int) -> dict:
    """List this many tools by name, including the one that is called."""
    return _policy(tools={**{f"tool_{number:05}": {} for number in range(1, count)}, TOOL: {}})


def patterns(count: int) -> dict:
    """List this many patterns of tools, one of which matches."""
    return _policy(tools={**{_pattern("team", number): {} for number in range(1, count)}, "summari*": {}})


def hidden(count: int) -> dict:
    """Hide this many patterns, none of which matches."""
    return _policy(hide=[_pattern("hidden", number) for number in range(count)], tools={TOOL: {}})


def grants(count: int) -> dict:
    """Grant the tool to this many keys, each with its own grant; the caller's is the last."""
    keys = {f"grant_{number:05}": f"{number:064x}" for number in range(1, count)}
    keys["own"] = API_KEY_SHA256
    granted = [{"name": name, "match": [{"api_key_sha256": key}]} for name, key in keys.items()]
    return _policy(identity=[{"api_key": {"header": "x-api-key"}}], grants=granted, tools={TOOL: {}})


def _pattern(kind: str, number: int) -> str:
    """Make one of many patterns. Their lengths differ, as those of real ones do."""
    return f"{kind}_{number:05}{'x' * (number % 20)}_*"


def _policy(**keys: object) -> dict:
    return {"version": "1", "server": "bench", "default": "deny", **keys}
