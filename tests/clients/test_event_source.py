"""EventSource of npm and of Chromium: slow starts, cut connections, and an end that is one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from browser import open_browser
from clients.node import FOLDER, run_script
from clients.slow import PINGS, SlowStart, slow_start
from openai_api.house import CHAT, PING, question

TEXT = "Halo 🙂"
LAST = 7  # the index of [DONE]: the role, six characters of which the last brings the reason
CUTS = {"never-cut": None, "cut-at-first": 0, "cut-half-way": 3, "cut-at-done": LAST}
CANCELLED = "cancelled"

Follow = Callable[[str, list[str]], list[dict[str, Any]]]
"""From a page's URL and those of streams to what was heard of each."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(params=["eventsource", "chromium"])
def follow(request: pytest.FixtureRequest) -> Follow:
    if request.param == "eventsource":
        return lambda _page, urls: run_script("event_source.mjs", *urls)
    browser: Browser = request.getfixturevalue("browser")
    return lambda page, urls: _follow_in(browser, page, urls)


def _follow_in(browser: Browser, url: str, urls: list[str]) -> list[dict[str, Any]]:
    script = (FOLDER / "follow.js").read_text().replace("export ", "")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        return page.evaluate(
            f"""urls => {{
              {script}
              const late = new Promise((_, fail) => setTimeout(fail, 60_000, new Error("no end")));
              return Promise.race([late, Promise.all(urls.map((url) => follow(EventSource, url)))]);
            }}""",
            urls,
        )


def _begin(slow: SlowStart, session_id: str) -> str:
    """The path of a stream that its asker left after its first event."""
    body = question(TEXT, stream=True, session_id=session_id)
    with slow.house.stream("POST", CHAT, json=body) as response:
        assert any(b"\n\n" in piece for piece in response.iter_raw())
    return f"{CHAT}/{session_id}"


def test_each_event_comes_once_whatever_breaks(follow: Follow, tmp_path: Path) -> None:
    with slow_start(tmp_path, f"{CHAT}/never-cut") as slow:
        paths = {session_id: _begin(slow, session_id) for session_id in [*CUTS, CANCELLED]}
        for session_id, cut in CUTS.items():
            if cut is not None:
                slow.wire.cut(paths[session_id], after_events=cut)
        slow.house.post(f"/v1/cancel/{CANCELLED}").raise_for_status()
        told = follow(slow.wire.url, [slow.wire.url + path for path in paths.values()])
        heard = dict(zip(paths, told, strict=True))

    for session_id, cut in CUTS.items():
        ids = [f"{session_id}:{index}" for index in range(LAST + 1)]
        assert heard[session_id] == {"ids": ids, "text": TEXT, "reason": "stop", "error": None}
        first, *returns, last = slow.wire.to(paths[session_id])
        assert (first.last_event_id, last.last_event_id) == (None, ids[-1])
        assert last.answer.startswith(b"HTTP/1.1 204 ")
        # A client may forget what it had not yet told its page when the connection broke.
        assert len(returns) == (cut is not None)
        assert all(back.last_event_id in [None, *ids[:cut]] for back in returns)
    assert slow.wire.to(paths["never-cut"])[0].answer.partition(b'"content":"H"')[0].count(PING) >= PINGS
    ids = [f"{CANCELLED}:{index}" for index in range(3)]
    cancelled = {"ids": ids, "text": "", "reason": None, "error": "this answer was cancelled"}
    assert heard[CANCELLED] == cancelled
