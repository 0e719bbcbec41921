"""Measures what a policy takes inside a proxy: memory, time to load, metrics, records. Each with a real Envoy."""

import json
from contextlib import ExitStack
from pathlib import Path

from bench import cpu
from bench.contenders import FORWARDED
from bench.load import Loader
from bench.policies import TOOL

from harness import bootstrap, load, rpc
from harness.options import Options
from harness.proxy import Envoy, wait_for
from harness.records import EXAMPLE, RECORD, example_format, manager_of

from .behind import answers_itself

SERVER = "shop"
WORKERS = 2
KEYS = {"identity": [{"header": {"name": "x-team"}}]}


def grants(count: int, server: str = SERVER) -> dict:
    """Build a policy with this many grants, each for one team and with a limit of its own; three tools."""
    limit = {"counter": "calls", "window": "minute", "max": 600, "scope": "grant"}
    own = [
        {
            "name": f"team-{number:05}",
            "match": [{"header": f"team-{number:05}"}],
            "all_tools": {"limits": [limit]},
        }
        for number in range(count)
    ]
    tools = {
        TOOL: {},
        "translate": {},
        "delete_agent": {"action": "deny", "reason": "ask the on-call engineer"},
    }
    return {"version": "1", "server": server, "default": "deny", **KEYS, "grants": own, "tools": tools}


def text(policy: dict) -> str:
    """Write a policy as it is sent to proxies."""
    return json.dumps(policy, separators=(",", ":"))


def policy_bytes(count: int) -> int:
    return len(text(grants(count)))


def started(parts: ExitStack, folder: Path, policy: object, **more: object) -> Envoy:
    """Start an Envoy that answers allowed calls itself."""
    folder.mkdir()
    options = Options(
        policy=policy, upstream=1, workers=WORKERS, edit_listener=answers_itself, log_level="error", **more
    )
    envoy = Envoy(options, folder)
    parts.callback(envoy.stop)
    return envoy


def loads(folder: Path, counts: tuple) -> dict:
    """Replace the policy of an Envoy by larger ones with so many grants.

    Returns the size in bytes, the ms of CPU that Envoy spent, and the MB by which it has grown in all, by count.
    """
    with ExitStack() as parts:
        envoy = started(parts, folder / "loads", grants(1), xds="ecds")
        # The first update takes more than the others.
        _push(envoy, 2)
        memory = envoy.rss()
        spent = {count: _push(envoy, count) for count in counts}
        return {n: (policy_bytes(n), ms, (rss - memory) / 1e6) for n, (ms, rss) in spent.items()}


def each_grant(loads: dict) -> dict:
    """Return what one more grant takes, from the loads of two policies that differ enough, but are not huge."""
    few, many = 10, 1_000
    size, ms, grown = ((b - a) / (many - few) for a, b in zip(loads[few], loads[many], strict=True))
    return {"grant_bytes": size, "grant_load_ms": ms * 1_000, "grant_kb": grown * 1_000}


def _push(envoy: Envoy, count: int) -> tuple:
    """Replace the policy; return the ms of CPU that Envoy spent, and its memory afterwards."""
    before = cpu.spent_ns(envoy.pid)
    if not envoy.update(text(grants(count))):
        raise RuntimeError(f"Envoy refused a policy with {count} grants:\n{envoy.log()[-2000:]}")
    return (cpu.spent_ns(envoy.pid) - before) / 1e6, envoy.rss()


def memory(folder: Path, sessions: int) -> dict:
    """Measure the memory of the module, and that of one of so many tallies in the table."""
    limit = {"counter": "calls", "window": "day", "max": 1_000_000, "scope": "session"}
    room = {"capacity": 2 * sessions}
    counted = {"version": "1", "counters": room, "tools": {TOOL: {"limits": [limit]}}}
    with ExitStack() as parts:
        without = started(parts, folder / "without", None)
        envoy = started(parts, folder / "with", counted)
        for proxy in (without, envoy):
            for _ in range(20):
                rpc.post(proxy.url, rpc.tools_call(TOOL))
        module = envoy.rss() - without.rss()
        load.flood(envoy.port, TOOL, ["warm"] * 5_000)
        before = envoy.rss()
        verdicts = load.flood(envoy.port, TOOL, [f"{number:032x}" for number in range(sessions)])
        if set(verdicts) != {"allowed"}:
            raise RuntimeError(f"not all tallies had room: {dict(verdicts)}")
        return {"module_mb": module / 1e6, "tally_bytes": (envoy.rss() - before) / sessions}


def series(folder: Path, count: int) -> dict:
    """Count the time series of the filter with one grant and with so many, of which each has allowed and refused calls."""
    with ExitStack() as parts:
        envoy = started(
            parts, folder / "series", grants(1, "few"), also={"many": grants(count, "many")}, edit=tagged
        )
        (few, _), (many, size) = _series(envoy, "few", "main", 1), _series(envoy, "many", "many", count)
    each = (many - few) / (count - 1)
    return {"series_fixed": few - each, "series_per_grant": each, "series_bytes": size / many}


def _series(envoy: Envoy, server: str, listener: str, count: int) -> tuple:
    """Call once with success and once without for each grant; return the number of series, and their bytes in a scrape."""
    url = f"http://127.0.0.1:{envoy.ports[listener]}/mcp"
    for number in range(count):
        for tool in (TOOL, "delete_agent"):
            rpc.post(url, rpc.tools_call(tool), {"x-team": f"team-{number:05}"})
    lines = [line for line in envoy.get("/stats/prometheus").splitlines() if f'mcp_server="{server}"' in line]
    return len(lines), sum(len(line) + 1 for line in lines)


def tagged(tree: dict) -> None:
    """Give metrics the tags of the example."""
    tree["stats_config"] = EXAMPLE["stats_config"]


def record(folder: Path) -> dict:
    """Measure a line of the access log, in the format of the documents, for an allowed call with two limits."""
    limits = [
        {"counter": name, "window": "minute", "max": 600, "scope": "principal"} for name in ("calls", "runs")
    ]
    policy = grants(1)
    policy["tools"][TOOL] = {"limits": limits}
    del policy["grants"][0]["all_tools"]

    def logging(listener: dict) -> None:
        log = {"path": str(folder / "record" / "records.log"), "log_format": example_format()}
        logger = bootstrap.any_of("extensions.access_loggers.file.v3.FileAccessLog", **log)
        manager_of(listener)["access_log"] = [{"name": "file", "typed_config": logger}]

    with ExitStack() as parts, Loader() as loader:
        (folder / "record").mkdir()
        options = Options(policy=policy, upstream=loader.port, edit_listener=logging, log_level="error")
        envoy = Envoy(options, folder / "record")
        parts.callback(envoy.stop)
        headers = [
            ("x-team", "team-00000"),
            ("mcp-session-id", "0" * 32),
            ("mcp-protocol-version", "2025-11-25"),
        ]
        request = load.post(rpc.tools_call(TOOL, {"text": "short"}), headers)
        loader.add(envoy.port, request, FORWARDED, connections=1).burst(1)
        path = folder / "record" / "records.log"
        line = wait_for(lambda: path.exists() and path.read_text().splitlines(), "the record")[0] + "\n"
        if RECORD in line or '"decision":"allow"' not in line:
            raise RuntimeError(f"no record of an allowed call: {line}")
        return {"record_bytes": len(line.encode())}
