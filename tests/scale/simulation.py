"""A simulation of agents under one shared limit: how many questions arrive at once, and how fast they are answered.

Time is simulated in seconds. All calls of one second are sent at the same moment, to a real service on a real Redis, and
its answers decide which agents continue and which wait. An agent that is refused is told when the window ends. It calls
again at that second, or up to `spread` seconds later.
"""

import asyncio
import random
from dataclasses import dataclass

from .proxies import burst, connect, question

WINDOW = 60
WINDOWS = 3
# The time-out that the document shows for a question, in seconds.
TIMEOUT = 0.05
SEED = 1


class TooMany(Exception):
    """More calls than `max` have passed."""


@dataclass
class Fleet:
    """Proxies, and agents that call once a minute if nothing refuses them; the limit allows half of that."""

    proxies: int
    agents: int

    @property
    def most(self) -> int:
        return self.agents // 2


@dataclass
class Outcome:
    """What happened in the last window.

    `asked` are the questions of the whole window, `most` those of its busiest second. Of that second, `in_time` is the part
    of the answers within [`TIMEOUT`], and `last` says when the last arrived, in seconds.
    """

    asked: int
    most: int
    passed: int
    in_time: float
    last: float


def simulate(port: int, fleet: Fleet, spread: int, name: str) -> Outcome:
    """Run the simulation against the service on this port, with tallies of this name."""
    return asyncio.run(_simulate(port, fleet, spread, name))


async def _simulate(port: int, fleet: Fleet, spread: int, name: str) -> Outcome:
    proxies = await connect(port, fleet.proxies)
    chance = random.Random(SEED)
    calls: list = [[] for _ in range(WINDOW * WINDOWS)]

    def later(agent: int, second: float) -> None:
        if second < len(calls):
            calls[int(second)].append(agent)

    for agent in range(fleet.agents):
        later(agent, chance.expovariate(1 / WINDOW))
    busiest, asked = None, 0
    for window in range(WINDOWS):
        tally = f"{name}-{window}".encode().rjust(32, b"0")
        message = question(tally, b"1" * 32, fleet.most)
        passed, asked, busiest = 0, 0, None
        for second in range(window * WINDOW, (window + 1) * WINDOW):
            agents = calls[second]
            answers, allowed = await burst(proxies, message, agents)
            passed, asked = passed + answers.passed, asked + len(agents)
            if busiest is None or len(agents) > len(busiest.after):
                busiest = answers
            for agent in agents:
                free = second + chance.expovariate(1 / WINDOW)
                end = (window + 1) * WINDOW + chance.random() * spread
                later(agent, free if agent in allowed else end)
        if passed > fleet.most:
            raise TooMany(f"{passed} of at most {fleet.most} calls have passed in window {window}")
    for proxy in proxies:
        proxy.close()
    in_time = sum(after <= TIMEOUT for after in busiest.after) / len(busiest.after)
    return Outcome(asked, len(busiest.after), passed, in_time, max(busiest.after))
