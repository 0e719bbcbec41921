"""Security of the approval service's pages: forged forms, cookies, redirects and hostile texts."""

import json
import re

import httpx
import pytest

from harness.proxy import wait_for
from harness.service import PLAIN, ROLES, sign_up
from upstream import Answer, Upstream

HTML = [("content-type", "text/html; charset=utf-8")]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


@pytest.fixture(scope="module")
def place(module_service):
    """A service, and HTTP clients in which anna and bert are signed in."""
    started = module_service()
    return started, sign_up(started.link, "anna"), sign_up(started.invite("bert"))


# Forged forms.


def token(person: httpx.Client, path: str) -> str:
    return re.search(r'name="token" value="([^"]+)"', person.get(path).text)[1]


FORGED = {
    "no token": ({"token": None}, {}),
    "an empty token": ({"token": ""}, {}),
    "another token": ({"token": "0" * 64}, {}),
    "the token of somebody else": ({"token": "bert"}, {}),
    "another origin": ({}, {"origin": "https://evil.example"}),
    "another port": ({}, {"origin": "http://127.0.0.1:1"}),
    "an origin with the same prefix": ({}, {"origin": "{origin}.evil.example"}),
    "an opaque origin": ({}, {"origin": "null"}),
    "a cross-site request": ({}, {"sec-fetch-site": "cross-site"}),
    "a same-site request of another origin": ({}, {"sec-fetch-site": "same-site"}),
    "as JSON": ({"json": True}, {}),
}


@pytest.mark.parametrize(("form", "headers"), FORGED.values(), ids=FORGED)
def test_a_forged_form_changes_nothing(place, form, headers):
    started, anna, bert = place
    call = {"arguments": {"forged": [str(form), str(headers)]}}
    asked = started.ask(**call)
    page = f"/approvals/{asked['id']}"
    sent = {"token": token(anna, page), "reason": "forged", **form}
    if sent["token"] == "bert":
        sent["token"] = token(bert, page)
    sent = {name: value for name, value in sent.items() if value is not None}
    sent_headers = {"origin": started.url, **headers}
    sent_headers = {name: value.format(origin=started.url) for name, value in sent_headers.items()}
    body = {"json": sent} if sent.pop("json", None) else {"data": sent}
    for verb in ("approve", "refuse"):
        answer = anna.post(f"{page}/{verb}", headers=sent_headers, **body)
        assert answer.status_code in (400, 403), (verb, answer.status_code)
        assert "Nothing was changed" in answer.text
        answer = httpx.post(f"{started.url}/v1{page}/{verb.replace('refuse', 'deny')}", json={"reason": "x"},
                            headers=sent_headers, cookies=dict(anna.cookies), **PLAIN)  # fmt: skip
        assert answer.status_code == 403
    assert started.ask(**call) == {**asked, "status": "pending"}


def test_a_get_request_changes_nothing(place):
    started, anna, _ = place
    asked = started.ask(arguments={"looked": "at"})
    page = f"/approvals/{asked['id']}"
    for verb in ("approve", "refuse"):
        answer = anna.get(f"{page}/{verb}?token={token(anna, page)}&reason=x")
        assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert started.ask(arguments={"looked": "at"})["status"] == "pending"


def test_another_site_cannot_sign_anyone_in_or_out(place):
    started, anna, _ = place
    evil = {"origin": "https://evil.example"}
    credentials = {"name": "anna", "password": "correct horse battery staple"}
    with httpx.Client(base_url=started.url, **PLAIN) as client:
        answer = client.post("/sign-in", data=credentials, headers=evil)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
        link = started.invite("carl")
        answer = client.post(link, data={**credentials, "again": credentials["password"]}, headers=evil)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
        answer = client.post("/sign-in", data=credentials, headers={"origin": started.url})
        assert answer.status_code == 303
    for form, headers in (({}, {"origin": started.url}), ({"token": token(anna, "/")}, evil)):
        assert anna.post("/sign-out", data=form, headers=headers).status_code in (400, 403)
    assert anna.get("/").status_code == 200


def test_a_browser_stops_the_attacks_of_another_site(place, browser):
    """Browsers ignore the port when they compare sites, so the attacker's requests carry the cookie."""
    started, anna, _ = place
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


# Headers and cookies.


def test_every_response_has_security_headers(place):
    started, anna, _ = place
    asked = started.ask(arguments={"headers": True})
    page = anna.get("/").text
    assets = re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css|svg)[^"]*)"', page)
    assert len(assets) == 3
    paths = ["/", "/history", f"/approvals/{asked['id']}", f"/approvals/{asked['id']}/arguments", "/nowhere",
             "/approvals/x", "/sign-in", "/invitations/x", "/?fragment=list", *assets]  # fmt: skip
    for path in paths:
        answer = anna.get(path)
        directives = dict(
            directive.strip().split(" ", 1)
            for directive in answer.headers["content-security-policy"].split(";")
        )
        assert POLICY.items() <= directives.items(), path
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] in ("same-origin", "no-referrer")
        assert path in assets or answer.headers["cache-control"] == "no-store", path
        # No page has inline scripts or styles.
        assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|<style", answer.text), path


