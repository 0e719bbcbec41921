"""Tools of an office: mail, a forge's repositories, tenants' accounts, records and credentials."""

import json
import secrets
from email import message_from_string
from email.utils import getaddresses

from mcp.server import MCPServer

from .place import FOLDER, log, rows


def deliver(message: str) -> None:
    """Deliver a mail to everybody whom its headers name, as `sendmail -t` does."""
    headers = message_from_string(message)
    fields = [value for name in ("To", "Cc", "Bcc") for value in headers.get_all(name, [])]
    for _, address in getaddresses(fields):
        log("mails", address, message)


def send_email(to: list[str], subject: str, text: str, bcc: list[str] = []) -> str:  # noqa: B006
    """Sends a mail."""
    # A subject with a line end goes on as another header.
    blind = f"Bcc: {', '.join(bcc)}\n" if bcc else ""
    deliver(f"From: agent@corp.example\nTo: {', '.join(to)}\n{blind}Subject: {subject}\n\n{text}")
    return "sent"


def get_file(owner: str, repo: str, path: str) -> str:
    """Reads a file of a repository."""
    return (FOLDER / "forge" / owner / repo / path).read_text()


def list_issues(owner: str, repo: str) -> str:
    """Lists the issues of a repository."""
    return (FOLDER / "forge" / owner / repo / "issues.jsonl").read_text()


def create_issue(owner: str, repo: str, title: str, body: str) -> str:
    """Opens an issue in a repository."""
    with open(FOLDER / "forge" / owner / repo / "issues.jsonl", "a") as issues:
        issues.write(json.dumps({"title": title, "body": body}) + "\n")
    return "opened"


def read_account(tenant: str, account: str) -> str:
    """Reads an account of a tenant."""
    # The server's own credential may read every tenant.
    found = rows("SELECT content FROM accounts WHERE tenant = ? AND account = ?", tenant, account)
    return "\n".join(content for (content,) in found)


def create_api_key(scope: str) -> str:
    """Creates an API key."""
    key = "key_" + secrets.token_hex(8)
    log("keys", scope, key)
    return key


def list_api_keys() -> str:
    """Lists the scopes of the API keys."""
    return "\n".join(scope for (scope,) in rows("SELECT scope FROM keys"))


def delete_customer(customer_id: int) -> str:
    """Deletes a customer with all records."""
    rows("DELETE FROM customers WHERE id = ?", customer_id)
    return "deleted"


def drop_table(table: str) -> str:
    """Drops a table of the database."""
    rows(f"DROP TABLE {table}")
    return "dropped"


def update_profile(user: str, changes: dict[str, str]) -> str:
    """Changes the profile of a user."""
    # Every column can be changed, also the one with the role.
    for column, value in changes.items():
        rows(f"UPDATE users SET {column} = ? WHERE user = ?", value, user)
    return "changed"


def internal_export() -> str:
    """Exports all accounts, for the operators."""
    return "\n".join(content for (content,) in rows("SELECT content FROM accounts"))


def register(server: MCPServer) -> None:
    for tool in (
        send_email,
        get_file,
        list_issues,
        create_issue,
        read_account,
        create_api_key,
        list_api_keys,
    ):
        server.add_tool(tool)
    for tool in (delete_customer, drop_table, update_profile, internal_export):
        server.add_tool(tool)
