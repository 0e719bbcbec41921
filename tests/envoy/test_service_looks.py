"""Accessibility and layout of the pages: axe on each one, in light and dark mode, and on a phone.

A screenshot of each page is saved in target/screenshots.
"""

import pytest

from harness.proxy import wait_for
from harness.service import sign_up
from upstream import Answer, Upstream

CONFIG = """
[[approvers]]
name = "anna"
principals = ["spiffe://corp/people/anna"]

[[risks]]
tools = ["delete_*", "wipe*"]
class = "destructive"

[[risks]]
tools = ["pay_*"]
class = "financial"

[[risks]]
tools = ["get_*"]
class = "read"

[[descriptions]]
tools = ["pay_*"]
text = "Pays an invoice. What is paid cannot be taken back."
"""
PAYMENT = {
    "to": ["billing@example.com", "accounts@example.com"],
    "amount": 1249.50,
    "currency": "EUR",
    "memo": "Invoice 2026-117\nwith thanks for the quick delivery",
    "options": {"urgent": True, "schedule": None, "tags": ["q4", "hardware"]},
}
HOSTILE = {
    "amount": 10,
    "amount\u200b": 10_000,
    "file": "report\u202egnp.exe",
    "note": "<script>window.__pwned = 1</script>",
    "raw": "\x00\x1b[2J",
    "deep": {"a": {"b": {"c": {"d": [[[["end"]]]]}}}},
    "long": "lorem ipsum " * 1000,
    "address": "https://\u0430pple.com/\u0440\u0430\u0443",
}
PATIENT = {"expires_seconds": 86_400}


@pytest.fixture(scope="module")
def place(module_service):
    """A service with an approval in each state."""
    started = module_service(config=CONFIG)
    people = {"anna": sign_up(started.link, "anna"), "bert": sign_up(started.invite("bert", "--may", "view"))}
    token = started.shell("anna")
    ids = {
        "pending": started.ask(
            tool="pay_invoice", arguments=PAYMENT, principal="spiffe://corp/agents/billing", **PATIENT
        )["id"],
        "hostile": started.ask(tool="wipe_disk\u202e", arguments=HOSTILE, principal=None, **PATIENT)["id"],
        "own": started.ask(tool="get_report", principal="spiffe://corp/people/anna", **PATIENT)["id"],
        "empty": started.ask(tool="delete_agent", reason=None, **PATIENT)["id"],
        "expired": started.ask(tool="run_agent", arguments={"task": "sum"}, expires_seconds=1)["id"],
        "superseded": started.ask(tool="run_agent", arguments={"task": "old"}, **PATIENT)["id"],
        "params": started.ask(tool="run_agent", params={"force": True, "p\u0430th": "/"}, **PATIENT)["id"],
    }
    started.ask(tool="run_agent", arguments={"task": "old"}, rules="5d" * 32, **PATIENT)
    for name, verb in {"approved": "approve", "denied": "deny", "used": "approve"}.items():
        call = {"tool": "delete_agent", "arguments": {"agent_id": name}, **PATIENT}
        ids[name] = started.ask(**call)["id"]
        started.decide(ids[name], verb, token, "Not on a Friday.\nAsk again on Monday.")
        if name == "used":
            assert started.ask(**call)["status"] == "approved"
    wait_for(lambda: started.show(ids["expired"], token)["status"] == "expired", "the approval to expire")
    return started, people, ids


