"""Several people and one approval service: who sees which calls, who decides, and whose decision counts."""

import re

import httpx

from harness.load import at_once
from harness.service import form_token, sign_up


def test_the_second_of_two_approvers_learns_who_decided(service, browser):
    started = service()
    asked = started.ask()
    anna, bert = browser.visit(started.url), browser.visit(started.url)
    anna.sign_up(started.link, "anna")
    bert.sign_up(started.invite("bert"))
    for one in (anna, bert):
        one.go(f"/approvals/{asked['id']}")
    anna.refuse("not on a Friday")
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
    assert started.ask()["status"] == "denied"
    anna.assert_clean()
    bert.assert_clean()


def test_only_one_of_two_simultaneous_approvals_counts(service, browser):
    started = service()
    people = [sign_up(started.link, "anna"), sign_up(started.invite("bert"))]
    asked = started.ask()
    page = f"/approvals/{asked['id']}"
    tokens = [form_token(one, page) for one in people]

    def approve(number: int) -> httpx.Response:
        form, headers = {"token": tokens[number], "reason": ""}, {"origin": started.url}
        return people[number].post(f"{page}/approve", data=form, headers=headers)

    answers = at_once(2, approve)
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    [late] = [answer for answer in answers if answer.status_code == 409]
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
