"""Shows the filter at work between a real MCP client and AiPayGen's real server: `make demo`.

Prints what happens and checks it: exits with 1 if anything is not as printed. The server uses a stub of its
backend, so nothing leaves this machine.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from mcp import Client

import places
from harness import policy, runs, servers, service
from harness.options import Options
from harness.proxy import Envoy

POLICY = places.ROOT / "policies" / "aipaygen.json"
DECISION = "dev.mcp-policy/decision"
AGENT = {"agent_id": "agent-1", "task": "Summarise the week"}
MAX = 10
REPORT = places.TARGET / "demo-report.html"

failures: list = []


def say(words: str = "") -> None:
    print(textwrap.fill(words, 96, subsequent_indent="    ", drop_whitespace=bool(words)), flush=True)


def check(holds: bool, what: str) -> None:
    """Print whether a statement holds, and remember failures."""
    say(f"  {'ok  ' if holds else 'FAIL'} {what}")
    if not holds:
        failures.append(what)


def text(result) -> str:
    return " ".join(part.text for part in result.content if part.type == "text")


def decision(result) -> dict:
    return (result.meta or {}).get(DECISION, {})


async def tools(url: str) -> set:
    async with Client(url) as client:
        return {tool.name for tool in (await client.list_tools()).tools}


async def show_lists(direct: str, guarded: str, document: dict) -> None:
    say(f"1. Tools. The server has {len(await tools(direct))}.")
    everything, listed = await tools(direct), await tools(guarded)
    gone = sorted(everything - listed)
    say(f"   Through Envoy a client sees {len(listed)}. Not listed: {', '.join(gone)}.")
    never = (policy.denied(document) | set(document.get("hide", []))) & everything
    check(
        bool(gone) and set(gone) == never,
        "exactly the tools that this caller can never use are missing from the list",
    )
    say()


async def show_verdicts(client: Client) -> None:
    say("2. An allowed call: research.")
    result = await client.call_tool("research", {"topic": "proxies"})
    say(f"   {' '.join(text(result).split())}")
    check(not result.is_error and '"stub"' in text(result), "the call reached the server's backend")
    say()
    say("3. A denied call: delete_agent.")
    result = await client.call_tool("delete_agent", {"agent_id": "agent-1"})
    say(f"   {text(result)}")
    check(bool(result.is_error) and decision(result).get("code") == "denied", "denied, with code `denied`")
    check("cannot be undone" in text(result), "the model is given the policy's reason")
    say()


async def show_limit(client: Client) -> None:
    say(f"4. A limit: run_agent, {MAX} calls in any minute, called {MAX + 1} times.")
    results = [await client.call_tool("run_agent", AGENT) for _ in range(MAX + 1)]
    allowed = [not result.is_error for result in results]
    say(f"   {' '.join('allowed' if one else 'refused' for one in allowed)}")
    last = results[-1]
    seconds = decision(last).get("retryAfterSeconds")
    say(f"   {text(last)}")
    check(allowed == [True] * MAX + [False], f"{MAX} were allowed and the eleventh was refused")
    check(decision(last).get("code") == "rate_limited", "its code is `rate_limited`")
    check(isinstance(seconds, int) and 0 < seconds <= 63, f"it says how long to wait: {seconds} seconds")
    check(str(seconds) in text(last), "the text for the model says so too")
    result = await client.call_tool("research", {"topic": "queues"})
    check(not result.is_error, "the session continues: research is still allowed")


async def show_approval(client: Client, approvals: service.Service) -> None:
    say("5. A call that a person has to approve: pause_agent.")
    paused = {"agent_id": "agent-1"}
    result = await client.call_tool("pause_agent", paused)
    say(f"   {text(result)}")
    waits = decision(result).get("code") == "approval_required"
    check(
        waits and "/approvals/" in text(result),
        "it waits for approval, and the model is told where to get it",
    )
    anna = approvals.shell("anna")
    [listed, *_] = json.loads(approvals.run("list", "--json", token=anna).stdout)["approvals"]
    say(f"   anna reads `mcp-approvals show {listed['id'][:8]}`, and then:")
    said = approvals.run("approve", listed["id"][:8], "--reason", "agreed on the phone", token=anna).stdout
    say(f"   {' '.join(said.split())}")
    result = await client.call_tool("pause_agent", paused)
    check(not result.is_error, "the same call, repeated, is allowed")
    result = await client.call_tool("pause_agent", paused)
    check(
        decision(result).get("code") == "approval_required",
        "the approval served one call: the next one waits again",
    )
    anna_denies = json.loads(approvals.run("list", "--json", token=anna).stdout)["approvals"][0]["id"]
    approvals.run("deny", anna_denies, "--reason", "not on a Friday", token=anna)
    result = await client.call_tool("pause_agent", paused)
    say(f"   {text(result)}")
    check("not on a Friday" in text(result), "the refusal gives the person's reason")


def show_explanation() -> None:
    command = ["mcp-policy", "explain", str(POLICY.relative_to(places.ROOT)), "--call", "delete_agent"]
    say("6. Why is delete_agent denied? " + " ".join(command))
    done = subprocess.run(
        [places.POLICY_TOOL, *command[1:]], capture_output=True, text=True, timeout=60, cwd=places.ROOT
    )
    print(textwrap.indent(done.stdout or done.stderr, "   ").rstrip(), flush=True)
    refused, decides = done.returncode == 2, "tools.delete_agent decides" in done.stdout
    check(refused and decides, "the command names the entry that decides, and exits with 2")
    say()


def show_report(envoy: Envoy) -> None:
    """Write a report about the requests of this demo. Envoy has ended, so its access log is complete."""
    say("7. A report about all of this: mcp-policy report access.log -o report.html")
    log = envoy.folder / "access.log"
    done = subprocess.run(
        [places.POLICY_TOOL, "report", log, "-o", REPORT, "--force"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    check(done.returncode == 0, f"open it in a browser: {REPORT.relative_to(places.ROOT)}")
    if done.returncode:
        print(done.stderr, flush=True)
    else:
        check("delete_agent" in REPORT.read_text(), "it has the denied call")


async def show(direct: str, guarded: str, approvals: service.Service) -> None:
    document = json.loads(policy.read(POLICY))
    await show_lists(direct, guarded, document)
    async with Client(guarded) as client:
        await show_verdicts(client)
        await show_limit(client)
        say()
        await show_approval(client, approvals)


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="mcp-policy-demo-") as name,
        servers.aipaygen(Path(name)) as server,
        service.Service(Path(name), config=service.ROLES) as approvals,
    ):
        folder = Path(name) / "envoy"
        folder.mkdir()
        asking = {"approvals": approvals, "edit": service.showing(approvals.token)}
        envoy = Envoy(Options(policy=policy.read(POLICY), upstream=server, access_log=True, **asking), folder)
        try:
            say(f"AiPayGen's server: {server.url}. Envoy ({runs.mode()}): {envoy.url}.")
            say(f"Policy: policies/{POLICY.name}.")
            say()
            asyncio.run(show(server.url, envoy.url, approvals))
        finally:
            if failures or sys.exc_info()[0]:
                print("\n".join(["", "The end of Envoy's log:", *envoy.log_lines()[-20:]]))
            envoy.stop()
        say()
        show_explanation()
        show_report(envoy)
    say()
    say(f"{len(failures)} checks failed." if failures else "All checks passed.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