@pytest.fixture
def look(place, browser):
    """Check a page as a person sees it: in light and dark mode, wide and narrow."""
    started, people, _ = place
    visits = {}

    def visit_of(who: str):
        if who not in visits:
            visits[who] = browser.visit(started.url)
            if who:
                cookies = dict(people[who].cookies)
                visits[who].context.add_cookies(
                    [{"name": name, "value": value, "url": started.url} for name, value in cookies.items()]
                )
        return visits[who]

    def look(name: str, path: str = "", who: str = "anna", status: int = 200) -> None:
        visit = visit_of(who)
        if path:
            visit.go(path, status)
        assert visit.page.locator("h1").count() == 1, name
        assert visit.page.evaluate("document.documentElement.lang") == "en"
        found = []
        for scheme in ("light", "dark"):
            visit.page.emulate_media(color_scheme=scheme)
            found += [f"{name}, {scheme}: {one}" for one in visit.accessible()]
            visit.screenshot(f"{name}-{scheme}")
        visit.page.set_viewport_size({"width": 360, "height": 740})
        if wide := visit.overflow():
            found.append(f"{name}: {wide} pixels too wide for a phone")
        visit.screenshot(f"{name}-phone")
        visit.page.set_viewport_size({"width": 1280, "height": 900})
        visit.page.emulate_media(color_scheme="light")
        assert found == []
        visit.assert_clean()

    look.visit = visit_of
    yield look
    for visit in visits.values():
        visit.close()


def test_lists_are_accessible(look):
    look("list", "/")
    look("history", "/history")
    look("history-found", "/history?text=delete&status=denied")
    look("history-nothing-found", "/history?text=nothing+like+it")
    look("list-of-a-viewer", "/", who="bert")


def test_the_form_for_several_calls_is_accessible(place, look):
    look.visit("anna").go("/").get_by_role("checkbox").first.check()
    look("list-selected")
    page = look.visit("anna").page
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.get_by_role("button", name="Refuse selected").click()
    page.get_by_text("Choose or write a reason.").wait_for()
    look("list-without-a-reason")
    look("list-after-a-refusal", "/?refused=2&late=1")


def test_empty_lists_are_accessible(service, browser):
    started = service()
    visit = browser.visit(started.url)
    visit.sign_up(started.link, "anna")
    for name, path in {"list-empty": "/", "history-empty": "/history"}.items():
        visit.go(path)
        for scheme in ("light", "dark"):
            visit.page.emulate_media(color_scheme=scheme)
            assert visit.accessible() == []
            visit.screenshot(f"{name}-{scheme}")
    visit.assert_clean()


@pytest.mark.parametrize(
    "names",
    [
        ["pending", "hostile", "own", "empty"],
        ["approved", "denied", "used", "expired"],
        ["superseded", "params"],
    ],
    ids=", ".join,
)
def test_approvals_are_accessible(place, look, names):
    _, _, ids = place
    for name in names:
        look(f"approval-{name}", f"/approvals/{ids[name]}")
    look(f"approval-{names[0]}-of-a-viewer", f"/approvals/{ids[names[0]]}", who="bert")


def test_rejected_forms_are_accessible(place, look):
    started, _, ids = place
    page = look.visit("anna").page
    look.visit("anna").go(f"/approvals/{ids['pending']}")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.get_by_role("button", name="Refuse").click()
    page.get_by_text("Choose or write a reason.").wait_for()
    assert page.evaluate("document.activeElement.id") == "why-not", "the faulty field has the focus"
    look("approval-without-a-reason")
    look.visit("anna").go(f"/approvals/{ids['hostile']}")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.get_by_role("button", name="Approve once").click()
    page.get_by_text("Read the download, then tick the box.").wait_for()
    look("approval-unread")
    assert started.ask(tool="pay_invoice", arguments=PAYMENT, principal="spiffe://corp/agents/billing", **PATIENT)["status"] == "pending"  # fmt: skip


def test_sign_in_and_invitation_are_accessible(place, look):
    started, _, _ = place
    look("sign-in", "/sign-in", who="")
    page = look.visit("").page
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("Name").input_value() == "anna"
    look("sign-in-with-an-error", who="")
    page.goto(started.invite("carl"))
    look("invitation", who="")
    page.get_by_label("Password", exact=True).fill("long enough for a password")
    page.get_by_label("Repeat password").fill("another one, as long as that")
    page.get_by_role("button", name="Set password").click()
    page.get_by_role("alert").wait_for()
    look("invitation-with-an-error", who="")


