"""Headless Chromium, as the system brings it: found, started, and looked at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect, sync_playwright

FLAGS = [
    "--no-sandbox",  # a container's user is often root, who has no sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
"""As in the `conftest.py` that leaves these tests out where there is none."""
LOAD_SECONDS = 90
HIDDEN = """() => Math.max(0, ...[...document.querySelectorAll("*")]
  .filter(element => ["auto", "scroll"].includes(getComputedStyle(element).overflowY))
  .map(element => element.scrollHeight - element.clientHeight))"""
"""How many pixels of the page's longest part have to be scrolled to."""
CUT_OFF = """() => Math.max(0, ...[...document.querySelectorAll("table")].map(table => {
  const right = table.getBoundingClientRect().right;
  let cut = 0;
  for (let around = table.parentElement; around; around = around.parentElement)
    if (getComputedStyle(around).overflowX !== "visible")
      cut = Math.max(cut, right - around.getBoundingClientRect().right);
  return cut;
}))"""
"""How many pixels of the widest table lie beyond the right end of what shows it."""
SETTLE_SECONDS = 1.5
LAPTOP = 1440


def chromium() -> str:
    """Path of the browser.

    Raises:
        AssertionError: there is none.
    """
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    assert found is not None, (
        f"no browser: none of {', '.join(NAMES)} is on the PATH. Install Chromium (Debian and Ubuntu: apt-get install "
        "chromium), or unset RETRAIN_ASSETS_REQUIRE_BROWSER to leave the tests that are marked `browser` out."
    )
    return found


def artifacts() -> Path:
    """Where screenshots are kept."""
    folder = Path(os.environ.get("RETRAIN_ASSETS_TEST_ARTIFACTS") or "ci-artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window on the UI of a server; notes what goes wrong in it and whom it calls."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str, *, until: str) -> None:
        """Goes to a path and waits for a text."""
        self.page.goto(f"{self.url}{path}")
        self.see(until)

    def see(self, *texts: str) -> None:
        """Waits until each text is on the page."""
        for text in texts:
            expect(self.page.get_by_text(text).first).to_be_visible(timeout=LOAD_SECONDS * 1000)

    def nothing_is_cut_off(self, *, width: int = LAPTOP) -> None:
        """No table is wider than the page shows in a window of this width, but for its border."""
        before = self.page.viewport_size
        assert before is not None
        self.page.set_viewport_size({**before, "width": width})
        assert self.page.evaluate(CUT_OFF) <= 5
        self.page.set_viewport_size(before)

    def keep(self, name: str) -> None:
        """A screenshot, after everything has come to rest."""
        self.page.wait_for_timeout(SETTLE_SECONDS * 1000)
        self.page.screenshot(path=artifacts() / f"{name}.png")

    def keep_whole(self, name: str) -> None:
        """A screenshot in a window so high that nothing has to be scrolled to."""
        self.page.wait_for_timeout(SETTLE_SECONDS * 1000)
        before = self.page.viewport_size
        assert before is not None
        self.page.set_viewport_size({**before, "height": before["height"] + self.page.evaluate(HIDDEN)})
        self.keep(name)
        assert self.page.evaluate(HIDDEN) == 0, "something of the page is still out of sight"
        self.page.set_viewport_size(before)


def from_elsewhere(url: str) -> bool:
    """Whether an address is not of this machine."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1"


@contextmanager
def window(browser_path: str, url: str, *, width: int = 1600, height: int = 1400) -> Generator[Window]:
    """A new window of a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height}, timezone_id="UTC", locale="en-US")
        opened = Window(page=page, url=url)
        page.on("request", lambda request: opened.strangers.extend(filter(from_elsewhere, [request.url])))
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        try:
            yield opened
        finally:
            browser.close()
