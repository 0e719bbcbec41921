"""Memory does not grow at capacity, however many sessions call.

The layout (`src/engine/limit/place.rs`) promises a table with as many entries as the capacity, in buckets of
at least 64 that a keyed hash selects. With as many sessions as entries, some buckets fill before others: with
buckets of 64, about one session in twenty finds its bucket full (the mean overflow of a Poisson variable with
mean 64). A few times as many sessions fill every entry, and not one more.
"""

import time

import pytest

from harness import load, rpc

CAPACITY = 16384  # the default

# Envoy's allocator and V8's heap vary by about a megabyte. A stored session takes about 250 bytes, so storing
# the refused ones would take more than 240 MB.
NOISE = 8e6


def limit(name: str, window: object, max: int, scope: str) -> dict:
    return {"limits": [{"counter": name, "window": window, "max": max, "scope": scope}]}


def answers_itself(listener: dict) -> None:
    """Let Envoy answer allowed calls itself: an upstream would slow a million calls down."""
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (route,) = manager["route_config"]["virtual_hosts"][0]["routes"]
    del route["route"]
    route["direct_response"] = {"status": 200}


def names(first: int, last: int) -> list:
    return [f"{number:032x}" for number in range(first, last)]


def verdict(proxy, tool: str, session: str | None = None) -> str:
    answer = rpc.post(proxy.url, rpc.tools_call(tool), {"mcp-session-id": session})
    assert answer.status_code == 200
    return answer.headers.get("x-mcp-policy", "allowed")


# A million calls take two minutes on two idle cores, and longer on busy ones.
@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_a_million_sessions_at_capacity(envoy):
    policy = {
        "version": "1",
        "tools": {
            "each": limit("each", "day", 2, "session"),
            "grant": limit("grant", "day", 3, "grant"),
            "all": limit("all", "day", 3, "global"),
        },
    }
    proxy = envoy(policy, workers=2, edit_listener=answers_itself)
    verdicts = load.flood(proxy.port, "each", names(0, CAPACITY))
    assert set(verdicts) == {"allowed", "limiter_unavailable"}
    assert 0.93 * CAPACITY < verdicts["allowed"] < 0.97 * CAPACITY, verdicts

    # With 160 sessions a bucket, a bucket that is not full would be twelve standard deviations off.
    verdicts += load.flood(proxy.port, "each", names(CAPACITY, 40_000))
    assert verdicts["allowed"] == CAPACITY, verdicts
    full = proxy.rss()

    steps = [40_000, 250_000, 500_000, 750_000, 1_000_000]
    for first, last in zip(steps, steps[1:], strict=False):
        verdicts += load.flood(proxy.port, "each", names(first, last))
        assert proxy.rss() < full + NOISE, f"{(proxy.rss() - full) / 1e6:.1f} MB more at {last}"
    assert verdicts == {"allowed": CAPACITY, "limiter_unavailable": 1_000_000 - CAPACITY}
    print(f"{full / 1e6:.1f} MB when full, {(proxy.rss() - full) / 1e6:+.1f} MB after a million")

    # Existing entries are still there, and counters that the document bounds have separate room.
    known = next(session for session in names(0, 1000) if verdict(proxy, "each", session) == "allowed")
    assert verdict(proxy, "each", known) == "rate_limited"
    for tool in ("grant", "all"):
        calls = [verdict(proxy, tool, session) for session in names(2_000_000, 2_000_004)]
        assert calls == ["allowed"] * 3 + ["rate_limited"]
    # Calls without a session use the grant's tally.
    assert [verdict(proxy, "each") for _ in range(3)] == ["allowed", "allowed", "rate_limited"]


@pytest.mark.timeout(240)
def test_entries_are_reused_when_their_window_has_passed(envoy):
    capacity = 1024
    policy = {
        "version": "1",
        "counters": {"capacity": capacity},
        "tools": {"each": limit("each", "second", 1, "session")},
    }
    proxy = envoy(policy, workers=2, edit_listener=answers_itself)
    # Each entry is written many times before the memory is measured.
    load.flood(proxy.port, "each", names(0, 20_000))
    full = proxy.rss()
    begun = time.monotonic()
    verdicts = load.flood(proxy.port, "each", names(20_000, 120_000))
    seconds = time.monotonic() - begun
    assert set(verdicts) == {"allowed", "limiter_unavailable"}
    # An entry lives for 1.0 to 1.04 s. The table fills up again at once, because calls come much faster.
    assert verdicts["allowed"] <= capacity * (seconds + 1), (seconds, verdicts)
    assert verdicts["allowed"] >= capacity * (seconds / 1.5 - 1), (seconds, verdicts)
    assert proxy.rss() < full + NOISE, f"{(proxy.rss() - full) / 1e6:.1f} MB more"
    print(f"{verdicts['allowed']} entries in {seconds:.1f} s, {(proxy.rss() - full) / 1e6:+.1f} MB")
