"""The module traps, or has no memory left, while calls arrive. Nothing passes unjudged, and Envoy recovers.

The module is the one that was built, rewritten so that it fails at marked requests.
"""

from collections import Counter

from harness import http1, rewritten, rpc
from harness.proxy import wait_for
from harness.traffic import Traffic, verdict

MAX = 60
TOOLS = ["echo", "danger", "few"]
POLICY = {
    "version": "1",
    "max_body_bytes": 1_048_576,
    "tools": {
        "echo": {},
        "danger": {"action": "deny"},
        "few": {"limits": [{"counter": "few", "window": "day", "max": MAX}]},
    },
}


def called(upstream) -> list:
    return [request.json()["params"]["name"] for request in upstream.requests]


def reloads(proxy) -> int:
    """Count how often Envoy has loaded a failed module again."""
    return sum(proxy.stats(r"^wasm\..*\.vm_reload_success$").values())


def works_again(proxy) -> None:
    """Wait until each worker's module is loaded again."""

    def answers() -> bool:
        told = [verdict(http1.exchange(proxy.port, rewritten.marked("echo", 200))) for _ in range(16)]
        return set(told) == {"allowed"}

    wait_for(answers, "the module to be loaded again", 30)


def test_traps_under_load_let_nothing_through_and_keep_the_counters(envoy, upstream, tmp_path):
    edit = rewritten.loading(rewritten.trapping(rewritten.built()), tmp_path)
    proxy = envoy(POLICY, workers=2, edit_listener=edit, folder=tmp_path)
    marks = (rewritten.BEFORE, rewritten.AFTER)
    with Traffic(proxy.port, TOOLS) as traffic:
        traffic.more(60)
        for mark in (*marks, *marks):
            # The kernel chooses the worker of a connection: after four, most likely both have trapped.
            for _ in range(4):
                assert http1.exchange(proxy.port, rewritten.marked("echo", mark)).status == 503
            traffic.more(20)
            works_again(proxy)
            traffic.more(60)
    verdicts = {tool: traffic.verdicts(tool) for tool in TOOLS}
    assert reloads(proxy) >= 2 * len(marks)
    assert {"denied"} <= verdicts["danger"].keys() <= {"denied", "503"}, verdicts
    assert {"allowed"} <= verdicts["echo"].keys() <= {"allowed", "503", "lost"}, verdicts
    assert verdicts["few"].keys() <= {"allowed", "rate_limited", "503", "lost"}, verdicts

    # A trap ends the requests that its worker is serving. Of one that the upstream has, the answer is lost.
    arrived = Counter(request.json()["id"] for request in upstream.requests if len(request.body) < 150)
    allowed = Counter(outcome.id for outcome in traffic.outcomes if outcome.verdict == "allowed")
    assert max(arrived.values()) == 1 and not allowed - arrived
    failed = {outcome.id for outcome in traffic.outcomes if outcome.verdict in ("503", "lost")}
    assert {*arrived} - {*allowed} <= failed
    assert set(called(upstream)) <= {"echo", "few"}
    assert not [request for request in upstream.heads if len(request.body) in marks]

    # The tally outlives the module: a limit that began at zero again would allow more.
    told = Counter(verdict(http1.exchange(proxy.port, rewritten.marked("few", 200))) for _ in range(MAX + 1))
    assert told.keys() <= {"allowed", "rate_limited"} and told["rate_limited"] > 0
    assert called(upstream).count("few") <= MAX


def test_the_module_that_was_built_does_not_trap_at_the_marks(envoy, upstream):
    proxy = envoy(POLICY, workers=1)
    for mark in (rewritten.BEFORE, rewritten.AFTER):
        assert verdict(http1.exchange(proxy.port, rewritten.marked("echo", mark))) == "allowed"
    assert [len(request.body) for request in upstream.requests] == [rewritten.BEFORE, rewritten.AFTER]


def test_a_module_without_memory_lets_nothing_through_and_recovers(envoy, upstream, tmp_path):
    """A body of 400 kB in which each second byte is a number takes more than the 4 MiB of this VM."""
    small = rewritten.with_memory(rewritten.built(), 4 * 1_048_576)
    edit = rewritten.loading(small, tmp_path)
    proxy = envoy(POLICY, workers=2, edit_listener=edit, folder=tmp_path)
    large = rpc.tools_call("echo", {"numbers": [1] * 200_000})
    with Traffic(proxy.port, TOOLS) as traffic:
        traffic.more(30)
        body = rpc.encode(large)
        pieces = [http1.head(headers=list(rpc.HEADERS.items()), length=len(body)), body]
        told = [http1.exchange(proxy.port, pieces).status for _ in range(4)]
        works_again(proxy)
        traffic.more(60)
    assert set(told) == {503} and reloads(proxy) > 0
    assert "echo" in called(upstream)
    assert max(len(request.body) for request in upstream.heads) < 1000
    assert traffic.verdicts("danger").keys() <= {"denied", "503"}
    assert traffic.verdicts("echo").keys() <= {"allowed", "503", "lost"}
