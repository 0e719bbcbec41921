"""Runs AiPayGen's own server on a free port.

The package's `--http` always uses port 8000, so this program serves the same FastMCP object itself. Run it
with the legacy venv's Python. AIPAYGEN_BASE_URL names the backend and is required, because the package's
default is the real service.
"""

import os
import sys

if not os.environ.get("AIPAYGEN_BASE_URL", "").startswith("http://127.0.0.1:"):
    sys.exit("aipaygen.py: AIPAYGEN_BASE_URL must name a backend on http://127.0.0.1")

# Imported only after the check that nothing can reach the real service.
import uvicorn  # noqa: E402
from aipaygen_mcp.server import mcp  # noqa: E402

from loopback import announce, listener  # noqa: E402

opened = listener()
announce(opened)
app = mcp.streamable_http_app()
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[opened])
