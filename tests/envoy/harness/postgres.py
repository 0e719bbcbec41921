"""Run PostgreSQL as a process that listens on a socket in its own folder.

with Postgres() as postgres:
    url = postgres.database("approvals")
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import places

from .proxy import wait_for

START_SECONDS = 60.0


def programs() -> Path | None:
    """Find an installation: the package's, or Debian's newest."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: path.name.zfill(3))
    for place in (places.postgres(), *reversed(installed)):
        if (place / "bin" / "postgres").exists():
            return place
    return None


class Postgres:
    """A server that only local processes can reach. It is deleted afterwards.

    PostgreSQL refuses to run as root. As root, the tests run it as `nobody`, from a copy in its folder, since
    `nobody` may not be allowed to read the checkout.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="approvals-pg-"))
        place, self._as = programs(), {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            if place == places.postgres():
                place = self._copied(place)
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._programs = place / "bin"
        self._process = None
        try:
            self._begin()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> "Postgres":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def _copied(self, place: Path) -> Path:
        """Copy the package's programs, and the libraries that they expect beside the package."""
        libraries = place.parent.with_name(place.parent.name + ".libs")
        shutil.copytree(libraries, self.folder / libraries.name)
        return Path(shutil.copytree(place, self.folder / place.parent.name / place.name))

    def _begin(self) -> None:
        words = ["--username", "approvals", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
        self._run("initdb", "--pgdata", self.folder / "data", *words, "--no-sync")
        self.start()

    def start(self) -> None:
        """Start it with its existing data, and wait until it is ready."""
        data = self.folder / "data"
        quiet = ["listen_addresses=", f"unix_socket_directories={self.folder}", "max_connections=200"]
        settings = [word for setting in quiet for word in ("-c", setting)]
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", data, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._as,
            )
        wait_for(self._serves, "PostgreSQL to be ready", START_SECONDS)

    def _run(self, program: str, *words: object) -> str:
        done = subprocess.run(
            [self._programs / program, *map(str, words)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            **self._as,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    @property
    def pids(self) -> set:
        """Find the server's processes: the first, and one for each connection and each task."""
        first = self._process.pid
        return {first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())}

    def _serves(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{(self.folder / 'log').read_text(errors='replace')}")
        words = ["--host", str(self.folder), "--username", "approvals", "--quiet"]
        return subprocess.run([self._programs / "pg_isready", *words], capture_output=True).returncode == 0

    def database(self, name: str) -> str:
        """Create an empty database; return its URL."""
        self._run("createdb", "--host", self.folder, "--username", "approvals", name)
        # The `host` parameter, the folder of the socket, overrides the host before the path.
        return f"postgres://approvals@localhost/{name}?host={self.folder}"

    def size(self, name: str) -> int:
        """Measure a database in bytes, without its log."""
        asked = ["--tuples-only", "--command", f"SELECT pg_database_size('{name}')"]
        return int(self._run("psql", "--host", self.folder, "--username", "approvals", *asked, name))

    def end(self) -> None:
        """Stop it at once and close all connections; its data stays."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def stop(self) -> None:
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)
