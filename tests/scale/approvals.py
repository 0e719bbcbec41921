"""Measures what an approval costs the approval service and its database, a real PostgreSQL.

Each is asked about, approved and used: two questions and one decision.
"""

from pathlib import Path

import httpx

from harness.postgres import Postgres, programs
from harness.service import PLAIN, ROLES, Service

from .behind import cpu_ms

NAME = "scale"

# So that nothing is refused here.
QUOTAS = "\n[quotas]\nopen = 100000\nnew_per_minute = 100000\nmegabytes_per_hour = 1000\n"

ARGUMENTS = {"account": "DE02 1203 0000 0000 2020 51", "amount": 12.5, "note": "invoice 4711"}


def figures(folder: Path, count: int) -> dict:
    """Measure with this many approvals: ms of CPU for 1,000 of them, and the bytes of one in the database."""
    if programs() is None:
        raise RuntimeError("there is no PostgreSQL: neither of `make parts` nor in /usr/lib/postgresql")
    with Postgres() as postgres:
        url = postgres.database(NAME)
        with Service(folder, url, config=ROLES + QUOTAS) as service, httpx.Client(**PLAIN) as client:
            person = service.shell("anna")
            _approve(service, person, client, range(20))
            known: dict = {}
            before = _state(service, postgres, known)
            _approve(service, person, client, range(20, 20 + count))
            after = _state(service, postgres, known)
    service_ms, database_ms, size = (now - then for now, then in zip(after, before, strict=True))
    return {
        "approval_service_ms": service_ms / count * 1_000,
        "approval_database_ms": database_ms / count * 1_000,
        "approval_bytes": size / count,
    }


def _state(service: Service, postgres: Postgres, known: dict) -> tuple:
    """Read the ms of CPU of the service and of the database, and the database's size.

    `known` has the last times of the database's processes, so that one that ends is counted.
    """
    known.update({pid: cpu_ms(pid) for pid in postgres.pids})
    return cpu_ms(service.process.pid), sum(known.values()), postgres.size(NAME)


def _approve(service: Service, person: str, client: httpx.Client, numbers: range) -> None:
    for number in numbers:
        call = {"arguments": {**ARGUMENTS, "number": number}, "principal": f"agent-{number}"}
        asked = service.ask(client, **call)
        service.decide(asked["id"], "approve", person, client=client)
        used = service.ask(client, **call)
        if (asked["status"], used["status"]) != ("pending", "approved"):
            raise RuntimeError(f"an approval became {asked['status']}, then {used['status']}")
