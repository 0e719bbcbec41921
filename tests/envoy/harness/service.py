"""The approval service itself, as a process on a free port.

with Service(folder) as service:
    service.link, service.token             # what it prints the first time
    answer = service.ask(arguments={"x": 1})
    service.decide(answer["id"], "approve", token=service.shell("anna"))
    service.kill()
    service.start()                         # on the same port, with the same record

`Service(folder, database=postgres.database("x"))` keeps the record elsewhere; `config` is the text of a
configuration file. Beside it: what a test asks as Envoy does, and an Envoy that asks it.
"""

import json
import os
import re
import secrets
import signal
import subprocess
from functools import partial
from pathlib import Path

import httpx

import places

from . import approvals
from .proxy import wait_for

START_SECONDS = 30.0
STOP_SECONDS = 20.0

# How everything is sent that has no connection of its own: without reading the system's authorities.
PLAIN = {"verify": False, "timeout": 60}

# Who may do everything, for services whose tests ask nobody to sign in.
ROLES = '[[roles]]\nwho = ["anna", "bert"]\nmay = "approve"\n'


class Service:
    """A running service: `port`, `url`, and in `folder` all that it reads and writes."""

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
        """Start it, on the port that it had before, and wait until it serves."""
        self._runs += 1
        output, errors = self.folder / f"service-{self._runs}.out", self.folder / f"service-{self._runs}.log"
        words = ["serve", "--listen", f"127.0.0.1:{self.port}", *self._place(), *self._arguments]
        with open(output, "wb") as out, open(errors, "wb") as err:
            self.process = subprocess.Popen(
                [places.APPROVALS, *map(str, words)], stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        try:
            said = wait_for(lambda: self._said(output), "the service to serve", START_SECONDS)
        except BaseException:
            self.kill()
            raise
        self.port = int(re.search(r"^port=(\d+)$", said, re.M)[1])
        if link := re.search(r"^ +(https?://\S+/invitations/\S+)$", said, re.M):
            self.link = link[1]
        if token := re.search(r"token, which is shown this once:\n +(\S+)$", said, re.M):
            self.token = token[1]

    def _said(self, output: Path) -> str:
        said = output.read_text()
        if "port=" not in said and self.process.poll() is not None:
            raise RuntimeError(f"the service ended with {self.process.returncode}:\n{self.log()}")
        return said if re.search(r"^port=\d+$", said, re.M) else ""

    def _place(self) -> list:
        return ["--database", self.database]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """Read what the last run has written to its log."""
        return (self.folder / f"service-{self._runs}.log").read_text(errors="replace")

    def kill(self) -> None:
        """End the process as a machine does that loses its power."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Tell the process to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def restart(self) -> None:
        self.stop()
        self.start()

    # Its command line.

    def run(self, *words: str, token: str = "", check: bool = True) -> subprocess.CompletedProcess:
        """Run another command of the program, as somebody with a token where one is given."""
        told = {"MCP_APPROVALS_URL": self.url, "MCP_APPROVALS_TOKEN": token}
        environment = {**os.environ, **(told if token else {})}
        done = subprocess.run(
            [places.APPROVALS, *words], env=environment, capture_output=True, text=True, timeout=60
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(words[:1])} ended with {done.returncode}:\n{done.stderr}")
        return done

    def command(self, *words: str) -> str:
        """Run a command on the record, such as `caller`, `token` or `invite`; return what it prints."""
        return self.run(*words, *map(str, [*self._place(), *self._arguments])).stdout.strip()

    def shell(self, name: str) -> str:
        """Make a token with which somebody decides from the shell."""
        return self.command("token", name)

    def invite(self, name: str, *words: str) -> str:
        """Make a link for somebody's account."""
        link = self.command("invite", name, *words)
        return self.url + "/invitations/" + link.rpartition("/")[2]

    def events(self) -> list[dict]:
        """Export the record."""
        return [json.loads(line) for line in self.command("export").splitlines()]

    # What Envoy and people say to it.

    def post(self, asked: dict, client: httpx.Client | None = None, **options) -> httpx.Response:
        """Post a question as Envoy does; `token` is another caller's."""
        headers = {"authorization": f"Bearer {options.pop('token', self.token)}"}
        send = client.post if client else partial(httpx.post, **PLAIN)
        return send(self.url + approvals.PATH, json=asked, headers=headers, **options)

    def ask(self, client: httpx.Client | None = None, token: str | None = None, **changed: object) -> dict:
        """Ask about a call; return what the service answers."""
        answer = self.post(question(**changed), client, **({"token": token} if token else {}))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def decide(
        self, id: str, verb: str, token: str, reason: str | None = None, client: httpx.Client | None = None
    ) -> dict:
        """Decide as a program does; `verb` is approve or deny."""
        answer = self.decided(id, verb, token, reason, client)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def decided(
        self, id: str, verb: str, token: str, reason: str | None = None, client: httpx.Client | None = None
    ) -> httpx.Response:
        """Try to decide as a program does."""
        send = client.post if client else partial(httpx.post, **PLAIN)
        headers = {"authorization": f"Bearer {token}"}
        return send(f"{self.url}/v1/approvals/{id}/{verb}", json={"reason": reason}, headers=headers)

    def show(self, id: str, token: str) -> dict:
        """Read an approval as a program does."""
        headers = {"authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.url}/v1/approvals/{id}", headers=headers, **PLAIN)
        assert answer.status_code == 200, answer.text
        return answer.json()


PASSWORD = "correct horse battery staple"


def sign_up(link: str, name: str = "") -> httpx.Client:
    """Take up an invitation without a browser; return a client that is signed in."""
    origin = link.partition("/invitations/")[0]
    client = httpx.Client(base_url=origin, **PLAIN)
    form = {"name": name, "password": PASSWORD, "again": PASSWORD}
    answer = client.post(link, data=form, headers={"origin": origin})
    assert answer.status_code == 303, answer.text
    return client


def question(**changed: object) -> dict:
    """Write a question as the filter does; what is None is left out."""
    asked = {
        "server": "shop",
        "grant": "default",
        "principal": "agent-7",
        "tool": "buy",
        "arguments": {},
        "rule": "tools.buy",
        "reason": approvals.REASON,
        "policy": "0123456789abcdef",
        "expires_seconds": 900,
        "wait_seconds": 0,
        "decision_id": secrets.token_hex(8),
        "request_id": secrets.token_hex(8),
        **changed,
    }
    parts = {"principal": None, **asked}
    asked.setdefault("fingerprint", approvals.fingerprint(parts))
    return {name: value for name, value in asked.items() if value is not None}


def showing(token: str):
    """Have an Envoy show a token to its cluster `approvals`, the way envoy/approvals.yaml does."""

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
