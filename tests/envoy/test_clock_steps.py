"""The machine's clock steps back and forward while Envoy runs: no window allows more than its maximum, and limits heal."""

from collections import Counter

import pytest

from harness import http1, load, rpc, runs
from harness.clock import Clock, compiler
from harness.traffic import verdict

MINUTE, DAY, YEAR = 60, 86_400, 365 * 86_400
MAX = 3
POLICY = {
    "version": "1",
    "tools": {
        "sliding": {"limits": [{"counter": "s", "window": "minute", "max": MAX}]},
        "calendar": {"limits": [{"counter": "c", "window": "day", "max": MAX, "type": "calendar"}]},
        "danger": {"action": "deny"},
    },
}


@pytest.fixture
def clock(tmp_path, monkeypatch):
    if compiler() is None:
        pytest.skip("there is no C compiler")
    if runs.mode() != "native":
        pytest.skip("the clock of a container is not changed")
    made = Clock(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def calls(proxy, tool: str, count: int = MAX + 1) -> Counter:
    return Counter(verdict(http1.exchange(proxy.port, load.post(rpc.tools_call(tool)))) for _ in range(count))


USED_UP = {"allowed": MAX, "rate_limited": 1}
REFUSED = {"rate_limited": MAX + 1}


def test_a_clock_that_steps_allows_no_more_and_limits_heal(clock, envoy, upstream):
    proxy = envoy(POLICY, workers=2)
    for tool in ("sliding", "calendar"):
        assert calls(proxy, tool) == USED_UP
        for back in (-10, -10 * MINUTE, -YEAR):
            clock.step(back)
            assert calls(proxy, tool) == REFUSED, (tool, back)
        # Counts moved back with the clock. When it is right again, windows have ended.
        clock.step(0)
        assert calls(proxy, tool) == USED_UP
    for forward in (2 * DAY, YEAR):
        clock.step(forward)
        for tool in ("sliding", "calendar"):
            assert calls(proxy, tool) == USED_UP, (tool, forward)
    # Back from a year ahead: what was counted there still counts, until three windows have passed.
    clock.step(0)
    assert calls(proxy, "sliding") == REFUSED
    clock.step(3 * MINUTE)
    assert calls(proxy, "sliding") == USED_UP
    assert calls(proxy, "danger") == {"denied": MAX + 1}
    assert proxy.running()
    assert {request.json()["params"]["name"] for request in upstream.requests} == {"sliding", "calendar"}
