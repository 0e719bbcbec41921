"""A fake approval service that keeps the contract unless a test changes its answers.

    proxy = envoy(policy, approvals=approvals)
    answer = rpc.call(proxy.url, "wipe")            # pending
    approvals.decide("approved")                    # the call that was asked about last
    approvals.answer = Answer(500, body=b"broken")  # from now on, in place of the contract's

A POST to an approval's page decides it: `{"status": "denied", "reason": "no"}`.
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

from . import http1, rpc

REASON = "a person decides"
ASKED = {"action": "require_approval", "reason": REASON}
PATH = "/v1/approvals"
PAGES = "/approvals/"

# The codes of calls that wait for a decision, were denied by a person, or could not be asked about.
PENDING, DENIED, UNAVAILABLE = "approval_required", "approval_denied", "approval_unavailable"


@dataclass
class Approval:
    """One approval: `status` is pending, approved, denied or consumed; `asked` is the first question."""

    id: str
    asked: dict
    expires: float
    status: str = "pending"
    reason: str | None = None


class Ledger:
    """The approvals of the service. A test can hand them to another instance.

    `later` is how many seconds its clock is ahead.
    """

    def __init__(self) -> None:
        self.approvals: list[Approval] = []
        self.later = 0.0
        self._lock = threading.RLock()

    def find(self, asked: dict) -> Approval:
        """Find the valid approval of a call, or create one."""
        now = time.time() + self.later
        with self._lock:
            for approval in self.approvals:
                same = approval.asked["fingerprint"] == asked["fingerprint"]
                if same and approval.status != "consumed" and approval.expires > now:
                    return approval
            created = Approval(secrets.token_hex(16), asked, now + asked["expires_seconds"])
            self.approvals.append(created)
            return created

    def take(self, asked: dict) -> tuple[Approval, str]:
        """Return the approval of a call and its status. Returning `approved` consumes it."""
        with self._lock:
            found = self.find(asked)
            status = found.status
            if status == "approved":
                found.status = "consumed"
            return found, status

    def decide(self, status: str, which: str | None = None, reason: str | None = None) -> Approval:
        """Decide the approval with an id, or the last one, unless it is already decided."""
        with self._lock:
            [chosen] = [one for one in self.approvals if one.id == which] if which else self.approvals[-1:]
            if chosen.status == "pending":
                chosen.status, chosen.reason = status, reason
            return chosen

    def count(self, status: str) -> int:
        return sum(approval.status == status for approval in self.approvals)


class Approvals(Upstream):
    """The service: an `Upstream` with a `ledger`, and with `asks`, the JSON of each question."""

    def __init__(self, ledger: Ledger | None = None, port: int = 0) -> None:
        self.ledger = ledger or Ledger()
        self.waits: list = []
        super().__init__(port=port)

    def forget(self) -> None:
        """Forget all questions and approvals, and keep the contract again."""
        self.clear()
        self.ledger.approvals.clear()
        self.answer = None

    @property
    def asks(self) -> list[dict]:
        return [request.json() for request in self.requests if request.path == PATH]

    def end(self, request: Request):
        """Create the approval before a test can see the request."""
        if self.answer is None and request.path == PATH:
            self.ledger.find(request.json())
        return super().end(request)

    def decide(self, status: str, which: str | None = None, reason: str | None = None) -> Approval:
        """Decide, and wake the held questions."""
        decided = self.ledger.decide(status, which, reason)
        self._loop.call_soon_threadsafe(lambda: [wait.set() for wait in self.waits])
        return decided

    def page(self, approval: Approval) -> str:
        return f"http://127.0.0.1:{self.port}{PAGES}{approval.id}"

    def answer_to(self, approval: Approval, status: str) -> dict:
        """Return the answer that the contract requires."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(approval.expires))
        answer = {"status": status, "id": approval.id, "url": self.page(approval), "expires_at": stamp}
        return {**answer, **({"reason": approval.reason} if approval.reason else {})}

    def ordinary(self, request: Request):
        """Answer as the contract requires, at its path and at the pages."""
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
        """Hold the answer for `wait_seconds`. A caller that has disconnected by then consumes nothing."""
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
        return json_answer(self.answer_to(*self.ledger.take(asked)))


# Policies and verdicts of calls that need approval.


def policy(tools: dict, settings: dict | None = None, **document: object) -> dict:
    """Build a policy that asks the fake service; `settings` go into `approvals`."""
    return {
        "version": "1",
        "approvals": {"cluster": "approvals", **(settings or {})},
        "tools": tools,
        **document,
    }


def code(answer: httpx.Response | http1.Answer) -> str:
    """Return the verdict on a call: the code of its denial, `allowed`, or an HTTP status other than 200."""
    if isinstance(answer, http1.Answer):
        refused, status = answer.header("x-mcp-policy"), answer.status
    else:
        refused, status = answer.headers.get("x-mcp-policy"), answer.status_code
    return refused or ("allowed" if status == 200 else str(status))


def call(proxy, tool: str = "wipe", listener: str = "main", **arguments: object) -> str:
    """Call a tool once; return the verdict."""
    return code(rpc.post(proxy.urls[listener], rpc.tools_call(tool, arguments)))


# The fingerprint, computed independently of the filter.


def canonical(value: object) -> str:
    """Write a value in RFC 8785 form: JSON as ECMAScript writes it, with keys sorted by UTF-16 code units."""
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


BOUND = ("arguments", "grant", "host", "params", "path", "principal", "rules", "server", "source", "tool")


def fingerprint(asked: dict, arguments: object = None) -> str:
    """Compute a call's fingerprint from a question, or with `arguments` in place of the question's."""
    parts = {name: asked.get(name) for name in BOUND}
    if arguments is not None:
        parts["arguments"] = arguments
    return hashlib.sha256(canonical(parts).encode()).hexdigest()
