"""Notes what happens without anybody waiting for it; knows no table and no route."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from queue import Empty, Full, Queue
from threading import Event as Flag
from threading import Lock, Thread

import structlog

from warung.analytics.events import Clicked, Event, Searched, Shown, Used
from warung.database.types import utc_now
from warung.engine.request import Usage

log = structlog.get_logger(__name__)

_MOST_WAITING = 10_000
_AT_ONCE = 1000
_GATHER_SECONDS = 0.2


class Recorder:
    """Events wait in a bounded queue for one thread that hands them to `write` in batches.

    Nothing is noted before `start` and after `stop`. What doesn't fit into the queue is dropped and counted
    in a warning. No method but `stop` waits, and none raises. Safe to share between threads.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Event]], None] = lambda _events: None,
        *,
        most_waiting: int = _MOST_WAITING,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._write = write
        self._clock = clock
        self._queue: Queue[Event | None] = Queue(most_waiting)
        self._stopping = Flag()
        self._thread: Thread | None = None
        self._lock = Lock()
        self._dropped = 0

    def start(self) -> None:
        self._stopping.clear()
        self._thread = Thread(target=self._run, name="analytics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when all that was noted is written; does nothing when it never started."""
        thread, self._thread = self._thread, None
        self._stopping.set()
        with suppress(Full):  # then the thread is awake anyway
            self._queue.put_nowait(None)
        if thread is not None:
            thread.join()

    def searched(
        self, owner: str | None, text: str, *, term: str, understood: str, total: int, place: str | None
    ) -> None:
        """A search; `total` is how many products it found."""
        term = " ".join(term.lower().split())
        self._note(Searched(self._clock(), owner, text, term, understood, total, place))

    def shown(self, product_ids: Iterable[int]) -> None:
        if ids := tuple(product_ids):
            self._note(Shown(self._clock().date(), ids))

    def clicked(self, product_id: int) -> None:
        self._note(Clicked(self._clock().date(), product_id))

    def used(self, owner: str, route: str, usage: Usage) -> None:
        """The tokens of one answer, if there were any."""
        if usage.prompt_tokens or usage.completion_tokens:
            self._note(Used(self._clock(), owner, route, usage.prompt_tokens, usage.completion_tokens))

    def _note(self, event: Event) -> None:
        if self._thread is None:
            return
        try:
            self._queue.put_nowait(event)
        except Full:
            with self._lock:
                self._dropped += 1

    def _run(self) -> None:
        while not self._stopping.is_set() or not self._queue.empty():
            batch = [self._queue.get()]
            self._stopping.wait(_GATHER_SECONDS)  # one transaction for all that comes meanwhile
            with suppress(Empty):
                while len(batch) < _AT_ONCE:
                    batch.append(self._queue.get_nowait())
            if events := [event for event in batch if event is not None]:
                self._store(events)
            self._tell_of_dropped()

    def _store(self, events: Sequence[Event]) -> None:
        try:
            self._write(events)
        except Exception:  # the next ones may be written
            log.exception("analytics could not be written", lost=len(events))

    def _tell_of_dropped(self) -> None:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("analytics came too fast to be written", dropped=dropped)
