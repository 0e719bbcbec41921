"""Takes the documentation's pictures of an approval's page and of a report: `make screenshot`."""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import places
from harness import day, policy
from harness.browser import Browser
from harness.service import Service

REPORT = places.ROOT / "docs" / "report.png"
PICTURE = places.ROOT / "docs" / "approval.png"
RULES = json.loads(policy.read(places.ROOT / "policies" / "aipaygen.json"))["tools"]
CONFIG = """
[[risks]]
tools = ["submit_*"]
class = "financial"

[[descriptions]]
tools = ["submit_agent_task"]
text = "Posts a task that other agents can take. The reward is held until the task is done."
"""
WIDTH = 1000
TOOL = "submit_agent_task"
TASK = {
    "posted_by": "agent-3",
    "title": "Translate the release notes",
    "description": "The notes of version 4.2, into German and Polish.\nKeep product names as they are.",
    "reward_usd": 40,
}


EARLIER = [("approve", 15, None), ("deny", 400, "Not now. Ask again later.")]


def approval(folder: Path, browser: Browser) -> None:
    with Service(folder, config=CONFIG) as service:
        who = {"server": "aipaygen", "grant": "operations", "principal": "agent-3@example.com"}
        what = {"tool": TOOL, "rule": f"tools.{TOOL}", "reason": RULES[TOOL]["reason"]}
        anna = browser.visit(service.url, width=WIDTH, zone="Europe/Berlin")
        anna.sign_up(service.link, "anna")
        token = service.shell("anna")
        for verb, reward, reason in EARLIER:
            earlier = service.ask(**who, **what, arguments={"title": TASK["title"], "reward_usd": reward})
            service.decide(earlier["id"], verb, token, reason)
        asked = service.ask(**who, **what, arguments=TASK)
        anna.go(f"/approvals/{asked['id']}")
        last = anna.page.locator(".earlier").bounding_box()
        anna.page.set_viewport_size({"width": WIDTH, "height": round(last["y"] + last["height"]) + 20})
        anna.page.screenshot(path=PICTURE)


def report(folder: Path, browser: Browser) -> None:
    chance = random.Random(7)
    log, page = folder / "access.log", folder / "report.html"
    records = (json.dumps({"mcp": [day.record(number, chance)]}) for number in range(3000))
    log.write_text("".join(f"{record}\n" for record in records))
    subprocess.run([places.POLICY_TOOL, "report", log, "-o", page], check=True)
    visit = browser.visit(page.as_uri(), width=WIDTH)
    visit.page.goto(page.as_uri())
    visit.page.emulate_media(color_scheme="light")
    shown = visit.page.locator(
        "section", has=visit.page.get_by_role("heading", name="Refused most")
    ).bounding_box()
    visit.page.set_viewport_size({"width": WIDTH, "height": round(shown["y"] + shown["height"]) + 20})
    visit.page.screenshot(path=REPORT)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="mcp-policy-screenshot-") as name:
        folder = Path(name)
        with Browser(folder) as browser:
            approval(folder, browser)
            report(folder, browser)
    print(PICTURE.relative_to(places.ROOT))
    print(REPORT.relative_to(places.ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
