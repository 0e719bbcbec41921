"""Sessions of the approval service over HTTP: forged forms, headers and cookies, invitations, signing in and out."""

import re

import httpx
import pytest

from harness.service import PASSWORD, PLAIN, form_token, sign_up

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


# Forged forms.


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
def test_a_forged_form_changes_nothing(signed_in, form, headers):
    started, anna, bert = signed_in
    call = {"arguments": {"forged": [str(form), str(headers)]}}
    asked = started.ask(**call)
    page = f"/approvals/{asked['id']}"
    sent = {"token": form_token(anna, page), "reason": "forged", **form}
    if sent["token"] == "bert":
        sent["token"] = form_token(bert, page)
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


def test_a_get_request_changes_nothing(signed_in):
    started, anna, _ = signed_in
    asked = started.ask(arguments={"looked": "at"})
    page = f"/approvals/{asked['id']}"
    for verb in ("approve", "refuse"):
        answer = anna.get(f"{page}/{verb}?token={form_token(anna, page)}&reason=x")
        assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert started.ask(arguments={"looked": "at"})["status"] == "pending"


def test_another_site_cannot_sign_anyone_in_or_out(signed_in):
    started, anna, _ = signed_in
    evil = {"origin": "https://evil.example"}
    credentials = {"name": "anna", "password": PASSWORD}
    with httpx.Client(base_url=started.url, **PLAIN) as client:
        answer = client.post("/sign-in", data=credentials, headers=evil)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
        link = started.invite("carl")
        answer = client.post(link, data={**credentials, "again": PASSWORD}, headers=evil)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers
        answer = client.post("/sign-in", data=credentials, headers={"origin": started.url})
        assert answer.status_code == 303
    for form, headers in (({}, {"origin": started.url}), ({"token": form_token(anna, "/")}, evil)):
        assert anna.post("/sign-out", data=form, headers=headers).status_code in (400, 403)
    assert anna.get("/").status_code == 200


# Headers and cookies.


def test_every_response_has_security_headers(signed_in):
    started, anna, _ = signed_in
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


def test_with_https_the_cookie_is_limited_to_https_and_this_host(module_service):
    started = module_service(arguments=["--url", "https://approvals.example"])
    link = started.url + "/invitations/" + started.link.rpartition("/")[2]
    form = {"name": "anna", "password": PASSWORD, "again": PASSWORD}
    answer = httpx.post(link, data=form, headers={"origin": "https://approvals.example"}, **PLAIN)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-") and "; Secure" in cookie and "domain" not in cookie.lower()


def test_an_invitation_creates_only_one_account(module_service):
    started = module_service()
    sign_up(started.link, "anna")
    assert httpx.get(started.link, **PLAIN).status_code == 410
    form = {"name": "eve", "password": PASSWORD, "again": PASSWORD}
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
    form = {"name": "anna", "password": PASSWORD}
    assert httpx.post(started.url + "/sign-in", data=form, headers=sent_headers, **PLAIN).status_code == 429


def test_a_new_password_or_removing_the_account_ends_its_sessions(signed_in):
    started = signed_in[0]
    dora, emil = sign_up(started.invite("dora")), sign_up(started.invite("emil"))
    again = sign_up(started.invite("dora"))
    assert dora.get("/").headers["location"] == "/sign-in"
    assert again.get("/").status_code == emil.get("/").status_code == 200
    token = started.shell("emil")
    started.command("remove", "emil")
    assert emil.get("/").headers["location"] == "/sign-in"
    asked = started.ask(arguments={"removed": True})
    assert started.decided(asked["id"], "approve", token).status_code == 401


NEXT = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
]


@pytest.mark.parametrize("path", NEXT)
def test_signing_in_never_redirects_to_another_site(signed_in, path):
    started, anna, _ = signed_in
    with httpx.Client(base_url=started.url, headers={"origin": started.url}, **PLAIN) as client:
        form = {"name": "anna", "password": PASSWORD, "next": path}
        answer = client.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert anna.get("/sign-in", params={"next": path}).headers["location"] == "/"
