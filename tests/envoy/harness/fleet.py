"""Limits that several Envoys share: policies with them, and calls of many at once through several Envoys."""

import datetime
import itertools
import json
import threading

from harness import http1, load, rpc
from harness.limits import balanced, limit
from harness.proxy import Envoy, wait_for
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
    """Several Envoys with the same listeners, one for each policy by its name."""

    def __init__(self, start, policies: dict, count: int = 2, **options: object) -> None:
        options = {"also": policies, "edit_listener": balanced, "access_log": True, **options}
        self.proxies = [start({"version": "1"}, **options) for _ in range(count)]

    def ports(self, name: str) -> list:
        """Return the ports of a policy, one at each Envoy."""
        return [proxy.ports[name] for proxy in self.proxies]

    def call(self, name: str, tool: str, callers: int, headers: list = ()) -> list:
        """Call a tool under a policy this many times at each Envoy, all at once; return all answers."""
        crowds = [load.Crowd(port, callers) for port in self.ports(name)]
        answers = [None] * len(crowds)

        def run(number: int) -> None:
            calls = [rpc.tools_call(tool, id=f"{number}-{id}") for id in range(callers)]
            with crowds[number] as crowd:
                answers[number] = crowd.call(calls, headers)

        threads = [threading.Thread(target=run, args=[number]) for number in range(len(crowds))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [answer for each in answers for answer in each]


def call(port: int, tool: str, arguments: dict | None = None, headers: list = ()) -> http1.Answer:
    """Call a tool once, on a new connection."""
    with http1.Connection(port) as connection:
        return connection.exchange(load.post(rpc.tools_call(tool, arguments), headers))


def records(proxy: Envoy, listener: str, count: int) -> list:
    """Read the records of a listener's policy, once there are so many."""
    server = proxy.options.listeners[listener]["server"]

    def written() -> list:
        lines = [json.loads(line["audit"]) for line in proxy.access_log() if line["audit"] != "-"]
        found = [record for record in lines if record["server"] == server]
        return found if len(found) >= count else []

    return wait_for(written, f"{count} records of {server}")
