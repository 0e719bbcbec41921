"""A Prometheus, as tests use it."""

import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml

import places

from .proxy import wait_for

needs_prometheus = pytest.mark.skipif(
    not (places.prometheus() and places.prometheus("promtool")),
    reason="there is no Prometheus: neither of `make parts` nor on the PATH",
)


def promtool(*arguments: object) -> None:
    """Run Prometheus' own checker; fail with what it says."""
    command = [places.prometheus("promtool"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """A real Prometheus that scrapes Envoys, and evaluates `rules` if there are some."""

    def __init__(self, proxies: list, folder: Path, rules: Path | None = None) -> None:
        target = {"targets": [proxy.admin.removeprefix("http://") for proxy in proxies]}
        job = {"job_name": "envoy", "metrics_path": "/stats/prometheus", "static_configs": [target]}
        often = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
        files = {"rule_files": [str(rules)]} if rules else {}
        config = folder / "prometheus.yml"
        config.write_text(yaml.dump({"global": often, **files, "scrape_configs": [job]}))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        files = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        command = [places.prometheus(), *files, f"--web.listen-address={self._address}"]
        with open(folder / "prometheus.log", "wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, query: str) -> list:
        """Run a query; return nothing while Prometheus starts."""
        url = f"http://{self._address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            assert error.code == 503, f"{query}: {error.read().decode()}"
        except OSError:
            pass
        return []

    def wait(self, query: str) -> None:
        wait_for(lambda: self.ask(query), f"an answer to {query}", 60)
