"""An approval service that keeps the contract, until a test tells it otherwise.

    proxy = envoy(policy, approvals=approvals)
    answer = rpc.call(proxy.url, "wipe")            # pending
    approvals.decide("approved")                    # what was asked last
    approvals.answer = Answer(500, body=b"broken")  # from now on, instead of the contract

What a person would do at the page is a POST to the page: `{"status": "denied", "reason": "no"}`.
"""

import asyncio
import contextlib
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass

import httpx

from upstream import Answer, Request, Upstream, json_answer

from . import http1

REASON = "a person decides"
ASKED = {"action": "require_approval", "reason": REASON}
PATH = "/v1/approvals"
PAGES = "/approvals/"


@dataclass
class Approval:
    """One approval: `status` is pending, approved, denied or consumed; `asked` is the first asking."""

    id: str
    asked: dict
    expires: float
    status: str = "pending"
    reason: str | None = None


class Ledger:
    """What the service knows, which outlives it where a test hands it to the next.

    `later` is what its clock is ahead of everybody's.
    """

    def __init__(self) -> None:
        self.approvals: list[Approval] = []
        self.later = 0.0
        self._lock = threading.RLock()

    def find(self, asked: dict) -> Approval:
        """Find the approval that stands for a call, or begin one."""
        now = time.time() + self.later
        with self._lock:
            for known in self.approvals:
                same = known.asked["fingerprint"] == asked["fingerprint"]
                if same and known.status != "consumed" and known.expires > now:
                    return known
            begun = Approval(secrets.token_hex(16), asked, now + asked["expires_seconds"])
            self.approvals.append(begun)
            return begun

    def take(self, asked: dict) -> tuple[Approval, str]:
        """Find the approval, and say its status; who is told `approved` has consumed it."""
        with self._lock:
            found = self.find(asked)
            status = found.status
            if status == "approved":
                found.status = "consumed"
            return found, status

    def decide(self, status: str, which: str | None = None, reason: str | None = None) -> Approval:
        """Decide the approval of an id, or the last; one that is decided already stays as it is."""
        with self._lock:
            [chosen] = [one for one in self.approvals if one.id == which] if which else self.approvals[-1:]
            if chosen.status == "pending":
                chosen.status, chosen.reason = status, reason
            return chosen

    def count(self, status: str) -> int:
        return sum(approval.status == status for approval in self.approvals)


class Approvals(Upstream):
    """The service. Beside what it is as an `Upstream`: `ledger`, and `asks`, each request's JSON."""

    def __init__(self, ledger: Ledger | None = None, port: int = 0) -> None:
        self.ledger = ledger or Ledger()
        self.waits: list = []
        super().__init__(port=port)

    @property
    def asks(self) -> list[dict]:
        return [request.json() for request in self.requests if request.path == PATH]

    def end(self, request: Request):
        """Know of an approval before anybody can see that it was asked for."""
        if self.answer is None and request.path == PATH:
            self.ledger.find(request.json())
        return super().end(request)

    def decide(self, status: str, which: str | None = None, reason: str | None = None) -> Approval:
        """Decide, and let those know who wait."""
        decided = self.ledger.decide(status, which, reason)
        self._loop.call_soon_threadsafe(lambda: [wait.set() for wait in self.waits])
        return decided

    def page(self, approval: Approval) -> str:
        return f"http://127.0.0.1:{self.port}{PAGES}{approval.id}"

    def told(self, approval: Approval, status: str) -> dict:
        """Say what the contract has the service answer."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(approval.expires))
        told = {"status": status, "id": approval.id, "url": self.page(approval), "expires_at": stamp}
        return {**told, **({"reason": approval.reason} if approval.reason else {})}

    def ordinary(self, request: Request):
        """Answer as the contract says: at its path, and at the pages."""
        if request.path == PATH and request.method == "POST":
            return self._asked(request)
        if request.path.startswith(PAGES):
            which = request.path.removeprefix(PAGES)
            if request.method == "POST":
                wanted = request.json()
                self.decide(wanted["status"], which, wanted.get("reason"))
            [found] = [one for one in self.ledger.approvals if one.id == which]
            return json_answer({"id": found.id, "status": found.status})
        return Answer(404)

    async def _asked(self, request: Request) -> Answer:
        """Hold the answer for as long as asked; who has gone by then has consumed nothing."""
        asked = request.json()
        until = time.monotonic() + asked["wait_seconds"]
        wait = asyncio.Event()
        self.waits.append(wait)
        try:
            while self.ledger.find(asked).status == "pending" and (left := until - time.monotonic()) > 0:
                wait.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(wait.wait(), left)
        finally:
            self.waits.remove(wait)
        if request.left():
            return Answer(raw=b"")
        return json_answer(self.told(*self.ledger.take(asked)))


# What a test says and asks of calls that need approval.


def policy(tools: dict, settings: dict | None = None, **document: object) -> dict:
    """Write a policy that asks the service of the harness; `settings` go into `approvals`."""
    return {
        "version": "1",
        "approvals": {"cluster": "approvals", **(settings or {})},
        "tools": tools,
        **document,
    }


def code(answer: httpx.Response | http1.Answer) -> str:
    """Say what became of a call: the code of its refusal, or `allowed`, or another status than 200."""
    if isinstance(answer, http1.Answer):
        refused, status = answer.header("x-mcp-policy"), answer.status
    else:
        refused, status = answer.headers.get("x-mcp-policy"), answer.status_code
    return refused or ("allowed" if status == 200 else str(status))


# What the fingerprint is made of, worked out apart from the filter.


def canonical(value: object) -> str:
    """Write a value as RFC 8785 has it: JSON as ECMAScript writes it, keys by their UTF-16 units."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(float(value))
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Write a double as ECMAScript's `Number.prototype.toString` does."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = whole + fraction
    # The value is 0.DIGITS times ten to the power of `point`.
    point = len(whole) + int(exponent or 0)
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if 0 < point <= 21:
        if len(digits) <= point:
            return sign + digits.ljust(point, "0")
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if digits[1:] else "") + power


def fingerprint(asked: dict, arguments: object = None) -> str:
    """Work out a call's fingerprint from what is asked, or from the arguments that were sent."""
    parts = {name: asked[name] for name in ("server", "policy", "grant", "principal", "tool")}
    parts["arguments"] = asked["arguments"] if arguments is None else arguments
    return hashlib.sha256(canonical(parts).encode()).hexdigest()
