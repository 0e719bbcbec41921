"""Deciding on a phone: both buttons in reach, long arguments folded, reasons to choose, several refusals at once."""

import re

import pytest

from harness.service import sign_up

PHONE = {"width": 390, "height": 844}
LONG = {
    "body": "lorem ipsum dolor sit amet\n" * 400,
    "rows": [{"id": number, "name": f"row {number}"} for number in range(100)],
    "amount": 1249.5,
    "to": "billing@example.com",
}
ODD = {
    "none": {},
    "long": LONG,
    "deep": {"a": {"b": {"c": [[["d"] * 50] * 4]}}},
    "too long to show": {"body": "x" * 500_000},
    "misleading": {"url": "https://\u0430pple.com", "amount": 1, "\u0430mount": 2},
}
CONFIG = """
refusals = ["Not now.", "Ask a person."]

[[approvers]]
name = "anna"
principals = ["spiffe://corp/people/anna"]

[[descriptions]]
servers = ["shop"]
tools = ["buy"]
text = "Buys what the arguments say."
"""


@pytest.fixture(scope="module")
def place(module_service):
    started = module_service(config=CONFIG)
    return started, sign_up(started.link, "anna")


@pytest.fixture
def phone(place, browser):
    """Open anna's phone."""
    started, anna = place
    visits = []

    def phone(**options):
        visit = browser.visit(started.url, **{**PHONE, **options})
        cookie = {"name": "mcp-approvals", "value": anna.cookies["mcp-approvals"], "url": started.url}
        visit.context.add_cookies([cookie])
        visits.append(visit)
        return visit

    yield phone
    for visit in visits:
        visit.assert_clean()
        visit.close()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
@pytest.mark.parametrize("name", ODD)
def test_both_buttons_are_in_reach_without_scrolling(place, phone, name, script):
    started, _ = place
    asked = started.ask(arguments={**ODD[name], "script": script})
    visit = phone(script=script)
    page = visit.go(f"/approvals/{asked['id']}")
    height = page.evaluate("document.documentElement.scrollHeight")
    for part in (0, 0.2, 0.4):
        page.evaluate("(top) => window.scrollTo(0, top)", part * height)
        assert visit.in_view("Approve once") and visit.in_view("Refuse"), part
    boxes = [page.get_by_role("button", name=button).bounding_box() for button in ("Approve once", "Refuse")]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["height"] == boxes[1]["height"], "side by side"
    assert abs(boxes[0]["width"] - boxes[1]["width"]) < 1, "equally large"
    assert visit.overflow() == 0


def test_own_calls_and_rejected_forms_are_in_reach_too(place, phone):
    started, _ = place
    own = started.ask(principal="spiffe://corp/people/anna", arguments=LONG)
    visit = phone()
    visit.go(f"/approvals/{own['id']}")
    assert visit.in_view("Refuse")
    asked = started.ask(arguments={**LONG, "rejected": True})
    page = visit.go(f"/approvals/{asked['id']}")
    visit.refuse("  ")
    page.get_by_text("Choose or write a reason.").wait_for()
    assert visit.in_view("Approve once") and visit.in_view("Refuse")


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_a_refusal_takes_a_reason_and_a_tap(place, phone, script):
    started, _ = place
    call = {"arguments": {"refused": script}}
    asked = started.ask(**call)
    page = phone(script=script).go(f"/approvals/{asked['id']}")
    assert not page.get_by_label("In your own words").is_visible()
    page.get_by_label("Why not?").select_option("Not now.")
    assert page.get_by_label("In your own words").is_visible()
    page.get_by_role("button", name="Refuse").click()
    page.get_by_role("heading", name="Refused by anna").wait_for()
    answer = started.ask(**call)
    assert (answer["status"], answer["reason"]) == ("denied", "Not now.")


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_long_arguments_are_folded_below_short_ones(place, phone, script):
    started, _ = place
    asked = started.ask(arguments={**LONG, "folded": script})
    page = phone(script=script).go(f"/approvals/{asked['id']}")
    region = page.get_by_role("region", name="Arguments")
    keys = region.locator(".key").all_inner_texts()
    assert keys[:3] == ["amount", "to", "folded"]
    body = region.locator("details", has_text="lorem ipsum").first
    assert body.locator(".string").is_hidden()
    body.locator("summary").click()
    assert body.locator(".string").is_visible()
    rows = region.locator("details", has_text="Show the list of 100").first
    rows.locator("summary").first.click()
    assert region.get_by_text("row 42", exact=False).first.is_visible()
    assert page.get_by_text("Buys what the arguments say.").is_visible()


def test_times_are_in_the_zone_of_the_approver(place, phone):
    started, _ = place
    asked = started.ask(arguments={"zone": 1})
    path = f"/approvals/{asked['id']}"
    shown = {}
    for name, options in {"Asia/Tokyo": {}, "America/New_York": {}, "UTC": {"script": False}}.items():
        page = phone(zone=name, **options).go(path)
        text = page.locator("main").inner_text()
        place_of_zone = "Times are in UTC." if name == "UTC" else f"Times are in your time zone, {name}."
        assert place_of_zone in text
        moment = page.locator(".facts time").first
        clock = re.search(r"(\d\d):(\d\d):\d\d", moment.inner_text())
        shown[name] = int(clock[1]) * 60 + int(clock[2])
        assert moment.get_attribute("datetime").endswith("Z")
        assert re.search(r"asked \d+ (s|min) ago, \d\d:\d\d", text), "relative and absolute"
    assert (shown["Asia/Tokyo"] - shown["UTC"]) % (24 * 60) == 9 * 60
    assert (shown["America/New_York"] - shown["UTC"]) % (24 * 60) in (19 * 60, 20 * 60)


