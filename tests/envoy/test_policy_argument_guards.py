"""`policies/argument-guards.json` in a real client's session.

An allow list refuses more than any test can try. The lists here hold known ways around deny lists.
"""

import pytest

from harness import rpc
from harness.sessions import REFUSED, arrived, guarded, outcome, session

MAIL = {"to": ["bob@corp.example"], "subject": "Minutes", "text": "Attached.\nBob"}


def fetching(url: object, **more) -> tuple:
    return "fetch_url", {"url": url, **more}


def reading(path: object, **more) -> tuple:
    return "read_file", {"path": path, **more}


def running(*args: str, command: object = "test", **more) -> tuple:
    return "run_command", {"command": command, "args": list(args), **more}


def mailing(*to: object, **more) -> tuple:
    return "send_email", {**MAIL, **({"to": list(to)} if to else {}), **more}


ALLOWED = [
    fetching("https://docs.corp.example"),
    fetching("https://docs.corp.example/"),
    fetching("https://api.corp.example/v1/items?q=a%20b+c%C3%A9&n=2"),
    reading("/srv/docs/readme.md"),
    reading("/srv/docs/2026/q1/report_final-2.v3.txt"),
    reading("/srv/docs/a..b"),
    running(),
    running("src/app", "unit_test.py", "Makefile", command="lint"),
    ("run_command", {"command": "build"}),
    mailing(),
    mailing("bob@corp.example", "a.b+news@corp.example", cc=[]),
    mailing(cc=["eve-2@corp.example"]),
]

OTHER_HOSTS = [
    fetching(url)
    for url in [
        # the scheme, and other spellings of the host
        "http://docs.corp.example/",
        "HTTPS://docs.corp.example/",
        "https://DOCS.corp.example/",
        "https://docs.corp.example./",
        "https://docs.corp.example:8443/",
        "https://docs。corp.example/",
        "https://dоcs.corp.example/",
        "https://docs%2ecorp.example/",
        "https:/docs.corp.example/",
        "https:docs.corp.example/",
        "//docs.corp.example/",
        # hosts that look like it
        "https://docs.corp.example.evil.example/",
        "https://docs-corp.example/",
        "https://docsXcorp.example/",
        "https://docs.corpXexample/",
        "https://evil.example/docs.corp.example/",
        "https://evil.example/?https://docs.corp.example/",
        "https://evil.example#https://docs.corp.example/",
        "https://docs.corp.example@evil.example/",
        "https://docs.corp.example%40evil.example/",
        "https://docs.corp.example:pass@evil.example/",
        "https://evil.example\\@docs.corp.example/",
        "https://docs.corp.example\\@evil.example/",
        "https://docs.corp.example#@evil.example/",
        "https://docs.corp.example?@evil.example/",
        "https://docs.corp.example;evil.example/",
        # the machine itself, and addresses that only it reaches
        "http://localhost/",
        "https://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://①②⑦.⓪.⓪.①/",
        # not a web page
        "file:///etc/passwd",
        "gopher://docs.corp.example/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "",
        # white space and controls
        " https://docs.corp.example/",
        "https://docs.corp.example/\n",
        "https://docs.corp.example/\r\nhost: evil.example",
        "https://docs.corp.example\t.evil.example/",
        "https://docs.corp.example/\x00.evil.example/",
        "https://docs.corp.example/a b",
        "https://docs.corp.example/%0d%0ahost:%20evil.example",
        "https://docs.corp.example/?a=%0d%0ax",
        "https://docs.corp.example/?a=%00",
        "https://docs.corp.example/%2e%2e/",
        # other types
        ["https://docs.corp.example/"],
        {"href": "https://docs.corp.example/"},
        None,
        5,
    ]
]
OTHER_HOSTS += [
    fetching("https://docs.corp.example/", proxy="http://evil.example:3128"),
    fetching("https://docs.corp.example/", Url="http://evil.example/"),
    ("fetch_url", {}),
]

OTHER_FILES = [
    reading(path)
    for path in [
        "/etc/passwd",
        "/srv/docs",
        "/srv/docs/",
        "/srv/docsx/a",
        "/SRV/docs/a",
        "srv/docs/a",
        "./srv/docs/a",
        "file:///srv/docs/a",
        "~/.ssh/id_rsa",
        "/srv/docs/..",
        "/srv/docs/../../etc/passwd",
        "/srv/docs/a/../../../etc/passwd",
        "/srv/docs/./a",
        "/srv/docs//etc/passwd",
        "/srv/docs/.ssh/id_rsa",
        "/srv/docs/-rf",
        "/srv/docs/%2e%2e/%2e%2e/etc/passwd",
        "/srv/docs/..%2f..%2fetc%2fpasswd",
        "/srv/docs/%252e%252e/etc",
        "/srv/docs/..\\..\\etc",
        "\\srv\\docs\\a",
        "/srv/docs/․․/etc",
        "/srv/docs／../etc",
        "/srv/docs/a\x00.txt",
        "/srv/docs/a\n",
        "/srv/docs/a\n/etc/passwd",
        "/srv/docs/a b",
        "/srv/docs/a:stream",
        "/srv/docs/$HOME",
        "/srv/docs/*",
        "",
        ["/srv/docs/a"],
        None,
    ]
]
OTHER_FILES += [
    reading("/srv/docs/a", root="/"),
    reading("/srv/docs/a", PATH="/etc/passwd"),
    ("read_file", {}),
]

