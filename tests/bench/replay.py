"""Measures how fast `mcp-policy replay` and `report` read a large log, and how much memory they take: `make bench-replay`.

The log has records of 900 bytes with full arguments, of three tools under limits, a schema and a condition. SIZE sets its
size in bytes (1 GiB by default). Nothing is asserted: times depend on the machine.
"""

import json
import os
import resource
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import places

SIZE = int(os.environ.get("SIZE", str(1 << 30)))
TOOLS = ["run_agent", "list_agents", "pay"]
TEXT = "lorem ipsum dolor sit amet " * 12
AGENT = {
    "type": "object",
    "properties": {
        "agent_id": {"type": "string", "pattern": "^a-[0-9]+$"},
        "amount": {"type": "number"},
        "task": {"type": "string"},
    },
    "required": ["agent_id"],
}


def limit(counter: str, max: int, **more: object) -> dict:
    return {"counter": counter, "window": "minute", "max": max, **more}


POLICY = {
    "version": "1",
    "server": "aipaygen",
    "identity": [{"api_key": {"header": "x-api-key"}}],
    "tools": {
        "run_agent": {"arguments": AGENT, "limits": [limit("run_agent_rate", 10_000)]},
        "list_agents": {"limits": [limit("list_agents_rate", 10, scope="session")]},
        "pay": {
            "require": [{"path": "args.amount", "op": "lte", "value": 50}],
            "limits": [limit("pay_rate", 10_000, amount="args.amount")],
        },
    },
}


def line(number: int) -> str:
    """Write the line of one request; there are 33 a second."""
    at = datetime.fromtimestamp(1_800_000_000 + number * 0.03, UTC)
    tool = TOOLS[number % 3]
    record = {
        "decision": "allow",
        "code": None,
        "rule": f"tools.{tool}",
        "id": f"{number:032x}",
        "server": "aipaygen",
        "method": "tools/call",
        "target": tool,
        "grant": "default",
        "principal": f"sha256:{number % 20:016x}",
        "source": "api_key",
        "session": f"{number % 5000:016x}",
        "request": number,
        "protocol": "2025-11-25",
        "arguments": {"agent_id": f"a-{number % 977}", "amount": number % 50, "task": TEXT},
        "counters": [{"counter": f"{tool}_rate", "used": number % 9, "max": 10_000, "resets_in": 42}],
        "policy": "5f0c2a9d1e7b3c48",
        "request_id": f"ce194754-99fb-4b30-8a68-{number:012x}",
        "time": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
    }
    return json.dumps({"status": 200, "mcp": [record]}, separators=(",", ":")) + "\n"


def write(path: Path) -> int:
    """Write the log; return how many records it has."""
    number = size = 0
    with path.open("w", buffering=1 << 20) as log:
        while size < SIZE:
            size += log.write(line(number))
            number += 1
    return number


def measure(name: str, records: int, *arguments: object) -> None:
    program = places.TARGET / "release" / "mcp-policy"
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([program, *arguments], stdout=subprocess.DEVNULL)
    assert done.returncode in (0, 3), done
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = after.ru_maxrss / 1024
    print(
        f"{name}: {records / used:,.0f} records per second of CPU, {seconds:.1f} s, at most {memory:.0f} MB so far"
    )


def main() -> None:
    with tempfile.TemporaryDirectory(dir=places.TARGET) as folder:
        log, policy = Path(folder, "access.log"), Path(folder, "policy.json")
        policy.write_text(json.dumps(POLICY))
        records = write(log)
        print(f"{records:,} records, {log.stat().st_size / 1e6:,.0f} MB")
        measure("report", records, "report", log, "-o", Path(folder, "report.html"))
        measure("replay", records, "replay", log, "--policy", policy)


if __name__ == "__main__":
    main()
