"""A minimal approval service that uses only Python's standard library. README.md describes the contract.

    ENVOY_TOKEN=… APPROVER_TOKEN=… python3 own_service.py 8090 approvals.sqlite3

Envoy asks at /v1/approvals. A person views and decides a call at its page:

    curl -H "Authorization: Bearer $APPROVER_TOKEN" http://127.0.0.1:8090/approvals/ID
    curl -H "Authorization: Bearer $APPROVER_TOKEN" http://127.0.0.1:8090/approvals/ID \\
         -d '{"status": "denied", "reason": "not on a Friday"}'
"""

import json
import os
import secrets
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

tokens = {"envoy": os.environ["ENVOY_TOKEN"], "approver": os.environ["APPROVER_TOKEN"]}
lock = threading.Lock()
db = sqlite3.connect(sys.argv[2], isolation_level=None, check_same_thread=False)
db.execute("CREATE TABLE IF NOT EXISTS approvals (id, fingerprint, status, reason, expires, asked, call)")
VALID = """SELECT id, status, reason FROM approvals
    WHERE fingerprint=? AND status NOT IN ('used', 'superseded') AND expires>?"""
# The same call under other rules: nobody asks about it any more, so it must not be approved any more.
SUPERSEDE = """UPDATE approvals SET status='superseded'
    WHERE call=? AND fingerprint!=? AND status IN ('pending', 'approved')"""
CALL = ("arguments", "grant", "host", "params", "path", "principal", "server", "source", "tool")


def ask(question):
    """Return the status of this call's approval, or create one. Returning `approved` consumes it."""
    now, number = time.time(), question["fingerprint"]
    found = db.execute(VALID, (number, now)).fetchone() or (secrets.token_hex(16), "new", None)
    if found[1] == "new":
        call = json.dumps([question.get(name) for name in CALL], sort_keys=True)
        db.execute(SUPERSEDE, (call, number))
        row = (found[0], number, "pending", None, now + question["expires_seconds"], json.dumps(question), call)
        db.execute("INSERT INTO approvals VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    elif found[1] == "approved":
        db.execute("UPDATE approvals SET status = 'used' WHERE id = ?", found[:1])
    answer = {"status": found[1].replace("new", "pending"), "id": found[0], "url": f"{pages}{found[0]}"}
    return {**answer, "reason": found[2]} if found[2] else answer


def view(number, wanted):
    """Return an approval. If `wanted` is a decision and the approval is pending, decide it first."""
    if wanted and wanted["status"] in ("approved", "denied"):
        change = "UPDATE approvals SET status = ?, reason = ? WHERE id = ? AND status = 'pending'"
        db.execute(change, (wanted["status"], wanted.get("reason"), number))
    found = db.execute("SELECT status, reason, asked FROM approvals WHERE id = ?", (number,)).fetchone()
    return found and {"status": found[0], "reason": found[1], "asked": json.loads(found[2])}


class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asking = self.path == "/v1/approvals"
        wanted = "Bearer " + tokens["envoy" if asking else "approver"]
        authorized = secrets.compare_digest(self.headers.get("Authorization", "").encode(), wanted.encode())
        answer = None
        if authorized:
            with lock, db:  # one transaction, committed before the answer is sent
                db.execute("BEGIN IMMEDIATE")
                message = json.loads(body or "null")
                answer = ask(message) if asking else view(self.path.rpartition("/")[2], message)
        self.send_response(200 if answer else 404 if authorized else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer or {}, indent=1).encode())

    do_GET = do_POST


ThreadingHTTPServer.request_queue_size = 128  # Envoy can open many connections at the same moment
service = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
pages = f"http://127.0.0.1:{service.server_port}/approvals/"
print(f"serving on 127.0.0.1, port={service.server_port}", flush=True)
service.serve_forever()
