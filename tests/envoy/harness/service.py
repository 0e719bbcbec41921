"""Run the approval service as a process on a free port.

with Service(folder) as service:
    service.link, service.token             # printed on the first start
    answer = service.ask(arguments={"x": 1})
    service.decide(answer["id"], "approve", token=service.shell("anna"))
    service.kill()
    service.start()                         # on the same port, with the same database

`Service(folder, database=postgres.database("x"))` uses another database; `config` is the text of a
configuration file. Also: a question as Envoy asks it, and
an edit that makes an Envoy send its token.
"""

import json
import os
import re
import secrets
import signal
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import places

from . import approvals
from .proxy import wait_for

START_SECONDS = 30.0
STOP_SECONDS = 20.0

# Options of single requests. They do not load the system's certificate authorities, which is slow.
PLAIN = {"verify": False, "timeout": 60}

# A role for people who may approve everything without an account.
ROLES = '[[roles]]\nwho = ["anna", "bert"]\nmay = "approve"\n'


class Service:
    """A running service: `port`, `url`, and `folder` with all of its files."""

    def __init__(self, folder: Path, database: str = "", config: str = "", arguments: list = ()) -> None:
        self.folder = folder
        self.database = database or f"sqlite:{folder / 'approvals.db'}"
        self.port, self.token, self.link = 0, "", ""
        self._arguments = list(arguments)
        if config:
            (folder / "service.toml").write_text(config)
            self._arguments += ["--config", folder / "service.toml"]
        self._runs = 0
        self.start()

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_) -> None:
        self.kill()

    # The process.

    def start(self) -> None:
        """Start it on the port that it had before, and wait until it is ready."""
        self._runs += 1
        words = ["serve", "--listen", f"127.0.0.1:{self.port}", *self._database_options(), *self._arguments]
        # Only a terminal gets the first link and the first token.
        reader, terminal = os.openpty()
        os.set_blocking(reader, False)
        with open(self.folder / f"service-{self._runs}.log", "wb") as err:
            self.process = subprocess.Popen(
                [places.APPROVALS, *map(str, words)], stdin=subprocess.DEVNULL, stdout=terminal, stderr=err
            )
        os.close(terminal)
        output = bytearray()
        try:
            printed = wait_for(lambda: self._ready(reader, output), "the service to be ready", START_SECONDS)
        except BaseException:
            self.kill()
            raise
        finally:
            os.close(reader)
        self.port = int(re.search(r"^port=(\d+)$", printed, re.M)[1])
        if link := re.search(r"^ +(https?://\S+/invitations/\S+)$", printed, re.M):
            self.link = link[1]
        if token := re.search(r"token, which is shown only once:\n +(\S+)$", printed, re.M):
            self.token = token[1]

    def _ready(self, reader: int, output: bytearray) -> str:
        """Read on; return everything that it has printed if it serves."""
        # An error means that it has printed nothing more, or that it has ended.
        with suppress(OSError):
            output += os.read(reader, 65536)
        printed = output.decode().replace("\r\n", "\n")
        if "port=" not in printed and self.process.poll() is not None:
            raise RuntimeError(f"the service ended with {self.process.returncode}:\n{self.log()}")
        return printed if re.search(r"^port=\d+$", printed, re.M) else ""

    def _database_options(self) -> list:
        return ["--database", self.database]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """Read the log of the last run."""
        return (self.folder / f"service-{self._runs}.log").read_text(errors="replace")

    def kill(self) -> None:
        """Kill the process, as a power failure would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Stop the process with SIGTERM; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def restart(self) -> None:
        self.stop()
        self.start()

    # Its command line.

    def run(self, *words: str, token: str = "", check: bool = True) -> subprocess.CompletedProcess:
        """Run another command of the program, with a shell token if one is given."""
        variables = {"MCP_APPROVALS_URL": self.url, "MCP_APPROVALS_TOKEN": token}
        environment = {**os.environ, **(variables if token else {})}
        done = subprocess.run(
            [places.APPROVALS, *words], env=environment, capture_output=True, text=True, timeout=60
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(words[:1])} ended with {done.returncode}:\n{done.stderr}")
        return done

    def command(self, *words: str) -> str:
        """Run a command on the database, such as `caller`, `token` or `invite`; return its output."""
        return self.run(*words, *map(str, [*self._database_options(), *self._arguments])).stdout.strip()

    def shell(self, name: str) -> str:
        """Create a shell token for a person."""
        return self.command("token", name)

    def invite(self, name: str, *words: str) -> str:
        """Create an invitation; return its link."""
        link = self.command("invite", name, *words)
        return self.url + "/invitations/" + link.rpartition("/")[2]

    def events(self) -> list[dict]:
        """Export all events."""
        return [json.loads(line) for line in self.command("export").splitlines()]

    def metrics(self) -> dict:
        """Read the metrics as Prometheus does; return the samples by name and labels."""
        answer = httpx.get(self.url + "/metrics", **PLAIN)
        assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        families = list(text_string_to_metric_families(answer.text))
        assert all(family.documentation for family in families)
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def counted(self, name: str, **labels: str) -> float:
        """Read one sample; 0 if there is none."""
        return self.metrics().get((name, *sorted(labels.items())), 0)

    # Requests of Envoy and of people.

    def post(self, asked: dict, client: httpx.Client | None = None, **options) -> httpx.Response:
        """Post a question as Envoy does; `token` replaces Envoy's token."""
        headers = {"authorization": f"Bearer {options.pop('token', self.token)}"}
        send = client.post if client else partial(httpx.post, **PLAIN)
        return send(self.url + approvals.PATH, json=asked, headers=headers, **options)

    def ask(self, client: httpx.Client | None = None, token: str | None = None, **changed: object) -> dict:
        """Ask about a call; return the answer."""
        answer = self.post(question(**changed), client, **({"token": token} if token else {}))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def decide(
        self, id: str, verb: str, token: str, reason: str | None = None, client: httpx.Client | None = None
    ) -> dict:
        """Decide through the API; `verb` is approve or deny."""
        answer = self.decided(id, verb, token, reason, client)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def decided(
        self, id: str, verb: str, token: str, reason: str | None = None, client: httpx.Client | None = None
    ) -> httpx.Response:
        """Try to decide through the API; return the response."""
        send = client.post if client else partial(httpx.post, **PLAIN)
        headers = {"authorization": f"Bearer {token}"}
        return send(f"{self.url}/v1/approvals/{id}/{verb}", json={"reason": reason}, headers=headers)

    def show(self, id: str, token: str) -> dict:
        """Read an approval through the API."""
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.url}/v1/approvals/{id}", headers=headers, **PLAIN)
        assert answer.status_code == 200, answer.text
        return answer.json()