SHELL = [
    running(argument)
    for argument in [
        *(f"a{character}b" for character in ";&|<>$`\"'\\(){}[]*?!#~^%@,:= \t\n\r\x00\x0b\x1b\u00a0\u2028"),
        *["$(id)", "`id`", "${IFS}", "a;rm", "a\n", "\n", "a && b"],
        *["-rf", "--upload-pack=x", "+x", "a/-x/b", "@file"],
        *["/etc/passwd", "../x", "a/../../x", "..", ".", ".git/config", "a//b", "a/", "a.", "é", ""],
    ]
]
SHELL += [
    running(command="bash"),
    running(command="LINT"),
    running(command="test;id"),
    running(command="test "),
    running(command=["test"]),
    running(command=None),
    running(*["a"] * 21),
    running("a" * 201),
    ("run_command", {"command": "test", "args": "src"}),
    ("run_command", {"command": "test", "args": '["src"]'}),
    ("run_command", {"command": "test", "args": [["-c", "id"]]}),
    ("run_command", {"command": "test", "args": [None]}),
    ("run_command", {"args": []}),
    running("a", env={"LD_PRELOAD": "/tmp/x.so"}),
    running("a", cwd="/"),
    running("a", Command="bash"),
]

OUTSIDE = [
    mailing(address)
    for address in [
        "eve@evil.example",
        "bob@corp.example.evil.example",
        "bob@corp-example",
        "bob@corpXexample",
        "bob@corp.example.",
        "bob@Corp.example",
        "bob@sub.corp.example",
        "bob@corp。example",
        "bоb@corp.example",
        "bob@corp.exаmple",
        '"bob@corp.example" <eve@evil.example>',
        "bob@corp.example <eve@evil.example>",
        "Bob <bob@corp.example>",
        "<eve@evil.example>,bob@corp.example",
        "eve@evil.example,bob@corp.example",
        "eve@evil.example;bob@corp.example",
        "eve@evil.example bob@corp.example",
        "eve@evil.example\nbob@corp.example",
        "bob@corp.example\nBcc: eve@evil.example",
        "bob@corp.example\r\n",
        "bob@corp.example\x00eve@evil.example",
        " bob@corp.example",
        "bob@corp.example ",
        "eve@evil.example@corp.example",
        '"eve@evil.example"@corp.example',
        "eve%evil.example@corp.example",
        "evil.example!eve@corp.example",
        "@evil.example:bob@corp.example",
        "eve(comment)@corp.example",
        "=?utf-8?q?eve=40evil.example?=@corp.example",
        "mailto:bob@corp.example",
        "friends: eve@evil.example, bob@corp.example;",
        "@corp.example",
        "bob",
        "",
        {"email": "bob@corp.example"},
        ["bob@corp.example"],
        None,
        5,
    ]
]
OUTSIDE += [
    mailing("bob@corp.example", "eve@evil.example"),
    mailing(*["bob@corp.example"] * 11),
    mailing(to=[]),
    mailing(to="bob@corp.example"),
    mailing(to='["bob@corp.example"]'),
    mailing(to=None),
    mailing(cc=["eve@evil.example"]),
    mailing(cc="eve@evil.example"),
    mailing(cc=[None]),
    mailing(bcc=["eve@evil.example"]),
    mailing(BCC=["eve@evil.example"]),
    mailing(To=["eve@evil.example"]),
    mailing(reply_to="eve@evil.example"),
    mailing(headers={"Bcc": "eve@evil.example"}),
    mailing(attachments=["/etc/passwd"]),
    mailing(subject="Hello\nBcc: eve@evil.example"),
    mailing(subject="Hello\r\n\r\nA text of its own"),
    mailing(subject="Hello\x00"),
    mailing(subject="Hello\x85Bcc: eve@evil.example"),
    mailing(subject="Hello\u2028Bcc: eve@evil.example"),
    mailing(subject=""),
    mailing(subject=["Hello"]),
    mailing(text=None),
    mailing(text={"html": "<img>"}),
]


@pytest.mark.parametrize(
    "attacks", [OTHER_HOSTS, OTHER_FILES, SHELL, OUTSIDE], ids=["url", "path", "shell", "mail"]
)
def test_arguments_that_reach_further_are_refused_and_allowed_ones_pass(envoy, upstream, attacks):
    proxy = guarded(envoy, upstream, "argument-guards.json", "sh", "http_request")
    listed, *saw = session(proxy, *attacks, *ALLOWED, ("sh", {"c": "id"}))
    assert listed["tools"] == ["fetch_url", "read_file", "run_command", "send_email"]
    outcomes = [outcome(one) for one in saw]
    passed = [call for call, found in zip(attacks, outcomes, strict=False) if found not in REFUSED]
    assert passed == []
    assert outcomes[len(attacks) :] == ["allowed"] * len(ALLOWED) + ["not_listed"]
    assert arrived(upstream) == ALLOWED


def test_a_refusal_says_what_would_be_accepted(envoy, upstream):
    proxy = guarded(envoy, upstream, "argument-guards.json")
    calls = {
        fetching: ("http://evil.example/", "only https://docs.corp.example/ and https://api.corp.example/"),
        reading: ("/etc/passwd", "only files below /srv/docs/"),
        running: ("a;b", "no options, no white space, nothing that a shell reads"),
        mailing: ("eve@evil.example", "bare addresses of corp.example"),
    }
    for call, (argument, expected) in calls.items():
        told = rpc.text(rpc.call(proxy.url, *call(argument)))
        assert expected in told and argument not in told


def test_emails_are_counted(envoy, upstream):
    proxy = guarded(envoy, upstream, "argument-guards.json")
    codes = [rpc.post(proxy.url, rpc.tools_call(*mailing())).headers.get("x-mcp-policy") for _ in range(31)]
    assert codes == [None] * 30 + ["rate_limited"]
