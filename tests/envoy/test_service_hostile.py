"""A person's browser and what is hostile: texts of a call are only shown, and another site changes nothing."""

import json

import pytest

from harness.proxy import wait_for
from harness.service import PASSWORD, form_token
from upstream import Answer, Upstream

HTML = [("content-type", "text/html; charset=utf-8")]


# Hostile arguments and names.

PWN = "window.__pwned = 1"
NESTED = json.loads('{"a":' * 90 + "1" + "}" * 90)
HOSTILE = {
    "HTML": {
        f"<img src=x onerror='{PWN}'>": f"<script>{PWN}</script>",
        "attribute": f"\"><svg onload='{PWN}'>",
        "link": f"javascript:{PWN}",
        "template": "{{constructor.constructor('" + PWN + "')()}} ${" + PWN + "}",
    },
    "ends of everything": {
        "script": f"</script><script>{PWN}</script>",
        "textarea": f"</textarea></title></style></dd></dl></main><script>{PWN}</script>",
        "comment": f"<!-- --!> ]]> <![CDATA[ <script>{PWN}</script>",
        "entity": f"&lt;script&gt;{PWN}&lt;/script&gt;",
    },
    "bidi": {"file": "report\u202egnp.exe", "isolate": "\u2066user\u2069\u2067admin\u2069", "mark": "a\u200fb"},
    "zero width": {"amount\u200b": "1\u200d000", "soft": "pay\u00adpal", "filler": "\u3164", "tag": "x\U000e0041"},
    "controls": {"all": "".join(map(chr, range(32))) + "\x7f\x80\x9b", "line": "a\u2028b\u2029c\r\nd"},
    "combining": {"zalgo": "Z" + "\u0301\u0316" * 100, "alone": "\u0301x"},
    "spaces": {"amount": 1, "amount ": 2, " amount": 3, "quad": "a\u2003b\u00a0c"},
    "keys alike": {"amount": 1, "amount\u200b": 1000, "AMOUNT": 2, "amo\u2060unt": 3},
    "1 MiB": {"text": "x" * (1 << 20), "amount": 987654},
    "1 MiB of marks": {"text": "\u202e" * (1 << 18), "amount": 987654},
    "depth 90": {"deep": NESTED, "amount": 987654},
    "10,000 elements": {"many": list(range(10_000)), "amount": 987654},
    "10,000 members": {"many": {f"key {n}": [n] for n in range(10_000)}, "amount": 987654},
    "numbers": {"big": 1.7976931348623157e308, "tiny": 5e-324, "negative": -0.0, "unsafe": 2**53},
}  # fmt: skip
MARKED = {
    "bidi": ["202E", "2066", "2067", "2069", "200F"],
    "zero width": ["200B", "200D", "00AD", "3164", "E0041"],
    "controls": ["0000", "001B", "007F", "009B", "2028", "2029", "000D"],
    "combining": ["0301"],
    "spaces": ["0020", "2003", "00A0"],
    "keys alike": ["200B", "2060"],
    "1 MiB of marks": ["202E"],
}
SHORTENED = {"1 MiB", "1 MiB of marks", "depth 90", "10,000 elements", "10,000 members"}
ALIKE = {"keys alike", "spaces"}


@pytest.fixture(scope="module")
def inspector(signed_in, browser):
    started, _, _ = signed_in
    visit = browser.visit(started.url)
    visit.sign_in("bert")
    return visit


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arguments_are_only_shown(signed_in, inspector, name):
    started, arguments = signed_in[0], HOSTILE[name]
    asked = started.ask(tool="hostile", arguments=arguments)
    assert asked["status"] == "pending"
    page = inspector.go(f"/approvals/{asked['id']}")
    region = page.get_by_role("region", name="Arguments")
    shown = region.inner_text()
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate("document.querySelectorAll('*').length") < 20_000
    # The service itself uses none of these elements, so any of them would be injected.
    assert page.locator("main :is(img, svg, script, style, iframe, object)").count() == 0
    for number in MARKED.get(name, []):
        mark = region.locator(".mark", has_text=f"⟨U+{number}⟩").first
        assert mark.is_visible(), number
    assert not set(shown) & set(
        "\u202e\u2066\u2067\u2069\u200f\u200b\u200d\u00ad\u3164\x00\x1b\x9b\u2028\u2060"
    )
    if "amount" in arguments:
        assert str(arguments["amount"]) in shown, "a large member pushed it off the page"
    alike = region.get_by_text("Two keys of one object look alike.").count()
    assert alike == (name in ALIKE)
    with page.expect_download() as download:
        region.get_by_role("link", name="Download").click()
    sent = download.value.path().read_bytes()
    assert json.loads(sent) == arguments and download.value.suggested_filename.endswith(".json")
    tick = page.get_by_label("I have read the complete arguments")
    assert tick.count() == (name in SHORTENED)
    approve = page.get_by_role("button", name="Approve once")
    assert approve.is_visible()
    if name in SHORTENED:
        approve.click()
        assert page.url.endswith(asked["id"]), "the form is not sent without the tick"
        tick.check()
    approve.click()
    page.get_by_role("heading", name="Approved by bert").wait_for()
    assert page.evaluate("window.__pwned") is None
    inspector.assert_clean()
    again = started.ask(tool="hostile", arguments=arguments)
    assert again["status"] == "approved"


