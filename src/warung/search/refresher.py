"""Keeps the index up with the database, in a thread of its own; knows no query."""

from threading import Event, Thread

import structlog

from warung.search.index import ProductIndex

log = structlog.get_logger(__name__)


class IndexRefresher:
    """Looks every `interval_seconds` whether the change log moved. A failure is logged and tried again."""

    def __init__(self, index: ProductIndex, interval_seconds: float = 0.25) -> None:
        self._index = index
        self._interval_seconds = interval_seconds
        self._stopping = Event()
        self._looked = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = Thread(target=self._run, name="search-index", daemon=True)
        self._thread.start()

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it has looked once, given this time; building a large index takes longer."""
        return self._looked.wait(timeout_seconds)

    def stop(self) -> None:
        """Returns when the thread is done, with the change it is at; does nothing when none runs."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._index.catch_up()
            except Exception:  # the next round may succeed, and search goes on with what it has
                log.exception("the search index could not catch up")
            self._looked.set()
            self._stopping.wait(self._interval_seconds)
