"""A policy in each of the forms in which Envoy's configuration can carry it."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

TYPE = "type.googleapis.com/google.protobuf."


@dataclass
class Struct:
    """Asks for a policy to be written as plain YAML in Envoy's configuration."""

    document: dict


def read(path: Path) -> str:
    """Read a policy file, to be given to Envoy as it is."""
    return path.read_text()


def configuration(policy: object) -> dict:
    """Wrap a policy as Envoy's `Any`.

    A dict or a str goes as StringValue (a str unchanged, so that it may be malformed), bytes go
    as BytesValue, and a `Struct` as itself.
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
