"""The module that was built, rewritten so that it fails on demand; no other build is needed.

`trapping` traps at marked requests, `with_memory` limits the memory of its VM. The binary format is that of
https://webassembly.github.io/spec/core/binary/modules.html.
"""

from collections.abc import Callable
from pathlib import Path

import places

from . import load, rpc
from .records import manager_of

BEFORE, AFTER = 40_001, 40_002
PAGE = 65_536

_BODY = b"proxy_on_request_body"
_IMPORTS, _FUNCTIONS, _MEMORY, _EXPORTS, _CODE = 2, 3, 5, 7, 10


def marked(tool: str, size: int) -> bytes:
    """Write a call whose body has exactly this many bytes, with its head."""
    message = rpc.tools_call(tool, {"text": ""})
    missing = size - len(rpc.encode(message))
    return load.post(rpc.tools_call(tool, {"text": "x" * missing}))


def trapping(module: bytes) -> bytes:
    """Trap at requests with a body of these sizes: BEFORE the filter judges it, AFTER it has judged it.

    A function that does this takes the place of the export that handles a body, and calls it.
    """
    sections = _read(module)
    exports, at = _exports(sections[_EXPORTS])
    types = _numbers(sections[_FUNCTIONS])
    codes, begin = _number(sections[_CODE], 0)
    imported = _imported(sections[_IMPORTS])
    added = imported + len(types)
    own = types[exports[_BODY] - imported]
    sections[_FUNCTIONS] = _leb(len(types) + 1) + b"".join(map(_leb, [*types, own]))
    sections[_CODE] = _leb(codes + 1) + sections[_CODE][begin:] + _sized(_wrapper(exports[_BODY]))
    first, last = at[_BODY]
    sections[_EXPORTS] = sections[_EXPORTS][:first] + _leb(added) + sections[_EXPORTS][last:]
    return _written(module, sections)


def with_memory(module: bytes, size: int) -> bytes:
    """Limit the VM's memory to this many bytes, in whole pages."""
    sections = _read(module)
    least, _ = _number(sections[_MEMORY], 2)
    sections[_MEMORY] = b"\x01\x01" + _leb(least) + _leb(size // PAGE)
    return _written(module, sections)


def loading(module: bytes, folder: Path) -> Callable[[dict], None]:
    """Return an edit of a listener that loads this module. Envoy must run with the same folder."""
    path = folder / "rewritten.wasm"
    path.write_bytes(module)

    def edit(listener: dict) -> None:
        config = manager_of(listener)["http_filters"][0]["typed_config"]["config"]
        config["vm_config"]["code"]["local"]["filename"] = str(path)

    return edit


def built() -> bytes:
    """Read the module that was built."""
    return places.MODULE.read_bytes()


def _wrapper(original: int) -> bytes:
    """Write `(context, size, end) -> action`, which traps at the two sizes."""
    size, trap_if = b"\x20\x01", b"\x46\x04\x40\x00\x0b"  # local.get 1; i32.eq if unreachable end
    before = size + b"\x41" + _signed(BEFORE) + trap_if
    call = b"\x20\x00\x20\x01\x20\x02\x10" + _leb(original)
    after = size + b"\x41" + _signed(AFTER) + trap_if
    return b"\x00" + before + call + after + b"\x0b"


def _read(module: bytes) -> dict:
    """Return the sections by number; those without meaning for the code are left out."""
    sections, at = {}, 8
    while at < len(module):
        number = module[at]
        size, begin = _number(module, at + 1)
        if number:
            sections[number] = module[begin : begin + size]
        at = begin + size
    return sections


def _written(module: bytes, sections: dict) -> bytes:
    return module[:8] + b"".join(bytes([number]) + _sized(part) for number, part in sections.items())


def _exports(section: bytes) -> tuple:
    """Return the functions' indices by name, and where in the section each index is."""
    indices, ranges = {}, {}
    count, at = _number(section, 0)
    for _ in range(count):
        length, at = _number(section, at)
        name, kind = section[at : at + length], section[at + length]
        index, after = _number(section, at + length + 1)
        if kind == 0:
            indices[name], ranges[name] = index, (at + length + 1, after)
        at = after
    return indices, ranges


def _imported(section: bytes) -> int:
    """Count the imports, which are all functions; their indices come before those of the module's own."""
    count, at = _number(section, 0)
    for _ in range(count):
        for _ in ("the import's module", "its name"):
            length, at = _number(section, at)
            at += length
        assert section[at] == 0, "an import is not a function"
        _, at = _number(section, at + 1)
    return count


def _numbers(section: bytes) -> list:
    count, at = _number(section, 0)
    found = []
    for _ in range(count):
        number, at = _number(section, at)
        found.append(number)
    return found


def _number(data: bytes, at: int) -> tuple:
    """Read an unsigned LEB128; return it and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def _leb(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _signed(value: int) -> bytes:
    """Write a number as signed LEB128, whose last byte has its sign in bit 6."""
    padded = _leb(value)
    return padded if padded[-1] < 64 else padded[:-1] + bytes([padded[-1] | 128, 0])


def _sized(content: bytes) -> bytes:
    return _leb(len(content)) + content
