"""A wasm module that crashes at every request, and otherwise does what Envoy needs to load it."""

# For each export: its parameters and results, all of them i32, and its code.
_RETURN_1 = b"\x41\x01"
_UNREACHABLE = b"\x00"
_EXPORTS = {
    "proxy_abi_version_0_2_1": (0, 0, b""),
    "proxy_on_memory_allocate": (1, 1, b"\x41\x80\x08"),  # always the address 1024
    "proxy_on_context_create": (2, 0, b""),
    "proxy_on_vm_start": (2, 1, _RETURN_1),
    "proxy_on_configure": (2, 1, _RETURN_1),
    "proxy_on_request_headers": (3, 1, _UNREACHABLE),
    "proxy_on_done": (1, 1, _RETURN_1),
    "proxy_on_delete": (1, 0, b""),
}


def _sized(content: bytes) -> bytes:
    """Write a length of less than 2^14, as LEB128, before the content."""
    size = len(content)
    return (bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])) + content


def _section(number: int, items: list) -> bytes:
    return bytes([number]) + _sized(bytes([len(items)]) + b"".join(items))


def module() -> bytes:
    """Return the module in binary form: https://webassembly.github.io/spec/core/binary/modules.html."""
    types = [
        b"\x60" + _sized(b"\x7f" * takes) + _sized(b"\x7f" * gives) for takes, gives, _ in _EXPORTS.values()
    ]
    names = [_sized(name.encode()) + bytes([0, number]) for number, name in enumerate(_EXPORTS)]
    return b"".join(
        [
            b"\0asm\1\0\0\0",
            _section(1, types),
            _section(3, [bytes([number]) for number in range(len(_EXPORTS))]),
            _section(5, [b"\x00\x01"]),  # one memory of at least one page
            _section(7, [*names, _sized(b"memory") + b"\x02\x00"]),
            _section(10, [_sized(b"\x00" + code + b"\x0b") for _, _, code in _EXPORTS.values()]),
        ]
    )