def test_scripts_cannot_read_the_cookie_and_signing_out_ends_the_session(place, browser):
    started, _, _ = place
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


def test_with_https_the_cookie_is_limited_to_https_and_this_host(module_service):
    started = module_service(arguments=["--url", "https://approvals.example"])
    link = started.url + "/invitations/" + started.link.rpartition("/")[2]
    form = {
        "name": "anna",
        "password": "correct horse battery staple",
        "again": "correct horse battery staple",
    }
    answer = httpx.post(link, data=form, headers={"origin": "https://approvals.example"}, **PLAIN)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-") and "; Secure" in cookie and "domain" not in cookie.lower()


def test_an_invitation_creates_only_one_account(module_service):
    started = module_service()
    sign_up(started.link, "anna")
    assert httpx.get(started.link, **PLAIN).status_code == 410
    form = {
        "name": "eve",
        "password": "correct horse battery staple",
        "again": "correct horse battery staple",
    }
    assert httpx.post(started.link, data=form, **PLAIN).status_code == 410
    assert httpx.get(started.url + "/invitations/" + "0" * 64, **PLAIN).status_code == 410
    before = started.link
    started.restart()
    assert started.link == before, "a restart prints no new link once there is an account"


def test_failed_sign_ins_are_slowed_down(module_service):
    started = module_service()
    sign_up(started.link, "anna").close()
    codes = []
    with httpx.Client(base_url=started.url, headers={"origin": started.url}, **PLAIN) as client:
        for _ in range(8):
            answer = client.post("/sign-in", data={"name": "anna", "password": "wrong horse battery"})
            codes.append(answer.status_code)
    assert codes[:5] == [422] * 5 and codes[-1] == 429
    assert int(answer.headers["retry-after"]) > 0 and "before you try again" in answer.text
    # A forged x-forwarded-for header does not help.
    sent_headers = {"origin": started.url, "x-forwarded-for": "192.0.2.7"}
    form = {"name": "anna", "password": "correct horse battery staple"}
    assert httpx.post(started.url + "/sign-in", data=form, headers=sent_headers, **PLAIN).status_code == 429


def test_a_new_password_or_removing_the_account_ends_its_sessions(module_service):
    started = module_service()
    anna, bert = sign_up(started.link, "anna"), sign_up(started.invite("bert"))
    again = sign_up(started.invite("anna"))
    assert anna.get("/").headers["location"] == "/sign-in"
    assert again.get("/").status_code == bert.get("/").status_code == 200
    token = started.shell("bert")
    started.command("remove", "bert")
    assert bert.get("/").headers["location"] == "/sign-in"
    asked = started.ask()
    assert started.decided(asked["id"], "approve", token).status_code == 401


NEXT = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
]


@pytest.mark.parametrize("path", NEXT)
def test_signing_in_never_redirects_to_another_site(place, browser, path):
    started, anna, _ = place
    with httpx.Client(base_url=started.url, headers={"origin": started.url}, **PLAIN) as client:
        form = {"name": "anna", "password": "correct horse battery staple", "next": path}
        answer = client.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert anna.get("/sign-in", params={"next": path}).headers["location"] == "/"


def test_signing_in_leads_back_to_the_approval(place, browser):
    started, _, _ = place
    asked = started.ask(arguments={"afterwards": True})
    visit = browser.visit(started.url)
    page = visit.page
    page.goto(f"/approvals/{asked['id']}")
    page.get_by_label("Name").fill("bert")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Call of buy").wait_for()
    assert page.url == f"{started.url}/approvals/{asked['id']}"
    visit.assert_clean()


# The browser harness itself.


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
def inspector(place, browser):
    started, _, _ = place
    visit = browser.visit(started.url)
    visit.sign_in("bert")
    return visit


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arguments_are_only_shown(place, inspector, name):
    started, arguments = place[0], HOSTILE[name]
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


def test_shortened_arguments_need_a_confirmation(place):
    started, anna, _ = place
    arguments = {"text": "y" * 500_000}
    asked = started.ask(arguments=arguments)
    page = f"/approvals/{asked['id']}"
    form = {"token": token(anna, page), "reason": ""}
    answer = anna.post(f"{page}/approve", data=form, headers={"origin": started.url})
    assert answer.status_code == 422 and "Read the download" in answer.text
    assert started.ask(arguments=arguments)["status"] == "pending"


def test_hostile_names_are_only_shown(place, inspector):
    started, _, _ = place
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
