"""A headless Chromium, and the actions of a person in it.

with Browser(folder) as browser:
    visit = browser.visit(service.url, width=360, dark=True)
    visit.go("/")
    visit.page.get_by_role("button", name="Sign in").click()
    visit.assert_clean()        # no error, no request to another site, no CSP violation

A visit is one person's browser: visits share no cookies.
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

# Collects CSP violations. It runs before the page's own scripts.
WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


def executable() -> Path | None:
    """Find a Chromium: the configured one, the package's, or an installed one."""
    if chosen := os.environ.get("MCP_POLICY_CHROMIUM"):
        return Path(chosen)
    if places.CHROMIUM_BINARY.exists():
        return places.CHROMIUM_BINARY
    return next((Path(found) for name in INSTALLED if (found := shutil.which(name))), None)


class Browser:
    """A running Chromium. `folder` is its home directory."""

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
        zone: str | None = None,
    ) -> "Visit":
        """Open a separate browser; `script=False` disables JavaScript, `zone` is its time zone."""
        context = self.chromium.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            extra_http_headers=headers,
            timezone_id=zone,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        return Visit(url, context, script)


class Visit:
    """One person's browser, with its open `page` and the `problems` that occurred."""

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
        # Chromium logs this for each page with an error status. Tests check statuses themselves.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")

    def _asked(self, dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, path: str, status: int = 200) -> Page:
        """Open a page of the service, and check its status."""
        answer = self.page.goto(path)
        assert answer.status == status, (path, answer.status)
        return self.page

    def sign_up(self, link: str, name: str = "") -> Page:
        """Accept an invitation."""
        self.page.goto(link)
        if name:
            self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_label("Repeat password").fill(PASSWORD)
        self.page.get_by_role("button", name="Set password").click()
        self.page.get_by_role("heading", name="Waiting for a decision").wait_for()
        return self.page

    def sign_in(self, name: str, password: str = PASSWORD) -> Page:
        self.page.goto("/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        return self.page

    def refuse(self, reason: str, button: str = "Refuse") -> Page:
        """Refuse the open approval in own words."""
        self.page.get_by_label("Why not?").select_option("own")
        self.page.get_by_label("In your own words").fill(reason)
        self.page.get_by_role("button", name=button).click()
        return self.page

    def borrow(self, other: "Visit") -> "Visit":
        """Copy the session of another browser."""
        self.context.add_cookies(other.context.cookies())
        return self

    def screenshot(self, name: str) -> None:
        """Save a screenshot of the whole page."""
        places.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=places.SCREENSHOTS / f"{name}.png", full_page=True)

    def violations(self) -> list[str]:
        """Return the CSP violations of the page."""
        return self.page.evaluate("window.__violations") if self.script else []

    def accessible(self) -> list[str]:
        """Return axe's findings: the rule, and each element that breaks it."""
        if not self.page.evaluate("typeof window.axe === 'object'"):
            self.page.evaluate(places.axe().read_text() + "; null")
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{one['id']}: {one['help']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        return self.page.evaluate(
            "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
        )

    def in_view(self, button: str) -> bool:
        """Check whether a button is on the screen, without scrolling, and would be hit there."""
        return self.page.get_by_role("button", name=button).evaluate(IN_VIEW)

    def small_targets(self, least: int = 24) -> list[str]:
        """List tap targets that are smaller than `least` pixels, except links within a sentence."""
        return self.page.evaluate(SMALL, least)

    def assert_clean(self) -> None:
        """Check that no problem has occurred so far."""
        assert self.problems == []
        assert self.violations() == []

    def close(self) -> None:
        self.context.close()


IN_VIEW = """
(button) => {
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const within = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
  return within && document.elementFromPoint((left + right) / 2, (top + bottom) / 2) === button;
}
"""

# A link that is stretched over its container has the container's size.
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
