"""Where streams are kept: the protocol that every store fulfils, and its errors."""

from collections.abc import Sequence
from typing import Protocol

from warung.errors import Conflict, Gone
from warung.streams.event import Event, Session, StreamStatus


class SessionBusy(Conflict):
    """The session's latest turn is still running."""

    default_code = "session_busy"


class CursorTooOld(Gone):
    """The events after the cursor are no longer all kept; `first_id` is the first that still is."""

    default_code = "cursor_too_old"

    def __init__(self, session_id: str, first_index: int) -> None:
        self.first_id = f"{session_id}:{first_index}"
        super().__init__(
            f"the events after this cursor are no longer kept: the first one available is {self.first_id}",
            field="Last-Event-ID",
        )


class StreamStore(Protocol):
    """Appends are atomic and in order; a reader sees an event only after it is stored."""

    async def get(self, session_id: str) -> Session | None: ...

    async def begin(self, session_id: str, owner: str, request: str) -> Session:
        """Open a session, or the next turn of one that has ended.

        Raises SessionBusy when a turn is running. The caller has checked the owner.
        """
        ...

    async def append(self, session_id: str, data: Sequence[str]) -> None:
        """Store the next events of a running turn, all or none."""
        ...

    async def end(self, session_id: str, status: StreamStatus, data: Sequence[str] = ()) -> None:
        """Store the turn's last events together with its final state; does nothing when it has ended."""
        ...

    async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
        """Up to `limit` events from `index` on. Raises CursorTooOld when `index` is no longer kept."""
        ...

    async def wait(self, session_id: str, index: int) -> None:
        """Return once an event at `index` is stored or the turn has ended."""
        ...

    async def collect(self, ttl_seconds: float) -> int:
        """Forget sessions that ended longer ago; returns how many."""
        ...
