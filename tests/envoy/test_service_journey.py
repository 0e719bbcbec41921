"""From an agent's call to its result: an MCP client, Envoy, the approval service, and a person in a browser."""

import re
import threading

import pytest

import clients
from harness import rpc
from harness.approvals import ASKED, REASON, code, policy
from harness.proxy import wait_for
from harness.service import showing, sign_up

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
    page.keyboard.type("correct horse battery staple")
    tab_to("Repeat password")
    page.keyboard.type("correct horse battery staple")
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


# Several people.


def test_the_second_of_two_approvers_learns_who_decided(place, browser):
    service, proxy, upstream = place
    pending = call(proxy, target="all")
    anna, bert = browser.visit(service.url), browser.visit(service.url)
    anna.sign_up(service.link, "anna")
    bert.sign_up(service.invite("bert"))
    for one in (anna, bert):
        one.go(links(pending["text"])[0])
    anna.refuse(BY_ANNA)
    anna.page.get_by_role("heading", name="Refused by anna").wait_for()
    # Bert's page announces the change without a reload, and keeps what he typed.
    bert.page.get_by_text("Add a note").click()
    bert.page.get_by_label("Note for the record").fill("agreed with finance")
    bert.page.get_by_text("This approval has changed since you opened the page.").wait_for()
    assert bert.page.get_by_label("Note for the record").input_value() == "agreed with finance"
    with bert.page.expect_response(re.compile("/approve$")) as answer:
        bert.page.get_by_role("button", name="Approve once").click()
    assert answer.value.status == 409
    bert.page.get_by_role("heading", name="Already decided").wait_for()
    assert "anna refused this call" in bert.page.locator("main").inner_text()
    bert.page.get_by_role("link", name="Show the approval").click()
    bert.page.get_by_role("heading", name="Refused by anna").wait_for()
    assert call(proxy, target="all")["decision"]["code"] == DENIED
    anna.assert_clean()
    bert.assert_clean()


