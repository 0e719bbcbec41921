"""Writes and reads audit records in Envoy's access log, and the requests that cause them."""

import hashlib
import json
import re
from pathlib import Path

import yaml

import places
from harness import bootstrap, http1, rpc
from harness.proxy import wait_for

EXAMPLE = yaml.safe_load((places.ROOT / "envoy" / "envoy.yaml").read_text())
RECORD = "%FILTER_STATE(wasm.mcp_policy_audit:PLAIN)%"
SHADOW_RECORD = "%FILTER_STATE(wasm.mcp_policy_shadow:PLAIN)%"
JSON = [("content-type", "application/json")]

# The maximum size of a record in bytes, without names from the policy and, with "full", arguments.
BOUND = 20 * 1024
WORKERS = 4

# Characters that end a line, control a terminal, change the direction of text or have no width.
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def manager_of(listener: dict) -> dict:
    """Find the HTTP connection manager of a listener, as the harness and the example write it."""
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def example_format(example: dict = EXAMPLE) -> dict:
    """Read the format of an example's access log."""
    (logger,) = manager_of(example["static_resources"]["listeners"][0])["access_log"]
    return logger["typed_config"]["log_format"]


def logging(form: str | dict = RECORD + "\n"):
    """Let a listener also write text, into `records.log` beside the access log."""
    if isinstance(form, str):
        form = {"text_format_source": {"inline_string": form}}

    def edit(listener: dict) -> None:
        loggers = manager_of(listener)["access_log"]
        path = Path(loggers[0]["typed_config"]["path"]).with_name("records.log")
        log = {"path": str(path), "log_format": form}
        typed = bootstrap.any_of("extensions.access_loggers.file.v3.FileAccessLog", **log)
        loggers.append({"name": "text", "typed_config": typed})

    return edit


def lines(proxy, count: int, seconds: float = 15, name: str = "records.log") -> list:
    """Read a log once it has this many lines; only a line feed ends a line."""
    path = proxy.folder / name
    wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") >= count, f"{count} records", seconds)
    # Envoy's own fields contain header values as they are.
    text = path.read_bytes().decode(errors="replace")
    assert text.endswith("\n")
    return text.split("\n")[:-1]


def objects(proxy, count: int) -> list:
    """Read the access log in JSON, in which the record is a string."""
    return [json.loads(line) for line in lines(proxy, count, name="access.log")]


def read(line: str) -> dict:
    """Read one record; assert that it is one line for every program and has no duplicate key."""
    assert line.splitlines() == [line] and not UNSEEN.search(line), line

    def once(pairs: list) -> dict:
        assert len(dict(pairs)) == len(pairs), line
        return dict(pairs)

    return json.loads(line, object_pairs_hook=once)


def record_of(proxy, path: str) -> dict:
    """Read the record of the request with this path, once it is in the access log."""
    lines = wait_for(
        lambda: [line for line in proxy.access_log() if line["path"] == path], f"{path} in the access log"
    )
    return json.loads(lines[0]["audit"])


def tagging(tree: dict) -> None:
    """Edit a bootstrap so that Envoy extracts labels from the names of metrics, as the example does."""
    tree["stats_config"] = EXAMPLE["stats_config"]


def told_id(answer: http1.Answer) -> str | None:
    """Read the id of the verdict from an answer in any form."""
    found = re.search(rb'"id":"([0-9a-f]{32})","code"', answer.body)
    return found[1].decode() if found else None


def post(message: object, headers: list = JSON, method: str = "POST", path: str = "/mcp") -> list:
    body = rpc.encode(message)
    return [http1.head(method, path, headers, length=len(body)), body]


def call(tool: str, headers: list = (), **arguments: object) -> list:
    return post(rpc.tools_call(tool, arguments), [*JSON, *headers])


def bare(method: str, *headers: tuple, path: str = "/mcp") -> list:
    return [http1.head(method, path, headers)]


def sha256(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def answering_itself(listener: dict) -> None:
    """Distribute connections evenly over the workers, and let Envoy answer allowed calls itself."""
    logging()(listener)
    del manager_of(listener)["access_log"][0]
    listener["connection_balance_config"] = {"exact_balance": {}}
    (route,) = manager_of(listener)["route_config"]["virtual_hosts"][0]["routes"]
    del route["route"]
    route["direct_response"] = {"status": 200}
