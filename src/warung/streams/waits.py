"""Who waits for a session's next event or end; knows no store."""

import asyncio
from collections.abc import Collection, Generator
from contextlib import contextmanager


class Waits:
    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[int, asyncio.Future[None]]]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def sessions(self) -> list[str]:
        return list(self._waiting)

    @contextmanager
    def waiting(self, session_id: str, index: int) -> Generator[asyncio.Future[None]]:
        """A future that is done once an event at `index` is stored or the turn has ended."""
        entry = index, asyncio.get_running_loop().create_future()
        entries = self._waiting.setdefault(session_id, [])
        entries.append(entry)
        try:
            yield entry[1]
        finally:
            entries.remove(entry)
            if not entries:
                del self._waiting[session_id]

    def note(self, session_id: str, next_index: int, *, running: bool) -> None:
        """Wake those whom this is news to."""
        for index, reached in self._waiting.get(session_id, ()):
            if (next_index > index or not running) and not reached.done():
                reached.set_result(None)

    def fail(self, session_ids: Collection[str], error: Exception) -> None:
        for session_id in session_ids:
            for _, reached in self._waiting.get(session_id, ()):
                if not reached.done():
                    reached.set_exception(error)
