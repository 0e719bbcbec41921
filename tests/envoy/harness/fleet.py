"""Limits that several Envoys share: policies with them, and calls of many at once through several Envoys."""

import datetime
import itertools
import threading

from harness import load, rpc
from harness.limits import balanced, limit
from harness.proxy import wait_for
from harness.ratelimit import DOMAIN

# Longer than an answer takes even on a busy machine, for tests in which none may be late.
PATIENT_MS = 10_000

_servers = itertools.count()


def shared(counter: str, max: float, window: str = "day", **more: object) -> dict:
    """Build a limit that the rate limit service counts."""
    return limit(counter, max, window, type="calendar", shared=True, **more)


def document(tools: dict, service: dict | None = None, **more: object) -> dict:
    """Build a policy with counters of its own; `service` has keys of `shared_limits`."""
    asking = {"cluster": "ratelimit", "domain": DOMAIN, "timeout_ms": PATIENT_MS, **(service or {})}
    server = f"fleet-{next(_servers)}"
    return {"version": "1", "server": server, "shared_limits": asking, "tools": tools, **more}


def within_a_day(seconds: int = 30) -> None:
    """Wait while the day, which is the window of these tests, is about to end."""

    def left() -> bool:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (now + datetime.timedelta(seconds=seconds)).date() == now.date()

    wait_for(left, "the day to end", seconds + 10)


class Fleet:
    """Several Envoys with the same policy, and a crowd at each."""

    def __init__(self, start, document: dict, count: int = 2, **options: object) -> None:
        self.proxies = [start(document, edit_listener=balanced, **options) for _ in range(count)]

    def call(self, tool: str, callers: int, headers: list = ()) -> list:
        """Call a tool this many times at each Envoy, all at once; return all answers."""
        crowds = [load.Crowd(proxy.port, callers) for proxy in self.proxies]
        answers = [None] * len(crowds)

        def run(number: int) -> None:
            calls = [rpc.tools_call(tool, id=f"{number}-{id}") for id in range(callers)]
            answers[number] = crowds[number].call(calls, headers)

        threads = [threading.Thread(target=run, args=[number]) for number in range(len(crowds))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for crowd in crowds:
            crowd.__exit__()
        return [answer for each in answers for answer in each]
