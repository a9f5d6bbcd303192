"""A live server whose model takes its time to load, with a wire to it."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from clients.wire import Wire, open_wire
from openai_api.house import CHAT, PING, open_house
from warung.engine.scripted import MODEL_ID, ScriptedRunner, echo
from warung.engine.text import Tokenizer
from warung.engine.worker import ThreadedEngine

PINGS = 4  # the one at the beginning, and those that keep alive


class Sleeper(ScriptedRunner):
    """Its model is loaded once it was woken."""

    def __init__(self, woken: threading.Event) -> None:
        super().__init__(echo)
        self._woken = woken

    def load(self) -> Tokenizer:
        assert self._woken.wait(30), "nobody woke the model"
        return super().load()


@dataclass(frozen=True, slots=True)
class SlowStart:
    house: httpx.Client  # goes past the wire
    wire: Wire


@contextmanager
def slow_start(folder: Path, path: str = CHAT) -> Generator[SlowStart]:
    """The model wakes when an answer to a request of `path` has brought so many pings over the wire."""
    woken = threading.Event()
    engine = ThreadedEngine(MODEL_ID, Sleeper(woken))
    try:
        with (
            open_house(folder, engine, keep_alive_seconds=0.05) as house,
            open_wire(str(house.base_url)) as wire,
        ):
            wire.when(lambda: any(one.answer.count(PING) >= PINGS for one in wire.to(path)), woken.set)
            yield SlowStart(house, wire)
    finally:
        woken.set()
