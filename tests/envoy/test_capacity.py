"""Memory stays where it is at capacity, however many sessions come.

What the layout promises (`src/limit/place.rs`): the table has as many entries as the capacity says,
in buckets of 64 and more that a keyed hash picks. As many sessions as there are entries fill some
buckets before others: with buckets of 64 about one session in twenty finds its own full (the mean
overflow of a Poisson variable of mean 64). A few times as many fill every entry, and not one more.
"""

import time

import pytest

from harness import load, rpc

CAPACITY = 16384  # the default

# Envoy's allocator and V8's heap move by a megabyte or so of their own. One remembered session is
# some 130 bytes of value, so that remembering those that were refused would take more than 120 MB.
NOISE = 8e6


def limit(name: str, window: object, max: int, scope: str) -> dict:
    return {"limits": [{"counter": name, "window": window, "max": max, "scope": scope}]}


def answers_itself(listener: dict) -> None:
    """Have Envoy answer what the filter lets through: an upstream would slow a million calls down."""
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


# A million calls take two minutes on two cores of their own, and as long as it takes on shared ones.
@pytest.mark.timeout(900)
def test_a_million_sessions_leave_memory_where_it_was_at_capacity(envoy):
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

    # With 160 sessions a bucket, one that is not full would be twelve deviations off.
    verdicts += load.flood(proxy.port, "each", names(CAPACITY, 40_000))
    assert verdicts["allowed"] == CAPACITY, verdicts
    full = proxy.rss()

    steps = [40_000, 250_000, 500_000, 750_000, 1_000_000]
    for first, last in zip(steps, steps[1:], strict=False):
        verdicts += load.flood(proxy.port, "each", names(first, last))
        assert proxy.rss() < full + NOISE, f"{(proxy.rss() - full) / 1e6:.1f} MB more at {last}"
    assert verdicts == {"allowed": CAPACITY, "limiter_unavailable": 1_000_000 - CAPACITY}
    print(f"{full / 1e6:.1f} MB when full, {(proxy.rss() - full) / 1e6:+.1f} MB after a million")

    # Who has an entry still has it, and the counters that the document bounds have room of their own.
    known = next(session for session in names(0, 1000) if verdict(proxy, "each", session) == "allowed")
    assert verdict(proxy, "each", known) == "rate_limited"
    for tool in ("grant", "all"):
        calls = [verdict(proxy, tool, session) for session in names(2_000_000, 2_000_004)]
        assert calls == ["allowed"] * 3 + ["rate_limited"]
    # Without a session the tally is the grant's.
    assert [verdict(proxy, "each") for _ in range(3)] == ["allowed", "allowed", "rate_limited"]


@pytest.mark.timeout(240)
def test_entries_give_way_when_their_window_has_passed(envoy):
    capacity = 1024
    policy = {
        "version": "1",
        "counters": {"capacity": capacity},
        "tools": {"each": limit("each", "second", 1, "session")},
    }
    proxy = envoy(policy, workers=2, edit_listener=answers_itself)
    # Each entry is written many times over before memory is looked at.
    load.flood(proxy.port, "each", names(0, 20_000))
    full = proxy.rss()
    begun = time.monotonic()
    verdicts = load.flood(proxy.port, "each", names(20_000, 120_000))
    seconds = time.monotonic() - begun
    assert set(verdicts) == {"allowed", "limiter_unavailable"}
    # An entry lives for 1.0 to 1.1 s; the table is full again at once, as calls come far faster.
    assert verdicts["allowed"] <= capacity * (seconds + 1), (seconds, verdicts)
    assert verdicts["allowed"] >= capacity * (seconds / 1.5 - 1), (seconds, verdicts)
    assert proxy.rss() < full + NOISE, f"{(proxy.rss() - full) / 1e6:.1f} MB more"
    print(f"{verdicts['allowed']} entries in {seconds:.1f} s, {(proxy.rss() - full) / 1e6:+.1f} MB")
