"""A headless Chromium, and what a person does in it.

with Browser(folder) as browser:
    visit = browser.visit(service.url, width=360, dark=True)
    visit.go("/")
    visit.page.get_by_role("button", name="Sign in").click()
    visit.assert_clean()        # no error, no request elsewhere, nothing that the policy of the page forbids

A visit is somebody's own browser: it shares no cookie with another.
"""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Request, sync_playwright

import places

from .service import PASSWORD

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
]
INSTALLED = ("chromium", "chromium-browser", "google-chrome", "chrome-headless-shell")
PATIENCE_MS = 10_000

# Violations are told to the page before any script of its own runs.
WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


def executable() -> Path | None:
    """Find a Chromium: the one that is asked for, the package's, or an installed one."""
    if chosen := os.environ.get("MCP_POLICY_CHROMIUM"):
        return Path(chosen)
    if places.CHROMIUM_BINARY.exists():
        return places.CHROMIUM_BINARY
    return next((Path(found) for name in INSTALLED if (found := shutil.which(name))), None)


class Browser:
    """A running Chromium. `folder` takes whatever it writes beside its own temporary profile."""

    def __init__(self, folder: Path) -> None:
        program = executable()
        environment = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
        if program == places.CHROMIUM_BINARY:
            fonts = str(places.CHROMIUM / "fonts.conf")
            environment |= {"LD_LIBRARY_PATH": str(places.CHROMIUM / "lib"), "FONTCONFIG_FILE": fonts}
        self._driver = sync_playwright().start()
        try:
            self.chromium = self._driver.chromium.launch(
                executable_path=program, args=FLAGS, env=environment, chromium_sandbox=False
            )
        except BaseException:
            self._driver.stop()
            raise

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_) -> None:
        self.chromium.close()
        self._driver.stop()

    def visit(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
        headers: dict | None = None,
    ) -> "Visit":
        """Open a browser of somebody's own; `script=False` is for those who run none."""
        context = self.chromium.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            extra_http_headers=headers,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        return Visit(url, context, script)


class Visit:
    """Somebody's browser: `page` is what they look at. What goes wrong is in `problems`."""

    def __init__(self, url: str, context: BrowserContext, script: bool) -> None:
        self.url, self.context, self.script = url, context, script
        self.problems: list[str] = []
        self.requests: list[Request] = []
        context.add_init_script(WATCH)
        context.on("request", self._requested)
        self.page: Page = context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", self._asked)

    def _requested(self, request: Request) -> None:
        self.requests.append(request)
        wanted, own = urlsplit(request.url), urlsplit(self.url)
        if (wanted.scheme, wanted.netloc) != (own.scheme, own.netloc):
            self.problems.append(f"request elsewhere: {request.url}")

    def _said(self, message) -> None:
        # Chromium says so of each page whose status is an error: tests look at statuses themselves.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")

    def _asked(self, dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, path: str, status: int = 200) -> Page:
        """Open an address of the service, and check the status."""
        answer = self.page.goto(path)
        assert answer.status == status, (path, answer.status)
        return self.page

    def sign_up(self, link: str, name: str = "") -> Page:
        """Take up an invitation as a person does."""
        self.page.goto(link)
        if name:
            self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("The same again").fill(PASSWORD)
        self.page.get_by_role("button", name="Set password").click()
        self.page.get_by_role("heading", name="Waiting for a decision").wait_for()
        return self.page

    def sign_in(self, name: str, password: str = PASSWORD) -> Page:
        self.page.goto("/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self.page

    def borrow(self, other: "Visit") -> "Visit":
        """Be signed in as somebody else is, in a browser of one's own."""
        self.context.add_cookies(other.context.cookies())
        return self

    def screenshot(self, name: str) -> None:
        """Keep a picture of the whole page for a person to look at."""
        places.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=places.SCREENSHOTS / f"{name}.png", full_page=True)

    def violations(self) -> list[str]:
        """Read what the page tried to do and its policy forbade."""
        return self.page.evaluate("window.__violations") if self.script else []

    def accessible(self) -> list[str]:
        """Say what axe finds on the page: the rule, and the elements that break it."""
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(places.axe().read_text() + "; null")
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{one['id']}: {one['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def overflow(self) -> int:
        """Measure by how many pixels the page is wider than the screen."""
        return self.page.evaluate(
            "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
        )

    def small_targets(self, least: int = 24) -> list[str]:
        """List what is to be tapped and is smaller than a finger needs, links within a sentence aside."""
        return self.page.evaluate(SMALL, least)

    def assert_clean(self) -> None:
        """Nothing went wrong in the browser so far."""
        assert self.problems == []
        assert self.violations() == []

    def close(self) -> None:
        self.context.close()


# A link that is stretched over what it stands in is as large as that.
SMALL = """
(least) => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.type !== "hidden")
  .filter((one) => !(one.matches("a") && getComputedStyle(one).display === "inline"
                     && one.parentElement.textContent.trim() !== one.textContent.trim()))
  .map((one) => {
    const stretched = getComputedStyle(one, "::after").position === "absolute";
    let area = one.closest("label") || one;
    if (stretched) do area = area.parentElement; while (getComputedStyle(area).position === "static");
    return [one, area.getBoundingClientRect()];
  })
  .filter(([one, box]) => box.right > 0 && box.bottom > 0 && (box.width < least || box.height < least))
  .map(([one, box]) => `${one.outerHTML.slice(0, 120)} ${box.width}x${box.height}`)
"""
