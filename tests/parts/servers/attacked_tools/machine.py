"""Tools that reach the machine: a shell, files, URLs and a database."""

import os
import subprocess

import httpx
from mcp.server import MCPServer

from .place import FOLDER, rows

DOCUMENTS = "/srv/docs"


def lookup(name: str) -> str:
    """Looks up the addresses of a host."""
    # The shell reads the name.
    done = subprocess.run(
        f"getent hosts {name}", shell=True, cwd=FOLDER / "srv", capture_output=True, text=True
    )
    return done.stdout + done.stderr


def read_file(path: str) -> str:
    """Reads a file below /srv/docs."""
    # A comparison of texts: it lets `/srv/docs-private` and `/srv/docs/../keys` pass.
    if not path.startswith(DOCUMENTS):
        raise ValueError(f"access denied: {path} is outside of {DOCUMENTS}")
    return (FOLDER / path.lstrip("/")).read_text()


def fetch_url(url: str) -> str:
    """Fetches a page."""
    # All hosts are one server on this machine, which the proxy stands for.
    return httpx.get(url, proxy=os.environ["ATTACKED_PROXY"], timeout=10).text


def query(sql: str) -> str:
    """Runs a query against the shop's database."""
    return "\n".join(str(row) for row in rows(sql))


def find_tickets(customer: str) -> str:
    """Lists the tickets of a customer."""
    # The argument becomes a part of the statement.
    found = rows(f"SELECT title FROM tickets WHERE customer = '{customer}'")
    return "\n".join(title for (title,) in found)


def get_customer(customer_id: int) -> str:
    """Returns a customer's name and address."""
    [(name, mail)] = rows("SELECT name, mail FROM customers WHERE id = ?", customer_id)
    return f"{name} <{mail}>"


def register(server: MCPServer) -> None:
    for tool in (lookup, read_file, fetch_url, query, find_tickets, get_customer):
        server.add_tool(tool)
