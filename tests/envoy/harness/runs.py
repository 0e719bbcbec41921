"""Envoy as a process: a container of the Compose file if a Docker engine answers, otherwise native.

Both read the same configuration from the same folder and listen on this machine's loopback, so tests cannot
tell them apart. ENVOY_RUN=native or ENVOY_RUN=compose selects one. ENVOY_VERSION selects a native Envoy of another
version.
"""

import functools
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import image
import places

COMPOSE_FILE = places.ROOT / "envoy" / "docker-compose.yaml"
MODULE_INSIDE = Path("/etc/mcp-policy/mcp_policy_filter.wasm")

ARGUMENTS = [
    # Many run at once and none replaces another. Without hot restart they share nothing, and a killed one
    # leaves nothing in /dev/shm.
    "--disable-hot-restart",
    # By default, access logs are buffered for 10 s and connections of a replaced listener live for 10
    # minutes. Tests should not wait for either.
    *("--file-flush-interval-msec", "20"),
    *("--drain-time-s", "2", "--drain-strategy", "immediate"),
]


@functools.cache
def mode() -> str:
    """Choose how Envoy runs here: `compose` or `native`."""
    forced = os.environ.get("ENVOY_RUN", "")
    if forced not in ("", "native", "compose"):
        raise ValueError(f"ENVOY_RUN: unknown way to run Envoy `{forced}`; there are native and compose")
    if places.ENVOY_VERSION:
        if forced == "compose":
            raise ValueError(
                "ENVOY_VERSION selects a native Envoy; ENVOY_IMAGE selects the image of a container"
            )
        return "native"
    return forced or ("compose" if image.engine_answers() and _compose_command() else "native")


def _compose_command() -> list:
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True).returncode == 0:
        return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else []


@functools.cache
def compose() -> list:
    """Find the Compose command: the plugin or the older program."""
    if not (found := _compose_command()):
        raise RuntimeError("there is neither `docker compose` nor `docker-compose`; ENVOY_RUN=native")
    return found


def start(config: Path, arguments: list):
    """Start Envoy with a configuration; it may write to the configuration's folder."""
    return (Compose if mode() == "compose" else Native)(config, [*ARGUMENTS, *arguments])


def module() -> Path:
    """Return the module's path for Envoy, which differs inside a container."""
    return MODULE_INSIDE if mode() == "compose" else places.MODULE


def foreground(config: Path, arguments: list) -> tuple:
    """Return the command and the environment of an Envoy in the foreground."""
    if mode() == "native":
        return [str(places.envoy_binary()), "-c", str(config), *arguments], dict(os.environ)
    return [*compose(), "--file", str(COMPOSE_FILE), "up"], _environment(config, arguments)


def _environment(config: Path, arguments: list) -> dict:
    """Return the Compose file's variables; the folder has the same path inside and outside."""
    return {
        **os.environ,
        "ENVOY_IMAGE": image.NAME,
        "ENVOY_USER": f"{os.getuid()}:{os.getgid()}",
        "ENVOY_CONFIG": str(config),
        "ENVOY_ARGS": " ".join(arguments),
        "ENVOY_FOLDER": str(config.parent),
        "ENVOY_FOLDER_INSIDE": str(config.parent),
        "ENVOY_FOLDER_MODE": "rw",
        "ENVOY_MODULE": str(places.MODULE if places.MODULE.exists() else "/dev/null"),
    }


class Native:
    """Envoy as a child process. `pid` is its own."""

    def __init__(self, config: Path, arguments: list) -> None:
        self._log = config.parent / "envoy.log"
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [places.envoy_binary(), "-c", config, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """End the process at once; tests do not wait for connections to drain."""
        if self.running():
            self._process.kill()
        self._process.wait()


class Compose:
    """Envoy as the Compose file's container, in its own project. `pid` is the machine's."""

    def __init__(self, config: Path, arguments: list) -> None:
        self._project = f"mcp-policy-{uuid.uuid4().hex[:12]}"
        self._environment = _environment(config, arguments)
        self._compose("up", "--detach")
        self._container = self._compose("ps", "--quiet").strip()
        self._ended = False
        self.pid = int(self._inspect("{{.State.Pid}}"))

    def _compose(self, *words: str) -> str:
        command = [*compose(), "--project-name", self._project, "--file", str(COMPOSE_FILE), *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
        return done.stdout

    def _inspect(self, form: str) -> str:
        command = ["docker", "inspect", "--format", form, self._container]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def running(self) -> bool:
        return not self._ended and self._inspect("{{.State.Running}}") == "true"

    def log(self) -> str:
        if self._ended:
            return self._last_log
        command = ["docker", "logs", self._container]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.decode(errors="replace")

    def stop(self) -> None:
        if self._ended:
            return
        self._last_log = self.log()
        self._ended = True
        # `down` would take a second longer and remove nothing more, because there is no network to remove.
        subprocess.run(["docker", "rm", "--force", self._container], capture_output=True)