def test_shortened_arguments_need_a_confirmation(signed_in):
    started, anna, _ = signed_in
    arguments = {"text": "y" * 500_000}
    asked = started.ask(arguments=arguments)
    page = f"/approvals/{asked['id']}"
    form = {"token": form_token(anna, page), "reason": ""}
    answer = anna.post(f"{page}/approve", data=form, headers={"origin": started.url})
    assert answer.status_code == 422 and "Read the download" in answer.text
    assert started.ask(arguments=arguments)["status"] == "pending"


def test_hostile_names_are_only_shown(signed_in, inspector):
    started, _, _ = signed_in
    names = {
        member: f"{member}\u202e</title></script><script>{PWN}</script><img src=x onerror='{PWN}'>\u200b"
        for member in ("tool", "server", "grant", "principal", "rule", "reason", "decision_id", "request_id")
    }
    asked = started.ask(**names, arguments={})
    started.decide(asked["id"], "deny", started.shell("anna"), f"<script>{PWN}</script>\u202e")
    started.ask(**{**names, "arguments": {"second": 1}})
    answer = started.ask(**names, arguments={})
    assert answer["status"] == "denied" and PWN in answer["reason"]
    for path in ("/", f"/approvals/{asked['id']}", "/history", "/history?text=" + PWN.replace(" ", "+")):
        page = inspector.go(path)
        text = page.locator("main").inner_text()
        assert page.evaluate("window.__pwned") is None
        assert "<script>" in text and not set(text) & set("\u202e\u200b"), path
        assert page.locator("main .mark", has_text="⟨U+202E⟩").first.is_visible()
        assert page.locator("main :is(img, script)").count() == 0
        assert not set(page.title()) & set("\u202e\u200b")
    inspector.go(f"/history?text=<script>{PWN}</script>&status=<b>&after=<i>")
    assert page.evaluate("window.__pwned") is None
    inspector.assert_clean()


# Other sites.


def test_a_browser_stops_the_attacks_of_another_site(signed_in, browser):
    """Browsers ignore the port when they compare sites, so the attacker's requests carry the cookie."""
    started, anna, _ = signed_in
    asked = started.ask(arguments={"attacked": True})
    page_of_it = f"{started.url}/approvals/{asked['id']}"
    cookie = {"name": "mcp-approvals", "value": anna.cookies["mcp-approvals"], "url": started.url}
    attacks = {
        "/form": f"""<form method="post" action="{page_of_it}/approve"><input name="reason" value="x"></form>
            <script>document.forms[0].submit()</script>""",
        "/fetch": f"""<script>fetch("{started.url}/v1/approvals/{asked["id"]}/approve",
            {{method: "POST", mode: "no-cors", credentials: "include", body: "{{}}"}})
            .finally(() => document.title = "done")</script>""",
        "/frame": f'<iframe src="{page_of_it}" onload="document.title = \'done\'"></iframe>',
        "/read": f"""<script>fetch("{page_of_it}", {{credentials: "include"}})
            .then(() => document.title = "read", () => document.title = "done")</script>""",
    }
    with Upstream(lambda request: Answer(200, HTML, attacks.get(request.path, "").encode())) as evil:
        victim = browser.visit(f"http://127.0.0.1:{evil.port}")
        victim.context.add_cookies([cookie])
        victim.page.goto("/form")
        victim.page.get_by_role("heading", name="This form is not valid").wait_for()
        assert victim.page.url == f"{page_of_it}/approve"
        for path in ("/fetch", "/frame", "/read"):
            victim.page.goto(path)
            wait_for(lambda: victim.page.title() == "done", f"{path} to be tried")
        victim.page.goto("/frame")
        frames = [frame for frame in victim.page.frames if frame.parent_frame]
        assert all("attacked" not in frame.content() for frame in frames)
        sent = [request.url for request in victim.requests if request.method == "POST"]
        assert len(sent) == 2
        victim.close()
    assert started.ask(arguments={"attacked": True})["status"] == "pending"


def test_scripts_cannot_read_the_cookie_and_signing_out_ends_the_session(signed_in, browser):
    started, _, _ = signed_in
    visit = browser.visit(started.url)
    visit.sign_in("anna")
    visit.page.get_by_role("heading", name="Waiting for a decision").wait_for()
    [cookie] = visit.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and cookie["path"] == "/"
    assert visit.page.evaluate("document.cookie") == ""
    old = browser.visit(started.url).borrow(visit)
    old.go("/").get_by_role("heading", name="Waiting for a decision").wait_for()
    visit.page.get_by_role("button", name="Sign out").click()
    visit.page.get_by_role("heading", name="Sign in").wait_for()
    # The session itself has ended, not only the cookie.
    old.go("/").get_by_role("heading", name="Sign in").wait_for()
    visit.assert_clean()


def test_signing_in_leads_back_to_the_approval(signed_in, browser):
    started, _, _ = signed_in
    asked = started.ask(arguments={"afterwards": True})
    visit = browser.visit(started.url)
    page = visit.page
    page.goto(f"/approvals/{asked['id']}")
    page.get_by_label("Name").fill("bert")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Call of buy").wait_for()
    assert page.url == f"{started.url}/approvals/{asked['id']}"
    visit.assert_clean()
