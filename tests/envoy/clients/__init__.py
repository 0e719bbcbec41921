"""Real MCP clients. Each is a program that runs sessions and reports what it saw.

    [report] = clients.run(clients.TYPESCRIPT_2, (proxy.url, [["list"], ["call", "echo", {"message": "hi"}]]))
    report["saw"][1]["result"]["text"]

A session is a list of steps, the same for every client:

    ["list"]                            list the tools
    ["call", tool, arguments]           call a tool
    ["watch", tool, arguments, step]    call a tool; take the other step once it reports progress
    ["abort", tool, arguments]          call a tool; cancel the call once it reports progress
    ["led", tool, arguments, plan]      call a tool, and open the pages that it leads to

A session with a "led" step declares URL elicitation from its start. The plan says what to do on the pages:
`decide` lists what to post to the first, the second and so on (null: nothing), with `headers`; `action` is
the answer, "accept" by default.

The Python clients present credentials if the session has a third part: `headers`, a dict, and `authority` and
`certificate`, files for TLS.

The report has the negotiated `protocol`, what the program `saw` in each step, and either `closed: true` or
how the session `ended` early. What a program sees of a step is one of

    {"tools": [names]}
    {"result": {"is_error", "text", "decision"}}        the decision is the one in `_meta`, or null
    {"error": {"code", "message", "data"}}              a JSON-RPC error, as the client raises it
    {"failed": "..."}                                   anything else that it raises
    {"aborted": true}

with `order` if progress was watched: "progress", "reacted" and "result" as they came; and after "led" with
`pages`, a `url` and a `message` for each.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import places

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Client:
    """A client's program and how it chooses the protocol.

    That is "legacy", "auto" for the newest, or "old" for the HTTP+SSE transport of 2024-11-05.
    """

    program: str
    mode: str

    def __str__(self) -> str:
        return f"{self.program.partition('.')[0]}-{self.mode}"

    @property
    def interpreter(self) -> Path:
        if self.program.endswith(".mjs"):
            return places.node()
        return places.LEGACY_PYTHON if self.program == "python_1.py" else places.MODERN_PYTHON


PYTHON_1 = Client("python_1.py", "legacy")
PYTHON_2_LEGACY = Client("python_2.py", "legacy")
PYTHON_2 = Client("python_2.py", "auto")
TYPESCRIPT_1 = Client("typescript_1.mjs", "legacy")
TYPESCRIPT_2_LEGACY = Client("typescript_2.mjs", "legacy")
TYPESCRIPT_2 = Client("typescript_2.mjs", "auto")

ALL = [PYTHON_1, PYTHON_2_LEGACY, PYTHON_2, TYPESCRIPT_1, TYPESCRIPT_2_LEGACY, TYPESCRIPT_2]
OLD = [Client(f"{program}", "old") for program in sorted({client.program for client in ALL})]


def run(client: Client, *sessions: tuple, timeout: float = 90.0) -> list:
    """Run sessions in sequence, each a URL and its steps; return the report of each."""
    asked = json.dumps(
        [
            {"url": url, "mode": client.mode, "steps": steps, "credentials": dict(*credentials)}
            for url, steps, *credentials in sessions
        ]
    )
    done = subprocess.run(
        [client.interpreter, HERE / client.program, asked],
        cwd=places.NPM,  # the TypeScript programs look for their packages here
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{client} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)
