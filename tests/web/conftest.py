"""A real browser, and a stall for it to visit."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from web.stall import Stall, open_stall
from web.visit import Visit

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module's tests: an open Playwright and another module's event loop would not get along."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("no browser found; install Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def stall() -> Iterator[Stall]:
    with open_stall() as stall:
        yield stall


@pytest.fixture
def visit(browser: Browser, stall: Stall) -> Iterator[Visit]:
    """The page just opened, on a desktop."""
    with browser.new_context(base_url=stall.url, locale="id-ID") as context:
        context.set_default_timeout(15_000)
        visit = Visit(context.new_page())
        visit.listen()
        visit.page.goto("/")
        yield visit
        assert visit.own_errors() == []