def test_the_list_says_what_each_call_is_about(place, phone):
    started, _ = place
    started.ask(
        tool="list_me",
        principal="agent-9",
        arguments={"amount": 12, "to": "x@example.com", "body": "y" * 900},
    )
    page = phone().go("/")
    card = page.get_by_role("article").filter(has=page.get_by_role("link", name="list_me"))
    text = card.inner_text()
    for expected in ("amount", "12", "to", "x@example.com", "agent-9", "ago", "expires in"):
        assert expected in text, expected
    assert "unclassified" not in page.locator("main").inner_text().lower()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without"])
def test_several_calls_are_refused_at_once(module_service, browser, script):
    started = module_service(config=CONFIG)
    calls = [{"tool": f"tool_{number}", "arguments": {"n": number}} for number in range(4)]
    ids = [started.ask(**call)["id"] for call in calls]
    visit = browser.visit(started.url, **PHONE, script=script)
    page = visit.sign_up(started.link, "anna")
    several = page.get_by_role("region", name="Refuse the selected calls")
    assert several.is_hidden() and page.get_by_role("button", name=re.compile("Approve")).count() == 0
    for tool in ("tool_0", "tool_2"):
        page.get_by_label(f"Select {tool} to refuse it").check()
    assert several.is_visible()
    if script:
        page.get_by_text("Live", exact=True).wait_for()
        started.ask(tool="arrived")
        page.get_by_role("link", name="arrived").wait_for()
        assert visit.in_view("Refuse selected")
    assert page.get_by_label("Select tool_2 to refuse it").is_checked(), "kept when the list is refreshed"
    visit.refuse("Stop this.", "Refuse selected")
    page.get_by_text("2 calls were refused.").wait_for()
    assert page.get_by_label("Select tool_0 to refuse it").count() == 0
    answers = [started.ask(**call) for call in calls]
    assert [answer["status"] for answer in answers] == ["denied", "pending", "denied", "pending"]
    assert answers[0]["reason"] == "Stop this."
    denied = [event for event in started.events() if event["event"] == "denied"]
    assert sorted(event["approval"] for event in denied) == sorted([ids[0], ids[2]])
    visit.assert_clean()
    visit.close()


def test_a_superseded_question_cannot_be_approved(place, phone):
    started, _ = place
    call = {"arguments": {"superseded": 1}}
    old = started.ask(**call)
    visit = phone()
    page = visit.go(f"/approvals/{old['id']}")
    page.get_by_role("button", name="Approve once").wait_for()
    new = started.ask(**call, rules="5d" * 32)
    assert new["id"] != old["id"]
    page.get_by_text("This approval has changed since you opened the page.").wait_for()
    page.get_by_role("button", name="Approve once").click()
    page.locator("section.trouble").wait_for()
    assert "have changed" in page.locator("main").inner_text()
    page = visit.go(f"/approvals/{old['id']}")
    page.get_by_role("heading", name="A newer question has replaced this one").wait_for()
    assert page.get_by_role("button", name=re.compile("Approve|Refuse")).count() == 0
    page.get_by_role("link", name="Show the newer question").click()
    page.get_by_role("button", name="Approve once").click()
    page.get_by_role("heading", name="Approved by anna").wait_for()
    assert started.ask(**call, rules="5d" * 32)["status"] == "approved"


def test_where_a_call_goes_and_its_other_params_are_shown(place, phone):
    started, _ = place
    asked = started.ask(
        arguments={"where": 1},
        host="prod.example.com",
        path="/prod/mcp",
        params={"force": True, "p\u0430y": 1},
    )
    page = phone().go(f"/approvals/{asked['id']}")
    assert "prod.example.com/prod/mcp" in page.locator(".lead").inner_text()
    params = page.get_by_role("region", name="Other params")
    assert "force" in params.inner_text() and "⟨Cyrillic⟩" in params.inner_text()
    assert "Some letters are not what they seem." in page.locator("main").inner_text()
    with page.expect_download() as download:
        params.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.startswith("params-")


def test_the_last_decisions_for_the_caller_are_shown(place, phone):
    started, _ = place
    token = started.shell("anna")
    for number in range(6):
        asked = started.ask(principal="agent-last", arguments={"number": number})
        started.decide(asked["id"], "deny" if number % 2 else "approve", token, f"because of {number}")
    asked = started.ask(principal="agent-last", arguments={"number": "now"})
    page = phone().go(f"/approvals/{asked['id']}")
    region = page.get_by_role("region", name="Last decisions for this caller")
    assert region.get_by_role("link").count() == 5
    text = region.inner_text()
    assert "because of 5" in text and "because of 0" not in text and "by anna" in text
    assert "Refused" in text and "Approved" in text
