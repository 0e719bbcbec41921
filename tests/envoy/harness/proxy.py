"""A running Envoy, as tests use it."""

import json
import os
import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from . import bootstrap, runs
from .options import Options

# How long Envoy may take to start without getting on: it compiles each listener's policy in every worker, on a
# machine that may be busy.
STALL_SECONDS = 60
UPDATE_SECONDS = 15
# An Envoy that waits for something uses less CPU time than this in a stall.
BUSY_SECONDS = 1
INVENTORY = re.compile(r"\[source/server/server.cc:\d+\](   | statically linked| HTTP header map)")


class Refused(Exception):
    """Envoy ended before it served; the text is its log."""


class Envoy:
    """A real Envoy that serves.

    `url` is the first listener's address with MCP's usual path, `port` its port, `ports` and `urls`
    every listener's by name, `admin` the admin address. Files it reads and writes are in `folder`.
    """

    def __init__(self, options: Options, folder: Path) -> None:
        """Start Envoy and wait until it serves; raise `Refused` if it ends instead."""
        self.options = options
        self.folder = folder
        self._version = 1
        config = bootstrap.write_bootstrap(options, runs.module(), folder)
        arguments = ["--concurrency", str(options.workers), "--log-level", options.log_level]
        self._admin_file = folder / "admin"
        self._run = runs.start(config, [*arguments, "--admin-address-path", str(self._admin_file)])
        try:
            self._wait_until_it_serves()
        except BaseException:
            self.stop()
            raise
        self.ports = self._listener_ports()
        self.urls = {name: f"http://127.0.0.1:{port}/mcp" for name, port in self.ports.items()}
        self.port = self.ports.get("main", 0)
        self.url = self.urls.get("main", "")

    def _wait_until_it_serves(self) -> None:
        since, before = time.monotonic(), self._progress()
        while True:
            try:
                self.admin = f"http://{self._admin_file.read_text()}"
                if self.get("/ready").strip() == "LIVE":
                    return
            except OSError:
                pass  # the file does not exist yet, or nothing listens yet
            if not self._run.running():
                raise Refused(self._run.log())
            if time.monotonic() > since + STALL_SECONDS:
                if (now := self._progress()) == before:
                    raise TimeoutError(f"Envoy gets nowhere in {STALL_SECONDS} s:\n{self.log()[-4000:]}")
                since, before = time.monotonic(), now
            time.sleep(0.02)

    def _progress(self) -> tuple:
        """Measure how far the start is: the lines of the log, and the CPU time."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ()
        ticks = int(fields[11]) + int(fields[12])
        return len(self.log().splitlines()), ticks // os.sysconf("SC_CLK_TCK") // BUSY_SECONDS

    def _listener_ports(self) -> dict:
        statuses = json.loads(self.get("/listeners?format=json")).get("listener_statuses", [])
        addresses = {status["name"]: status["local_address"].get("socket_address") for status in statuses}
        return {name: address["port_value"] for name, address in addresses.items() if address}

    @property
    def pid(self) -> int:
        """The Envoy process's id on this machine."""
        return self._run.pid

    def get(self, path: str) -> str:
        """Query the admin interface."""
        with urllib.request.urlopen(self.admin + path, timeout=10) as answer:
            return answer.read().decode()

    def post(self, path: str) -> str:
        """Send a command to the admin interface, such as `/drain_listeners`."""
        asked = urllib.request.Request(self.admin + path, method="POST")
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.read().decode()

    def stats(self, pattern: str = "") -> dict:
        """Read the counters and gauges whose name matches a regular expression."""
        query = f"&filter={pattern}" if pattern else ""
        stats = json.loads(self.get(f"/stats?format=json{query}"))["stats"]
        return {stat["name"]: stat["value"] for stat in stats if "name" in stat}

    def settle(self) -> None:
        """Wait until no request of the listener `main` is active, and none to a cluster."""
        names = r"^(http\.main\.downstream_rq_active|cluster\.\w+\.upstream_rq_(pending_)?active)$"
        wait_for(lambda: not any(self.stats(names).values()), "all requests to end")

    def log(self) -> str:
        """Read what Envoy has logged so far, including the filter's lines."""
        return self._run.log()

    def log_lines(self) -> list:
        """Read the log without the inventory of extensions and headers at its start."""
        return [line for line in self.log().splitlines() if not INVENTORY.search(line)]

    def access_log(self, count: int = 1) -> list:
        """Read the access log, one dict a request, once `count` requests are in it."""
        path = self.folder / "access.log"
        return wait_for(lambda: _lines(path, count), f"{count} lines in the access log")

    def rss(self) -> int:
        """Read the resident memory in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise LookupError(f"no resident memory for process {self.pid}")

    def update(self, policy: object, listener: str = "main") -> bool:
        """Replace a listener's policy while Envoy runs; return whether Envoy accepted it.

        Returns once every worker serves the new configuration (or it was rejected). With "lds", open
        connections keep the old policy until they are drained; with "ecds" their next request uses the new
        one.
        """
        if listener == "main":
            self.options.policy = policy
        else:
            self.options.also[listener] = policy
        self._version += 1
        return self.pushed(
            lambda: bootstrap.write_dynamic(self.options, runs.module(), self.folder, self._version)
        )

    def pushed(self, write: Callable[[], None]) -> bool:
        """Call `write`, which replaces a file that Envoy watches; return whether Envoy accepted its content."""
        before = self._update_counts()
        write()
        return wait_for(lambda: self._updated(before), "the update to be taken or rejected")[0]

    def _update_counts(self) -> tuple:
        """Count the updates accepted and rejected so far.

        ECDS's own `config_reload` is not used, because it counts rejected updates too.
        """
        stats = self.stats(r"(lds|http_filter.*|rds.*)\.update_(success|rejected)$")
        ends = ("update_success", "update_rejected")
        return tuple(sum(value for name, value in stats.items() if name.endswith(end)) for end in ends)

    def _updated(self, before: tuple) -> tuple:
        taken, rejected = self._update_counts()
        if rejected > before[1]:
            return (False,)
        if taken == before[0] or any(self.stats(r"total_listeners_warming").values()):
            return ()
        return (True,)

    def running(self) -> bool:
        return self._run.running()

    def stop(self) -> None:
        self._run.stop()


def wait_for(what, words: str, seconds: float = UPDATE_SECONDS):
    """Poll until the answer is truthy; raise TimeoutError with `words`."""
    until = time.monotonic() + seconds
    while not (answer := what()):
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s for {words}")
        time.sleep(0.02)
    return answer


def _lines(path: Path, count: int) -> list:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines] if len(lines) >= count else []
