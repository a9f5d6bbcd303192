"""Who reads which session here; cancels a turn that nobody has read for long enough, here or elsewhere."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from warung.streams.store import StoreUnavailable, StreamStore
from warung.streams.turn import Turn

_TOUCH_EVERY_SECONDS = 30


@dataclass(slots=True, eq=False)
class _Unread:
    """A turn that runs here, and since when it has had no reader here."""

    turn: Turn
    since: float
    timer: asyncio.TimerHandle | None = None
    expiring: asyncio.Task[None] | None = None

    def disarm(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None


class Readers:
    """`patience_seconds` is how long a turn goes on without a reader; 0 means for ever."""

    def __init__(self, store: StreamStore, patience_seconds: float) -> None:
        self._store = store
        self._patience_seconds = patience_seconds
        self._counts: Counter[str] = Counter()
        self._watched: dict[str, _Unread] = {}
        self._touched_at = 0.0

    @contextmanager
    def one_more(self, session_id: str) -> Generator[None]:
        """While it lasts, the session has a reader."""
        if unread := self._watched.get(session_id):
            unread.disarm()
        self._counts[session_id] += 1
        try:
            yield
        finally:
            self._counts[session_id] -= 1
            if not self._counts[session_id]:
                del self._counts[session_id]
                self._arm(session_id)

    def watch(self, turn: Turn) -> None:
        """The turn runs here from now on; its patience begins unless somebody reads."""
        if before := self._watched.get(turn.session_id):
            before.disarm()
        self._watched[turn.session_id] = _Unread(turn, asyncio.get_running_loop().time())
        self._arm(turn.session_id)

    def forget(self, turn: Turn) -> None:
        """The turn runs here no more; that of the session's next one goes on."""
        unread = self._watched.get(turn.session_id)
        if unread and unread.turn is turn:
            unread.disarm()
            del self._watched[turn.session_id]

    async def touch(self) -> None:
        """Tell the producers elsewhere, now and then, that there are readers here."""
        now = asyncio.get_running_loop().time()
        if now - self._touched_at >= min(_TOUCH_EVERY_SECONDS, self._patience_seconds / 4):
            self._touched_at = now
            if away := [session_id for session_id in self._counts if session_id not in self._watched]:
                await self._store.touch(away)

    def _arm(self, session_id: str) -> None:
        unread = self._watched.get(session_id)
        if unread and self._patience_seconds and not self._counts[session_id]:
            unread.since = asyncio.get_running_loop().time()
            self._look_again(unread, self._patience_seconds)

    def _look_again(self, unread: _Unread, seconds: float) -> None:
        unread.disarm()
        unread.timer = asyncio.get_running_loop().call_later(seconds, self._expire, unread)

    def _expire(self, unread: _Unread) -> None:
        unread.expiring = asyncio.create_task(self._cancel_unread(unread))

    async def _cancel_unread(self, unread: _Unread) -> None:
        """Cancel a turn that has no reader in any process, or look again when it may have none."""
        session_id = unread.turn.session_id
        try:
            session = await self._store.get(session_id)
        except StoreUnavailable:
            session = None
        if self._watched.get(session_id) is not unread or self._counts[session_id]:
            return
        here_seconds = asyncio.get_running_loop().time() - unread.since
        unread_seconds = min(here_seconds, session.unread_seconds if session else 0)
        if unread_seconds >= self._patience_seconds:
            unread.turn.cancel()
        else:
            self._look_again(unread, self._patience_seconds - unread_seconds)
