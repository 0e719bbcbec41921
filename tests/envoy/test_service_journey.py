"""From an agent's call to its result: an MCP client, Envoy, the approval service, and a person in a browser."""

import re

import httpx
import pytest

import clients
from harness import rpc
from harness.approvals import ASKED, REASON, code, policy
from harness.proxy import wait_for
from harness.service import PASSWORD, PLAIN, ROLES, showing

PENDING, DENIED = "approval_required", "approval_denied"
BY_ANNA = "not on a Friday: ask again on Monday"


@pytest.fixture
def place(service, envoy, upstream):
    """An Envoy that asks a service without any accounts."""
    started = service()
    document = policy({"danger": ASKED, "sweep": ASKED, "echo": {}}, server="shop")
    return started, envoy(document, approvals=started, edit=showing(started.token)), upstream


def call(proxy, client: clients.Client = clients.TYPESCRIPT_2, tool: str = "danger", **arguments) -> dict:
    """Make a call in a new MCP session; return the result that the client saw."""
    [report] = clients.run(client, (proxy.url, [["call", tool, arguments]]))
    assert report.get("closed"), report
    return report["saw"][0]["result"]


def links(text: str) -> list[str]:
    return re.findall(r"https?://[^\s:]+:\d+/\S+?(?=[:.,]?(?:\s|$))", text)


def test_a_call_that_a_person_approves_goes_on_once(place, browser):
    service, proxy, upstream = place
    pending = call(proxy, target="the staging database", count=3)
    assert pending["is_error"] and pending["decision"]["code"] == PENDING
    [page_of_it] = links(pending["text"])

    anna = browser.visit(service.url)
    page = anna.sign_up(service.link, "anna")
    waiting = page.get_by_role("region", name="Waiting calls")
    assert waiting.get_by_role("link").all_inner_texts() == ["danger"]
    assert REASON in waiting.inner_text() and "server shop" in waiting.inner_text()
    page.get_by_text("Live", exact=True).wait_for()

    # Another agent's call appears without a reload.
    page.evaluate("window.sameAsBefore = true")
    call(proxy, clients.PYTHON_1, tool="sweep", target="all")
    waiting.get_by_role("link", name="sweep").wait_for()
    assert page.title().startswith("(2)")
    assert page.evaluate("window.sameAsBefore") is True, "the page was not loaded again"
    assert "New: sweep. 2 calls are waiting." in page.locator("#announcement").inner_text()

    waiting.get_by_role("link", name="danger").click()
    page.get_by_role("heading", name="Call of danger").wait_for()
    assert page.url == page_of_it
    arguments = page.get_by_role("region", name="Arguments").inner_text()
    assert "the staging database" in arguments and "3" in arguments
    page.get_by_role("button", name="Approve once").click()
    page.get_by_role("heading", name="Approved by anna").wait_for()
    assert "has not been repeated yet" in page.locator("main").inner_text()

    done = call(proxy, target="the staging database", count=3)
    assert not done["is_error"] and done["text"] == "called danger"
    assert [request.json()["params"]["arguments"] for request in upstream.calls] == [
        {"target": "the staging database", "count": 3}
    ]
    again = call(proxy, target="the staging database", count=3)
    assert again["decision"]["code"] == PENDING and links(again["text"]) != [page_of_it]
    page.reload()
    assert "went on. It cannot go on again." in page.locator("main").inner_text()
    assert len(upstream.calls) == 1
    anna.assert_clean()


def test_an_agent_reads_the_reason_of_a_refusal(place, browser):
    service, proxy, upstream = place
    pending = call(proxy, clients.PYTHON_2, target="all")
    anna = browser.visit(service.url)
    anna.sign_up(service.link, "anna")
    page = anna.go(links(pending["text"])[0])
    # The form is not sent without a reason.
    page.get_by_role("button", name="Refuse").click()
    assert page.get_by_label("Why not?").evaluate("field => field.validity.valueMissing")
    anna.refuse(BY_ANNA)
    page.get_by_role("heading", name="Refused by anna").wait_for()
    assert BY_ANNA in page.locator("main").inner_text()
    for client in (clients.PYTHON_2, clients.TYPESCRIPT_1):
        refused = call(proxy, client, target="all")
        assert refused["is_error"] and refused["decision"]["code"] == DENIED
        assert BY_ANNA in refused["text"]
    assert upstream.calls == []
    anna.assert_clean()


def test_everything_works_without_javascript(place, browser):
    service, proxy, upstream = place
    pending = call(proxy, target="one")
    call(proxy, clients.PYTHON_2, tool="sweep", target="two")
    anna = browser.visit(service.url, script=False)
    page = anna.sign_up(service.link, "anna")
    assert page.get_by_role("link", name="danger").count() == 1
    page.get_by_role("link", name="Refresh").click()
    page.get_by_role("link", name="danger").click()
    page.get_by_role("button", name="Approve once").click()
    page.get_by_role("heading", name="Approved by anna").wait_for()
    page.get_by_role("link", name="All waiting calls").click()
    page.get_by_role("link", name="sweep").click()
    anna.refuse(BY_ANNA)
    page.get_by_role("heading", name="Refused by anna").wait_for()
    assert call(proxy, target="one")["text"] == "called danger"
    assert BY_ANNA in call(proxy, clients.PYTHON_2, tool="sweep", target="two")["text"]
    assert len(upstream.calls) == 1
    # Without JavaScript a blank reason reaches the service, which rejects it.
    call(proxy, target="three")
    page.get_by_role("link", name="Waiting", exact=True).click()
    page.get_by_role("link", name="danger").click()
    anna.refuse("   ")
    page.get_by_text("Choose or write a reason.").wait_for()
    page.get_by_role("link", name="History").click()
    assert page.get_by_role("row").count() == 4
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert links(pending["text"])
    anna.assert_clean()


