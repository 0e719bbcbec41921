"""A web page that calls the tools of a server on this machine: `policies/attacks/cross-site-post`.

The browser has a file of its own, because no other client can run in this process while it does.
"""

import json
from urllib.parse import urlsplit

import pytest

from harness import rpc

CALL, HEADERS = rpc.modern(rpc.tools_call("run_agent", {"agent_id": "a-1", "task": "mine"}))
POST = """async ([body, headers]) => {
  const answer = await fetch("/mcp", { method: "POST", headers, body });
  return [answer.status, answer.headers.get("x-mcp-policy")];
}"""


def posted_by_a_page(browser, url: str) -> list:
    """Open an attacker's page whose name means this machine, and let its script call a tool.

    The name stands for one that resolves to the attacker first, and to this machine when the script runs.
    """
    origin = f"http://evil.localhost:{urlsplit(url).port}"
    visit = browser.visit(origin)
    page = {"content_type": "text/html", "body": "<title>a page about cats</title>"}
    visit.page.route(origin + "/", lambda route: route.fulfill(**page))
    visit.page.goto("/")
    answer = visit.page.evaluate(POST, [json.dumps(CALL), {**rpc.HEADERS, **HEADERS}])
    visit.context.close()
    return answer


def test_a_page_whose_name_means_this_machine(browser, attack):
    assert posted_by_a_page(browser, attack.open_url) == [200, None]
    assert attack.unguarded.place.table("runs") == [("run_agent", "a-1: mine")]
    assert posted_by_a_page(browser, attack.urls["cross-site-post"]) == [403, "origin_denied"]
    assert attack.guarded.place.table("runs") == []


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://console.corp.example.evil.example",
        "http://console.corp.example",
        "https://console.corp.example, http://evil.example",
    ],
)
def test_other_origins_are_refused(attack, origin):
    answer = attack.posted("cross-site-post", CALL, {**HEADERS, "origin": origin})
    assert (answer.status_code, answer.headers["x-mcp-policy"]) == (403, "origin_denied")
    assert attack.guarded.place.table("runs") == []


def test_what_a_form_can_send_is_refused(attack):
    answer = attack.posted("cross-site-post", CALL, {**HEADERS, "content-type": "text/plain"})
    assert answer.headers["x-mcp-policy"] == "unsupported_media_type"
    assert attack.guarded.place.table("runs") == []


def test_programs_and_the_console_still_call(attack):
    for headers in (HEADERS, {**HEADERS, "origin": "https://console.corp.example"}):
        answer = attack.posted("cross-site-post", CALL, headers)
        assert answer.json()["result"]["isError"] is False
    assert len(attack.guarded.place.table("runs")) == 2
