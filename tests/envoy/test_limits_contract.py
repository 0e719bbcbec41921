"""The contract of limits, `tests/cases/limits.json`, kept by a whole Envoy."""

import json

import pytest

import places
from harness import http1, load, rpc
from harness.limits import (
    by_vm_id,
    only,
)


def cases() -> list:
    every = json.loads((places.ROOT / "tests" / "cases" / "limits.json").read_text())
    return [case for case in every if case.get("clock") == "any"]


class Case:
    """A contract case as a policy: a tool for each list of limits that a step charges."""

    def __init__(self, number: int, case: dict) -> None:
        self.name, self.steps = case["name"], case["steps"]
        self.shares = any("counter" in limit for limit in case["limits"].values())
        self.tools = sorted({tuple(name for name, _ in step["charge"]) for step in self.steps})
        # All listeners with one vm_id share the table, even if their capacities differ.
        own = f"@table-{number}" if "capacity" in case else ""
        self.listener = f"case-{number}{own}"
        self.policy = {
            "version": "1",
            "server": self.listener,
            "tools": {
                self.tool(names): self.rules([self.limit(name, case["limits"][name]) for name in names])
                for names in self.tools
            },
        }
        if "capacity" in case:
            self.policy["counters"] = {"capacity": case["capacity"]}
        if any("grant" in step for step in self.steps):
            self.policy["identity"] = [{"header": {"name": "x-principal"}}]
            grants = sorted({step["grant"] for step in self.steps})
            self.policy["grants"] = [{"name": grant, "match": [{"header": f"{grant}/*"}]} for grant in grants]

    def tool(self, names: tuple) -> str:
        return f"tool-{self.tools.index(names)}"

    def rules(self, limits: list) -> dict | list:
        """Limits of one rule that share a counter would have to add the same."""
        return [only(limit) for limit in limits] if self.shares else only(*limits)

    @staticmethod
    def limit(name: str, wanted: dict) -> dict:
        # The document's longest window is 10^9 seconds.
        window = min(wanted["window"], 10**9)
        return {"counter": name, "amount": f"args.{name}", "scope": "grant", **wanted, "window": window}

    def run(self, port: int) -> None:
        with http1.Connection(port) as connection:
            for number, step in enumerate(self.steps):
                sessions = [step.get("session", "session")]
                if "sessions" in step:
                    sessions = [f"s-{session}" for session in range(step["sessions"])]
                for session in sessions:
                    for _ in range(step.get("times", 1)):
                        self.check(connection, step, session, f"step {number}, session {session}")

    def check(self, connection: http1.Connection, step: dict, session: str | None, at: str) -> None:
        names = tuple(name for name, _ in step["charge"])
        headers = [] if session is None else [("mcp-session-id", session)]
        if "grant" in step:
            headers.append(("x-principal", f"{step['grant']}/{step.get('principal', '')}"))
        call = rpc.tools_call(self.tool(names), {**dict(step["charge"]), **step.get("values", {})}, id=at)
        answer = connection.exchange(load.post(call, headers))
        code = answer.header("x-mcp-policy")
        expected = {"charged": None, "refused": "rate_limited", "unavailable": "limiter_unavailable"}
        assert code == expected[step["expect"]], f"{at}: {answer}"
        if code is None:
            return
        decision = load.decision(answer)
        assert ("retryAfterSeconds" in decision) == (answer.header("retry-after") is not None), at
        if "by" in step:
            index = names.index(step["by"])
            place = f"[{index}].limits[0]" if self.shares and len(names) > 1 else f".limits[{index}]"
            assert decision["rule"].endswith(place), f"{at}: {decision}"
        if code == "rate_limited":
            assert ("retryAfterSeconds" not in decision) == (step.get("retry") == "never"), at


CASES = [Case(number, case) for number, case in enumerate(cases())]


@pytest.fixture(scope="module")
def contract(module_envoy):
    also = {case.listener: case.policy for case in CASES}
    return module_envoy({"version": "1"}, also=also, edit_listener=by_vm_id)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_contract_of_limits_holds(contract, case):
    case.run(contract.ports[case.listener])
