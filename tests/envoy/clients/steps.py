"""Runs the steps of a session with either Python client; see `__init__.py` for steps and report."""

import json
import logging
import ssl
import sys
import urllib.request

import anyio

SECONDS = 20.0
DECISION = "dev.mcp-policy/decision"


def result(is_error: bool, content: list, meta: dict | None) -> dict:
    text = "\n".join(part.text for part in content if part.type == "text")
    return {"result": {"is_error": is_error, "text": text, "decision": (meta or {}).get(DECISION)}}


def error(raised) -> dict:
    """Report what either client raises for a JSON-RPC error."""
    told = raised.error
    return {"error": {"code": told.code, "message": told.message, "data": told.data}}


def words(raised: BaseException) -> str:
    """Describe an exception; for a group, each of its parts."""
    if parts := getattr(raised, "exceptions", None):
        return "; ".join(words(part) for part in parts)
    return f"{type(raised).__name__}: {raised}"


async def watch(session, tool: str, arguments: dict, then: list) -> dict:
    order, progressed = [], anyio.Event()

    async def progress(*_) -> None:
        order.append("progress")
        progressed.set()

    async def react() -> None:
        await progressed.wait()
        await take(session, then)
        order.append("reacted")

    async with anyio.create_task_group() as group:
        group.start_soon(react)
        seen = await session.call(tool, arguments, progress)
        order.append("result")
        if not progressed.is_set():
            group.cancel_scope.cancel()
    return {**seen, "order": order}


async def abort(session, tool: str, arguments: dict) -> dict:
    with anyio.CancelScope() as scope:

        async def progress(*_) -> None:
            scope.cancel()

        return await session.call(tool, arguments, progress)
    return {"aborted": True}


class Pages:
    """Acts as a user who is sent to a page, following the plan."""

    def __init__(self) -> None:
        self.plan, self.visited = {}, []

    async def visit(self, params) -> str:
        """Open the page of an elicitation; return the action to answer with."""
        if params.mode != "url":
            return "cancel"
        decide = self.plan.get("decide", [])[len(self.visited) :]
        self.visited.append({"url": params.url, "message": params.message})
        if decide and decide[0] is not None:
            body = json.dumps(decide[0]).encode()
            decided = urllib.request.Request(params.url, body, self.plan.get("headers", {}))
            await anyio.to_thread.run_sync(lambda: urllib.request.urlopen(decided).close())
        return self.plan.get("action", "accept")


async def led(session, tool: str, arguments: dict, plan: dict) -> dict:
    session.pages.plan, session.pages.visited = plan, []
    try:
        seen = await session.call(tool, arguments)
    except Exception as raised:
        seen = {"failed": words(raised)}
    return {**seen, "pages": session.pages.visited}


async def take(session, step: list) -> dict:
    what, *rest = step
    if what == "list":
        return {"tools": await session.tools()}
    if what == "watch":
        return await watch(session, *rest)
    if what == "abort":
        return await abort(session, *rest)
    if what == "led":
        return await led(session, *rest)
    return await session.call(*rest)


def options(credentials: dict) -> dict:
    """Return the arguments of an HTTP client that presents credentials."""
    context = ssl.create_default_context(cafile=credentials.get("authority"))
    if certificate := credentials.get("certificate"):
        context.load_cert_chain(certificate)
    # A read lasts as long as a tool runs.
    return {"headers": credentials.get("headers"), "verify": context, "timeout": SECONDS}


async def session(connect, asked: dict, report: dict) -> None:
    credentials = options(asked["credentials"])
    pages = Pages() if any(step[0] == "led" for step in asked["steps"]) else None
    async with connect(asked["url"], asked["mode"], credentials, pages) as (opened, protocol):
        report["protocol"] = protocol
        for step in asked["steps"]:
            try:
                with anyio.fail_after(SECONDS):
                    seen = await take(opened, step)
            except Exception as raised:
                seen = {"failed": words(raised)}
            report["saw"].append(seen)
    report["closed"] = True


def run(connect, asked: dict) -> dict:
    report = {"saw": []}
    try:
        anyio.run(session, connect, asked, report)
    except Exception as raised:
        report["ended"] = words(raised)
    return report


def main(connect) -> None:
    """Run the sessions in the first argument; print their reports."""
    logging.disable(logging.CRITICAL)
    print(json.dumps([run(connect, asked) for asked in json.loads(sys.argv[1])]))
