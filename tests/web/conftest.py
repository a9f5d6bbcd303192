"""A real browser, and a stall for it to visit."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser import open_browser
from web.stall import Stall, open_stall
from web.visit import Visit


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


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
