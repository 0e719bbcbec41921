"""Many connections that never finish their request: Envoy's memory is bounded, and other callers are served."""

import contextlib
import resource
import socket

import pytest

from harness import http1, load, rpc
from harness.proxy import wait_for
from harness.traffic import verdict

CONNECTIONS = 5_000
HALF = 8_000
POLICY = {"version": "1", "max_body_bytes": 16_384, "tools": {"echo": {}}}

# What a connection takes in Envoy beside the bytes that it has sent: its buffers, its stream and the filter's state.
BESIDE = 60_000


def opened(port: int, half: bytes, count: int) -> list:
    """Open connections that each send this much of a request."""
    made = []
    for _ in range(count):
        made.append(socket.create_connection(("127.0.0.1", port), 30))
        made[-1].sendall(half)
    return made


def active(proxy) -> int:
    return sum(proxy.stats(r"^http\.main\.downstream_rq_active$").values())


@pytest.fixture
def many_files():
    """Let this process, and the Envoy that it starts, have enough open files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 2 * CONNECTIONS:
        pytest.skip(f"the hard limit of open files is {before[1]}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_five_thousand_halves_of_bodies_take_bounded_memory_and_others_are_served(
    many_files, envoy, upstream
):
    proxy = envoy(POLICY, workers=2)
    echo = load.post(rpc.tools_call("echo"))
    body = rpc.encode(rpc.tools_call("echo", {"text": "x" * 2 * HALF}))
    half = (http1.head(headers=list(rpc.HEADERS.items()), length=len(body)) + body)[:-HALF]
    with contextlib.ExitStack() as open_ones, http1.Connection(proxy.port) as early:
        assert verdict(early.exchange(echo)) == "allowed"
        before = proxy.rss()
        slow = [open_ones.enter_context(one) for one in opened(proxy.port, half, CONNECTIONS)]
        wait_for(lambda: active(proxy) >= CONNECTIONS, f"{CONNECTIONS} requests under way", 60)
        taken = (proxy.rss() - before) / CONNECTIONS
        print(f"{taken / 1e3:.1f} kB for each connection with {HALF / 1e3:.0f} kB of a body")
        assert taken < len(half) + BESIDE

        # Nothing of the others has arrived, and callers are served on old and new connections.
        assert verdict(early.exchange(echo)) == "allowed"
        assert verdict(http1.exchange(proxy.port, echo)) == "allowed"
        assert len(upstream.heads) == 3

        # One that finishes after all is judged.
        slow[0].sendall(body[-HALF:])
        wait_for(lambda: len(upstream.requests) == 4, "the rest of a request")
        assert upstream.requests[3].body == body
    wait_for(lambda: active(proxy) == 0, "Envoy to forget the requests", 60)

    # What was taken is used again.
    with contextlib.ExitStack() as open_ones:
        for one in opened(proxy.port, half, CONNECTIONS):
            open_ones.enter_context(one)
        wait_for(lambda: active(proxy) >= CONNECTIONS, f"{CONNECTIONS} requests under way", 60)
        assert proxy.rss() - before < 1.3 * taken * CONNECTIONS
    assert len(upstream.heads) == 4
