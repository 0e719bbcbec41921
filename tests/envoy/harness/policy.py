"""A policy in each form that Envoy's configuration can contain."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

TYPE = "type.googleapis.com/google.protobuf."

# How the filter begins each line about a fault.
REFUSED = "the policy is refused: "


@dataclass
class Struct:
    """A policy to be written as plain YAML in Envoy's configuration."""

    document: dict


def read(path: Path) -> str:
    """Read a policy file, to be passed to Envoy unchanged."""
    return path.read_text()


def rules_of(document: dict, tool: str) -> list:
    """Return the rules of a tool's entry, which is a rule, the name of one, or a list of these."""
    entry = document["tools"][tool]
    rules = entry if isinstance(entry, list) else [entry]
    return [document["rules"][rule] if isinstance(rule, str) else rule for rule in rules]


def denied(document: dict) -> set:
    """Return the tools that a rule denies whatever is called."""
    rules = {tool: rules_of(document, tool) for tool in document["tools"]}
    return {tool for tool, own in rules.items() if any(rule.get("action") == "deny" for rule in own)}


def configuration(policy: object) -> dict:
    """Wrap a policy as Envoy's `Any`.

    A dict or a str becomes a StringValue (a str unchanged, so it may be malformed), bytes become a
    BytesValue, and a `Struct` stays a Struct.
    """
    if isinstance(policy, Struct):
        return {"@type": TYPE + "Struct", "value": policy.document}
    if isinstance(policy, bytes):
        return {"@type": TYPE + "BytesValue", "value": base64.b64encode(policy).decode()}
    if isinstance(policy, dict):
        policy = json.dumps(policy, ensure_ascii=False)
    if isinstance(policy, str):
        return {"@type": TYPE + "StringValue", "value": policy}
    raise TypeError(f"no form for a policy of type {type(policy).__name__}")


def faults(log: str) -> list:
    """Collect the faults in the filter's own log lines; Envoy starts each with `wasm log`."""
    lines = [line for line in log.splitlines() if REFUSED in line and "wasm log" in line]
    return [line.split(REFUSED, 1)[1] for line in lines]
