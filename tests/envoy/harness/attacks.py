"""Carries the attacks of `policies/attacks` out twice: without a policy, and with it.

    outcome = attacks.carry_out("ssrf", [["call", "fetch_url", {"url": METADATA}]], legitimate=[...])
    assert outcome.without == ["allowed"] and attacks.unguarded.web.hosts == ["169.254.169.254"]
    assert outcome.refused == ["condition_failed"] and outcome.legitimate == ["allowed"]

Both servers are the same program, and both are behind a real Envoy. One Envoy has a policy that allows
everything (and a listener `bare` without the filter), the other has a listener for each policy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

import places
from harness import policy, rpc

from .attacked import Attacked, attacked
from .identity import Issuer, by_name, jwt_authn, verifying
from .service import ROLES, showing

POLICIES = places.ROOT / "policies" / "attacks"
NAMES = sorted(path.parent.name for path in POLICIES.glob("*/policy.json"))

ALLOW = {"version": "1", "server": "unguarded", "default": "allow"}
DENY = {"version": "1", "server": "closed"}

# Policies of callers with tokens.
WITH_TOKENS = ["confused-deputy", "private-data-in-public-repository"]


@dataclass
class Outcome:
    """What a client saw of each call: the code of its refusal, `allowed`, or `failed` if the server says so.

    `without` has the calls of the attack without a policy, `refused` the same calls with it, and `legitimate` the
    calls of honest work after them. The texts that a model reads are in `read`, without a policy, and in `told`,
    with it, those of the honest work included.
    """

    without: list
    refused: list
    legitimate: list
    read: list
    told: list


class Attacks:
    """Two servers, and the Envoys in front of them."""

    def __init__(self, unguarded: Attacked, guarded: Attacked, envoy, service) -> None:
        self.unguarded, self.guarded = unguarded, guarded
        self.issuer = Issuer("https://issuer.example", "ES256")
        self.service = service(config=ROLES)
        self._open = envoy(ALLOW, also={"bare": None}, upstream=unguarded.server, workers=1)
        documents = {name: policy.read(POLICIES / name / "policy.json") for name in NAMES}
        # A limit that only a session has, which is what `session-hopping` warns of.
        documents["session-only"] = {
            "version": "1",
            "server": "session-only",
            "tools": {"run_agent": {"rate_limit": {"max": 5, "window": "minute"}}},
        }
        verified = verifying(jwt_authn([self.issuer]))
        self._closed = envoy(
            DENY,
            also=documents,
            upstream=guarded.server,
            approvals=self.service,
            edit=showing(self.service.token),
            workers=1,
            edit_listener=by_name(**{name: verified for name in WITH_TOKENS}),
        )
        self.open_url, self.bare_url = self._open.url, self._open.urls["bare"]
        self.urls = self._closed.urls
        # Without the system's certificate authorities, which take a while to load.
        self._http = httpx.Client(verify=False)

    def reset(self) -> None:
        """Undo everything that has happened to the servers."""
        self.unguarded.reset()
        self.guarded.reset()

    def carry_out(
        self, name: str, attack: list, legitimate: list = (), headers: dict | None = None
    ) -> Outcome:
        """Call the tools of an attack on both servers, and then those of honest work on the guarded one."""
        steps = [["call", *call] for call in attack]
        honest = [["call", *call] for call in legitimate]
        without = session(self.open_url, steps, headers)
        guarded = session(self.urls[name], steps + honest, headers)
        codes = [code(saw) for saw in guarded]
        return Outcome(
            without=[code(saw) for saw in without],
            refused=codes[: len(steps)],
            legitimate=codes[len(steps) :],
            read=[text(saw) for saw in without],
            told=[text(saw) for saw in guarded],
        )

    def passing(self, name: str, calls: list) -> list:
        """Return those of many calls that pass a policy."""
        return [
            call for call in calls if not self.posted(name, rpc.tools_call(*call)).headers.get("x-mcp-policy")
        ]

    def posted(self, name: str, message: object, headers: dict | None = None) -> httpx.Response:
        """Post one message to the listener of a policy."""
        return rpc.post(self.urls[name], message, headers, self._http)


def session(url: str, steps: list, headers: dict | None = None) -> list:
    """Take steps in a session of a real client; return what it saw of each."""
    # In this process, because a new one takes longer than most attacks. Other tests do not load it.
    import python_2

    import steps as programs

    asked = {"url": url, "mode": "legacy", "steps": steps, "credentials": {"headers": headers or {}}}
    report = programs.run(python_2.connect, asked)
    assert report.get("closed"), report
    return report["saw"]


def code(saw: dict) -> str:
    """Return the code of a refusal, `allowed` or `failed`; for a JSON-RPC error, its code."""
    if "error" in saw:
        return str(saw["error"]["code"])
    result = saw["result"]
    if result["decision"] is not None:
        return result["decision"]["code"]
    return "failed" if result["is_error"] else "allowed"


def text(saw: dict) -> str:
    """Return the text that the model reads."""
    return saw["error"]["message"] if "error" in saw else saw["result"]["text"]


@contextmanager
def attacks(folders, envoy, service) -> Iterator[Attacks]:
    """Start both servers and both Envoys."""
    with (
        attacked(folders.mktemp("unguarded")) as unguarded,
        attacked(folders.mktemp("guarded")) as guarded,
    ):
        yield Attacks(unguarded, guarded, envoy, service)