def test_only_one_of_two_simultaneous_approvals_counts(service, browser):
    started = service()
    people = [sign_up(started.link, "anna"), sign_up(started.invite("bert"))]
    asked = started.ask()
    tokens = [
        re.search(r'name="token" value="([^"]+)"', one.get(f"/approvals/{asked['id']}").text)[1]
        for one in people
    ]
    answers = {}
    ready = threading.Barrier(2)

    def approve(number: int) -> None:
        ready.wait()
        form, headers = {"token": tokens[number], "reason": ""}, {"origin": started.url}
        answers[number] = people[number].post(f"/approvals/{asked['id']}/approve", data=form, headers=headers)

    threads = [threading.Thread(target=approve, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers.values()) == [303, 409]
    [late] = [answer for answer in answers.values() if answer.status_code == 409]
    winner = "bert" if answers[0] is late else "anna"
    assert re.search(rf"{winner}(</bdi>)? approved this call", late.text)


def test_people_may_refuse_but_not_approve_their_own_calls(service, browser):
    started = service(
        config='[[approvers]]\nname = "anna"\nprincipals = ["spiffe://corp/people/anna", "sha256:*"]\n'
    )
    anna = browser.visit(started.url)
    anna.sign_up(started.link, "anna")
    for principal in ("anna", "ANNA", "spiffe://corp/people/anna", "sha256:0123"):
        asked = started.ask(principal=principal, arguments={"as": principal})
        page = anna.go(f"/approvals/{asked['id']}")
        page.get_by_role("heading", name="You asked for this yourself").wait_for()
        assert page.get_by_role("button", name="Approve once").count() == 0
        # A forged form does not work either.
        token = page.locator('form[action$="/refuse"] input[name="token"]').input_value()
        answer = anna.context.request.post(
            f"/approvals/{asked['id']}/approve", form={"token": token}, headers={"origin": started.url}
        )
        assert answer.status == 403 and "You asked for this yourself" in answer.text()
        shell = started.decided(asked["id"], "approve", started.shell("anna"))
        assert shell.status_code == 403
        assert started.ask(principal=principal, arguments={"as": principal})["status"] == "pending"
    anna.refuse("I was wrong")
    page.get_by_role("heading", name="Refused by anna").wait_for()
    anna.assert_clean()


# Roles.


def test_roles_limit_what_people_see_and_decide(service, browser):
    started = service()
    started.command("invite", "nobody")
    roles = {
        "all": [],
        "buys": ["--servers", "shop", "--tools", "buy*"],
        "looks": ["--may", "view"],
        "crm": ["--servers", "crm-*"],
    }
    calls = {("shop", "buy"): "", ("shop", "refund"): "", ("crm-eu", "wipe"): ""}
    for server, tool in calls:
        calls[server, tool] = started.ask(server=server, tool=tool)["id"]
    sees = {
        "all": {"buy": True, "refund": True, "wipe": True},
        "buys": {"buy": True},
        "looks": {"buy": False, "refund": False, "wipe": False},
        "crm": {"wipe": True},
    }
    for name, words in roles.items():
        visit = browser.visit(started.url)
        page = visit.sign_up(started.invite(name, *words))
        listed = page.get_by_role("region", name="Waiting calls").get_by_role("link").all_inner_texts()
        assert sorted(listed) == sorted(sees[name]), name
        page.goto("/history")
        assert sorted(page.locator("tbody a").all_inner_texts()) == sorted(sees[name]), name
        for (_, tool), id in calls.items():
            visit.go(f"/approvals/{id}", 200 if tool in sees[name] else 404)
            assert visit.context.request.get(f"/approvals/{id}/arguments").status == (
                200 if tool in sees[name] else 404
            )
            buttons = page.get_by_role("button", name=re.compile("Approve once|Refuse")).count()
            assert buttons == (2 if sees[name].get(tool) else 0), (name, tool)
        visit.assert_clean()
        visit.close()
    looks = browser.visit(started.url)
    page = looks.sign_in("looks")
    page.get_by_role("heading", name="Waiting for a decision").wait_for()
    token = page.locator('input[name="token"]').first.input_value()
    for verb in ("approve", "refuse"):
        for id, status in zip(calls.values(), (403, 403, 403), strict=True):
            form, headers = {"token": token, "reason": "x"}, {"origin": started.url}
            answer = looks.context.request.post(f"/approvals/{id}/{verb}", form=form, headers=headers)
            assert answer.status == status
    assert not any(event["event"] in ("approved", "denied") for event in started.events())


# A proxy that authenticates people.

PROXIED = """
[sign_in]
accounts = false
[sign_in.proxy]
header = "x-forwarded-email"
groups_header = "x-forwarded-groups"
trusted = ["{trusted}"]

[[roles]]
who = ["group:sre"]
may = "approve"

[[roles]]
who = ["kim@example.com"]
may = "view"
"""


def test_a_trusted_proxy_identifies_people(service, browser):
    started = service(config=PROXIED.format(trusted="127.0.0.0/8"))
    asked = started.ask()
    page_of_it = f"/approvals/{asked['id']}"
    said = {"x-forwarded-email": "jo@example.com", "x-forwarded-groups": "staff, sre"}
    jo = browser.visit(started.url, headers=said)
    page = jo.go("/")
    assert "jo@example.com" in page.get_by_role("banner").inner_text()
    assert page.get_by_role("button", name="Sign out").count() == 0
    # The proxy adds its headers to forged requests too, so the CSRF token is needed.
    jo.go(page_of_it)
    token = page.locator('input[name="token"]').first.input_value()
    for form, origin in (({}, started.url), ({"token": token}, "https://evil.example")):
        forged = jo.context.request.post(page_of_it + "/approve", form=form, headers={"origin": origin})
        assert forged.status in (400, 403)
    page.get_by_role("button", name="Approve once").click()
    page.get_by_role("heading", name="Approved by jo@example.com").wait_for()
    kim = browser.visit(started.url, headers={"x-forwarded-email": "kim@example.com"})
    assert kim.go(page_of_it).get_by_role("button", name="Approve").count() == 0
    other = browser.visit(started.url, headers={"x-forwarded-email": "other@example.com"})
    other.go(page_of_it, 404)
    nobody = browser.visit(started.url)
    nobody.go("/", 401).get_by_role("heading", name="You are not signed in").wait_for()
    nobody.go("/sign-in", 401)
    for visit in (jo, kim, other, nobody):
        visit.assert_clean()


def test_an_untrusted_proxy_is_ignored(service, browser):
    started = service(config=PROXIED.format(trusted="192.0.2.1"))
    asked = started.ask()
    said = {
        "x-forwarded-email": "jo@example.com",
        "x-forwarded-groups": "sre",
        "x-forwarded-for": "192.0.2.1",
    }
    jo = browser.visit(started.url, headers=said)
    for path in ("/", "/history", f"/approvals/{asked['id']}"):
        jo.go(path, 401)
    answer = jo.context.request.post(
        f"/approvals/{asked['id']}/approve", form={"token": ""}, headers={"origin": started.url}
    )
    assert answer.status == 401
    assert started.ask()["status"] == "pending"
    assert "not trusted" in started.log()


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
