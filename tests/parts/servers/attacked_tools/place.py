"""The folder that the server works in: every effect of a call is a file in it, or a row in its database."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

FOLDER = Path(sys.argv[1])


def rows(sql: str, *values: object) -> list:
    """Run one statement and commit; return its rows."""
    with closing(sqlite3.connect(FOLDER / "shop.db")) as connection:
        # What a test does is not to outlive a power failure.
        connection.execute("PRAGMA synchronous = OFF")
        found = connection.execute(sql, values).fetchall()
        connection.commit()
        return found


def log(table: str, *values: object) -> None:
    """Add a row to a table."""
    rows(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", *values)