def test_everything_works_with_only_a_keyboard(place, browser):
    service, proxy, upstream = place
    call(proxy, target="one")
    anna = browser.visit(service.url)
    page = anna.page
    page.goto(service.link)

    def tab_to(name: str) -> None:
        """Press Tab until the element with this label has the focus, and check that the focus is visible."""
        for _ in range(40):
            page.keyboard.press("Tab")
            label = page.evaluate(FOCUSED)
            if name in label:
                assert page.evaluate(OUTLINED), f"no outline on {name}"
                return
        pytest.fail(f"no Tab leads to {name}")

    tab_to("Name")
    page.keyboard.type("anna")
    tab_to("Password")
    page.keyboard.type(PASSWORD)
    tab_to("Repeat password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Waiting for a decision").wait_for()
    page.keyboard.press("Tab")
    assert "Skip to the content" in page.evaluate(FOCUSED)
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'content'")
    tab_to("Select danger to refuse it")
    tab_to("danger")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Call of danger").wait_for()
    tab_to("Download the arguments")
    tab_to("Approve once")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Approved by anna").wait_for()
    assert call(proxy, target="one")["text"] == "called danger"
    call(proxy, target="two")
    tab_to("All waiting calls")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Waiting for a decision").wait_for()
    tab_to("Select danger to refuse it")
    tab_to("danger")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Call of danger").wait_for()
    tab_to("Why not?")
    page.keyboard.type("In my")
    tab_to("In your own words")
    page.keyboard.type(BY_ANNA)
    page.keyboard.press("Tab")
    assert "Refuse" in page.evaluate(FOCUSED)
    page.keyboard.press("Space")
    page.get_by_role("heading", name="Refused by anna").wait_for()
    assert BY_ANNA in call(proxy, target="two")["text"]
    anna.assert_clean()


FOCUSED = """() => {
  const one = document.activeElement;
  if (!one.matches("a, button, input, select, textarea")) return "";
  const labels = [...(one.labels || [])].map((label) => label.textContent).join(" ");
  return `${labels} ${one.textContent}`.trim();
}"""
OUTLINED = """() => {
  const styles = [null, "::after"].map((part) => getComputedStyle(document.activeElement, part));
  return styles.some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
}"""


def test_everything_works_on_a_phone(place, browser):
    service, proxy, upstream = place
    arguments = {"target": "x" * 300, "nested": {"deep": [{"er": ["y" * 200]}]}}
    message = rpc.tools_call("danger", arguments)
    assert code(rpc.post(proxy.url, message)) == PENDING
    anna = browser.visit(service.url, width=360, height=740)
    page = anna.page
    wide = []

    def look(name: str) -> None:
        wide.extend([name] if anna.overflow() else [])

    page.goto(service.link)
    look("invitation")
    anna.sign_up(service.link, "anna")
    look("list")
    page.get_by_role("link", name="danger").click()
    page.get_by_role("heading", name="Call of danger").wait_for()
    look("approval")
    page.get_by_role("button", name="Approve once").click()
    page.get_by_role("heading", name="Approved by anna").wait_for()
    look("decided")
    for path in ("/history", "/history?text=nothing", "/nowhere"):
        page.goto(path)
        look(path)
    assert code(rpc.post(proxy.url, message)) == "allowed" and len(upstream.calls) == 1
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    look("sign-in")
    assert wide == []
    anna.assert_clean()


# The lists from which people choose.


def test_the_list_updates_in_every_process(service, browser):
    first = service()
    second = service(database=first.database)
    anna = browser.visit(first.url)
    page = anna.sign_up(first.link, "anna")
    page.get_by_text("Live", exact=True).wait_for()
    second.token = first.token
    asked = second.ask(tool="elsewhere")
    page.get_by_role("link", name="elsewhere").wait_for()
    second.decide(asked["id"], "deny", second.shell("anna"), "no")
    page.get_by_text("No calls are waiting.", exact=True).wait_for()
    # The page reconnects when the service is back.
    first.restart()
    second.ask(tool="afterwards")
    wait_for(lambda: page.get_by_role("link", name="afterwards").count(), "the page to be live again", 20)


def test_a_list_of_many_calls_is_usable(service, browser):
    started = service(config=ROLES)
    anna = browser.visit(started.url)
    with httpx.Client(**PLAIN) as client:
        for number in range(230):
            who = {"tool": f"tool_{number}", "principal": f"agent-{number % 2}"}
            started.ask(client, arguments={"number": number}, reason="r" * 300, **who)
    anna.sign_up(started.invite("anna"))
    page = anna.page
    assert page.get_by_role("region", name="Waiting calls").get_by_role("link").count() == 200
    assert page.get_by_text("More calls are waiting than are listed here").is_visible()
    page.goto("/history")
    seen = page.locator("tbody a").all_inner_texts()
    while (older := page.get_by_role("link", name="Older")).count():
        older.click()
        page.wait_for_load_state()
        seen += page.locator("tbody a").all_inner_texts()
    assert seen == [f"tool_{number}" for number in reversed(range(230))]
    page.goto("/history?text=tool_17&status=pending")
    assert page.locator("tbody a").all_inner_texts() == [f"tool_{n}" for n in (*range(179, 169, -1), 17)]
    anna.assert_clean()
