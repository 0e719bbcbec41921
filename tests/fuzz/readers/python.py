"""Reads JSON texts as Python does, one in hexadecimal on each line, and writes what they mean as `normal.rs` does."""

import json
import struct
import sys


def normal(value) -> str:
    match value:
        case None:
            return "n"
        case bool():
            return "t" if value else "f"
        case int() | float():
            return "#" + struct.pack(">d", float(value) or 0.0).hex()
        case str():
            return f'"{value.encode().hex()}"'
        case list():
            return f"[{','.join(map(normal, value))}]"
        case _:
            members = sorted(f"{normal(key)}:{normal(member)}" for key, member in value.items())
            return f"{{{','.join(members)}}}"


for line in sys.stdin:
    try:
        print(normal(json.loads(bytes.fromhex(line))), flush=True)
    except ValueError as error:
        print(f"refused: {error}".replace("\n", " "), flush=True)
