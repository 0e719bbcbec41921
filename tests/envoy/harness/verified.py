"""What other filters have verified: claims of tokens and filter state that a test chooses for each request.

Headers of the request carry both. Filters before this one store the claims as `jwt_authn` stores those of a
token, and the filter state as a waypoint stores the name of its peer.
"""

import base64
import json
import struct

from .bootstrap import any_of

METADATA = "envoy.filters.http.jwt_authn"
TOKEN = "x-case-token-"
STATE = "x-case-state-"


def headers(tokens: dict, state: dict) -> list:
    """Write the headers for verified tokens by payload, and for filter state by key."""
    claims = [(TOKEN + name, base64.b64encode(value(token)).decode()) for name, token in tokens.items()]
    return claims + [(STATE + key, text) for key, text in state.items()]


def filters(document: dict) -> list:
    """Build the filters that store what the sources of a policy read."""
    sources = document.get("identity", [])
    payloads = [source["jwt"]["payload"] for source in sources if "jwt" in source]
    keys = [source["attribute"][1] for source in sources if "attribute" in source]
    found = []
    if payloads:
        rules = [{"header": TOKEN + name, "on_header_present": stored(name)} for name in payloads]
        kind = "extensions.filters.http.header_to_metadata.v3.Config"
        config = any_of(kind, request_rules=rules)
        found.append({"name": "envoy.filters.http.header_to_metadata", "typed_config": config})
    if keys:
        kind = "extensions.filters.http.set_filter_state.v3.Config"
        config = any_of(kind, on_request_headers=[from_header(key) for key in keys])
        found.append({"name": "envoy.filters.http.set_filter_state", "typed_config": config})
    return found


def stored(payload: str) -> dict:
    return {
        "metadata_namespace": METADATA,
        "key": payload,
        "type": "PROTOBUF_VALUE",
        "encode": "BASE64",
    }


def from_header(key: str) -> dict:
    text = {"text_format_source": {"inline_string": f"%REQ({STATE}{key})%"}, "omit_empty_values": True}
    return {
        "object_key": key,
        "factory_key": "envoy.string",
        "format_string": text,
        "skip_if_empty": True,
    }


def value(json_value: object) -> bytes:
    """Encode a `google.protobuf.Value`."""
    match json_value:
        case None:
            return b"\x08\x00"
        case bool():
            return b"\x20" + bytes([json_value])
        case int() | float():
            return b"\x11" + struct.pack("<d", json_value)
        case str():
            return delimited(3, json_value.encode())
        case list():
            return delimited(6, b"".join(delimited(1, value(element)) for element in json_value))
        case dict():
            return delimited(5, b"".join(delimited(1, entry(*member)) for member in json_value.items()))
    raise TypeError(json.dumps(json_value))


def entry(key: str, member: object) -> bytes:
    return delimited(1, key.encode()) + delimited(2, value(member))


def delimited(field: int, content: bytes) -> bytes:
    """Encode a field of bytes: its tag, its length, and its content."""
    return bytes([field << 3 | 2]) + varint(len(content)) + content


def varint(number: int) -> bytes:
    groups = []
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])