def test_error_pages_are_accessible(place, look):
    started, _, ids = place
    look("nothing-here", "/nowhere", status=404)
    look("no-such-approval", "/approvals/" + "0" * 32, status=404)
    look("invitation-over", "/invitations/" + "0" * 64, who="", status=410)
    anna = look.visit("anna")
    for name, id in {"too-late": "expired", "already-decided": "denied"}.items():
        anna.go(f"/approvals/{ids['pending']}")
        anna.page.evaluate(
            "(id) => { const form = document.querySelector('form[action$=\"/approve\"]');"
            " form.action = `/approvals/${id}/approve`; form.submit(); }",
            ids[id],
        )
        anna.page.locator("section.trouble").wait_for()
        look(name)
    anna.go(f"/approvals/{ids['pending']}")
    anna.page.evaluate("document.querySelector('form[action$=\"/refuse\"] [name=token]').value = 'x'")
    anna.refuse("forged")
    anna.page.locator("section.trouble").wait_for()
    look("form-not-valid")


def test_tap_targets_are_large_enough(place, look):
    started, _, ids = place
    anna = look.visit("anna")
    anna.page.set_viewport_size({"width": 360, "height": 740})
    paths = ["/", "/history", "/history?text=nothing", *(f"/approvals/{id}" for id in ids.values())]
    small = {}
    for path in paths:
        anna.go(path)
        small[path] = anna.small_targets()
    anna.go("/nowhere", 404)
    small["/nowhere"] = anna.small_targets()
    nobody = look.visit("")
    for path in ("/sign-in", started.invite("dora")):
        nobody.page.goto(path)
        small[path] = nobody.small_targets()
    assert {path: targets for path, targets in small.items() if targets} == {}


# The browser of these tests notices what a page must not do.


HTML = [("content-type", "text/html; charset=utf-8")]
FORBIDS = [*HTML, ("content-security-policy", "default-src 'self'")]
NOTICED = {
    "a script in the page": ("<script>document.title = 'ran'</script>", "Content Security Policy"),
    "a style in the page": ("<p style='color: red'>x</p>", "Content Security Policy"),
    "a picture from elsewhere": ("<img src='http://127.0.0.1:1/x.png' alt=''>", "request elsewhere"),
    "an error": ("<script src='/throws.js'></script>", "error: thrown"),
    "a dialog": ("<script src='/alerts.js'></script>", "dialog: hello"),
}


@pytest.mark.parametrize(("page", "expected"), NOTICED.values(), ids=NOTICED)
def test_the_harness_detects_what_a_page_must_not_do(browser, page, expected):
    scripts = {"/throws.js": "throw new Error('thrown')", "/alerts.js": "alert('hello')"}

    def answer(request):
        if script := scripts.get(request.path):
            return Answer(200, [("content-type", "text/javascript")], script.encode())
        return Answer(200, FORBIDS, f"<!doctype html><title>x</title>{page}".encode())

    with Upstream(answer) as server:
        visit = browser.visit(f"http://127.0.0.1:{server.port}")
        visit.go("/")
        wait_for(lambda: any(expected in problem for problem in visit.problems), expected)
        visit.close()


def test_the_harness_detects_inaccessible_pages(browser):
    page = """<!doctype html><title>x</title><img src="data:,"><p><a href="/">x</a></p>
        <p style="color: #aaa; background: #fff">pale</p><div style="width: 3000px">wide</div>"""
    with Upstream(Answer(200, HTML, page.encode())) as server:
        visit = browser.visit(f"http://127.0.0.1:{server.port}")
        visit.go("/")
        rules = {found.partition(":")[0] for found in visit.accessible()}
        assert {"image-alt", "color-contrast", "html-has-lang"} <= rules
        assert visit.overflow() > 1000 and visit.small_targets(24)
        visit.close()
