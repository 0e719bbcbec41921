"""The page of `mcp-policy report`, as people see it: in light and dark mode, on a phone, in print, without a script."""

import json
import random
import subprocess

import pytest

import places
from harness import day

HOSTILE = "<script>window.__pwned = 1</script>\u202e\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report about some 3,000 requests, as a file."""
    folder = tmp_path_factory.mktemp("report")
    chance = random.Random(7)
    lines = [
        json.dumps({"mcp": [day.record(number, chance, HOSTILE)]}, separators=(",", ":"))
        for number in range(3000)
    ]
    log = folder / "access.log"
    log.write_text("\n".join([*lines, '{"mcp":[]}']) + "\n")
    done = subprocess.run(
        [places.POLICY_TOOL, "report", log, "-o", folder / "report.html"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", f"note: 1 line has no record: {log}:3001\n")
    return folder / "report.html"


def problems(visit, scheme: str, name: str) -> list:
    visit.page.emulate_media(color_scheme=scheme)
    visit.screenshot(f"{name}-{scheme}")
    return [f"{scheme}: {one}" for one in visit.accessible()]


def test_the_page_is_accessible_and_fits_every_screen(page, browser):
    visit = browser.visit(page.as_uri())
    visit.page.goto(page.as_uri())
    assert visit.page.locator("h1").inner_text() == "aipaygen"
    found = problems(visit, "light", "report") + problems(visit, "dark", "report")
    visit.page.set_viewport_size({"width": 390, "height": 844})
    visit.page.emulate_media(color_scheme="light")
    if wide := visit.overflow():
        found.append(f"{wide} pixels too wide for a phone")
    found += visit.small_targets()
    visit.screenshot("report-phone")
    visit.page.emulate_media(media="print")
    visit.page.set_viewport_size({"width": 800, "height": 1100})
    visit.screenshot("report-print")
    pdf = visit.page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "14mm"))
    (places.SCREENSHOTS / "report.pdf").write_bytes(pdf)
    assert found == []
    visit.assert_clean()
    visit.close()


def test_the_text_of_callers_stays_text(page, browser):
    visit = browser.visit(page.as_uri())
    visit.page.goto(page.as_uri())
    assert visit.page.evaluate("window.__pwned") is None
    assert visit.page.locator("img").count() == 0
    text = page.read_text()
    assert "\u202e" not in text and "\\u{202e}" in text
    assert "<script>window" not in text
    # Nothing is loaded from anywhere.
    assert [request.url for request in visit.requests] == [page.as_uri()]
    visit.assert_clean()
    visit.close()


def test_the_refused_requests_are_filtered_by_words_and_all_are_shown_without_a_script(page, browser):
    visit = browser.visit(page.as_uri())
    visit.page.goto(page.as_uri())
    rows = visit.page.locator("#rows tr")
    everything = rows.count()
    assert everything > 200
    visit.page.get_by_label("Filter").fill("rate_limited ci@corp")
    shown = visit.page.locator("#rows tr:visible")
    assert 0 < shown.count() < everything
    assert all("rate_limited" in row for row in shown.all_inner_texts())
    assert visit.page.get_by_role("status").inner_text() == f"{shown.count()} of {everything} match"
    visit.assert_clean()
    visit.close()
    bare = browser.visit(page.as_uri(), script=False)
    bare.page.goto(page.as_uri())
    assert bare.page.locator("#rows tr:visible").count() == everything
    assert not bare.page.locator("#filter").is_visible()
    bare.close()