PASSWORD = "correct horse battery staple"


def sign_up(link: str, name: str = "") -> httpx.Client:
    """Accept an invitation without a browser; return a client that is signed in."""
    origin = link.partition("/invitations/")[0]
    client = httpx.Client(base_url=origin, **PLAIN)
    form = {"name": name, "password": PASSWORD, "again": PASSWORD}
    answer = client.post(link, data=form, headers={"origin": origin})
    assert answer.status_code == 303, answer.text
    return client


def form_token(person: httpx.Client, path: str) -> str:
    """Read from a page the token that its forms send against forgery."""
    return re.search(r'name="token" value="([^"]+)"', person.get(path).text)[1]


def question(**changed: object) -> dict:
    """Build a question as the filter does; members that are None are left out."""
    asked = {
        "server": "shop",
        "grant": "default",
        "principal": "agent-7",
        "tool": "buy",
        "arguments": {},
        "params": {},
        "host": "mcp.example",
        "path": "/mcp",
        "rules": "0123456789abcdef" * 4,
        "rule": "tools.buy",
        "reason": approvals.REASON,
        "policy": "0123456789abcdef",
        "expires_seconds": 900,
        "wait_seconds": 0,
        "decision_id": secrets.token_hex(8),
        "request_id": secrets.token_hex(8),
        **changed,
    }
    asked.setdefault("fingerprint", approvals.fingerprint(asked))
    return {name: value for name, value in asked.items() if value is not None}


def showing(token: str):
    """Edit a bootstrap so that Envoy sends a token to the service, as envoy/approvals.yaml does."""

    def edit(tree: dict) -> None:
        filters = "type.googleapis.com/envoy.extensions.filters.http."
        credential = {
            "name": "envoy.http.injected_credentials.generic",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic",
                "credential": {"name": "approvals_token"},
                "header_value_prefix": "Bearer ",
            },
        }
        injector = {
            "@type": filters + "credential_injector.v3.CredentialInjector",
            "overwrite": True,
            "credential": credential,
        }
        codec = {"@type": filters + "upstream_codec.v3.UpstreamCodec"}
        key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        options = {
            "@type": "type.googleapis.com/" + key,
            "explicit_http_config": {"http_protocol_options": {}},
            "http_filters": [
                {"name": "envoy.filters.http.credential_injector", "typed_config": injector},
                {"name": "envoy.filters.http.upstream_codec", "typed_config": codec},
            ],
        }
        static = tree["static_resources"]
        [cluster] = [one for one in static["clusters"] if one["name"] == "approvals"]
        cluster["typed_extension_protocol_options"] = {key: options}
        secret = {"name": "approvals_token", "generic_secret": {"secret": {"inline_string": token}}}
        static.setdefault("secrets", []).append(secret)

    return edit
