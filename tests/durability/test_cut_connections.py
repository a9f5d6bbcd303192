"""A connection that is cut after any event, or after any byte: who comes back misses nothing."""

from collections.abc import Generator
from itertools import count, cycle
from pathlib import Path

import pytest

from durability.proxy import Cut, Proxy
from durability.reader import Way
from durability.shop import Shop, open_shop
from durability.stories import KILLS, asked, check

WORDS = "Kopi é 🙂"
EVENTS = len(WORDS) + 3  # the opening, the characters, the usage, the end
BYTES_BETWEEN = 1 if KILLS > 10 else 23


@pytest.fixture
def shop(kept: dict[str, str], folder: Path) -> Generator[Shop]:
    with open_shop(folder, kept) as shop:
        yield shop


on_every_store = pytest.mark.parametrize("kept", ["memory", "sqlite", "redis"], indirect=True)


@on_every_store
@pytest.mark.parametrize("by", list(Way))
def test_cut_after_every_event_as_it_comes(shop: Shop, by: Way) -> None:
    url, valve = shop
    reader = asked(1, story=WORDS, by=by)
    reader.read(url, leave_at=1)
    for events, character in enumerate(WORDS, 2):
        valve.give(len(character.encode()))
        reader.read(url, leave_at=events)
        assert len(reader.events) == events
    for events in (EVENTS - 1, EVENTS):
        reader.read(url, leave_at=events)
    check(reader)


@on_every_store
@pytest.mark.parametrize("by", list(Way))
def test_cut_once_after_each_event(shop: Shop, by: Way) -> None:
    url, valve = shop
    valve.open()
    for events in range(1, EVENTS):
        reader = asked(events, story=WORDS, by=by)
        reader.read(url, leave_at=events)
        assert len(reader.events) == events
        reader.read(url)
        check(reader)


@on_every_store
def test_cut_after_each_byte(shop: Shop) -> None:
    """Of its head, its frames and the framing of HTTP."""
    url, valve = shop
    valve.open()
    with Proxy(url) as proxy:
        for cut_after, way, cut in zip(count(1, BYTES_BETWEEN), cycle(Way), cycle(Cut)):
            reader, cuts = asked(cut_after, story=WORDS, by=way), proxy.cuts
            proxy.cut, proxy.cut_after = cut, cut_after
            reader.read(proxy.url)
            proxy.cut_after = None
            if proxy.cuts == cuts:  # the whole answer is shorter
                break
            while not reader.has_ended:
                reader.read(proxy.url)
            check(reader)
