"""Where streams are kept: the protocol that every store fulfils, and its errors."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from warung.errors import Conflict, Gone, Unavailable
from warung.streams.event import Event, Session, StreamStatus


class SessionBusy(Conflict):
    """The session's latest turn is still running."""

    default_code = "session_busy"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session {session_id} is still answering; wait for its end or cancel it")


class RequestDiffers(Conflict):
    """The session is for one answer, and this request is not the one it answers."""

    default_code = "request_differs"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"session {session_id} is another request's")


class LeaseLost(Conflict):
    """The turn is another producer's by now, or has ended: what was to be stored is not."""

    default_code = "lease_lost"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"the turn of session {session_id} goes on elsewhere or has ended")


class StoreUnavailable(Unavailable):
    """Nothing can be stored or read now: the disk is full, the server gone, the file locked or corrupt."""

    default_code = "sessions_unavailable"
    default_retry_after_seconds = 2


class CursorTooOld(Gone):
    """The events after the cursor are no longer all kept; `first_id` is the first that still is."""

    default_code = "cursor_too_old"

    def __init__(self, session_id: str, first_index: int) -> None:
        self.first_id = f"{session_id}:{first_index}"
        super().__init__(
            f"the events after this cursor are no longer kept: the first one available is {self.first_id}",
            field="Last-Event-ID",
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to produce a session's running turn; each later one of the session has a higher `epoch`."""

    session_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A running turn that was taken over. `plan` is what its beginner said is needed to go on with it,
    `memos` what its producers noted since, in order."""

    lease: Lease
    session: Session
    plan: str
    memos: tuple[str, ...]


class StreamStore(Protocol):
    """Appends are atomic and in order; a reader sees an event only after it is stored.

    A turn is produced under a lease of `lease_seconds`, which its producer renews. When it lapses, anyone may
    claim the turn; what comes under the old lease is then refused. Every method raises StoreUnavailable when
    nothing can be stored or read; nothing is half-stored then.
    """

    @property
    def lease_seconds(self) -> float: ...

    @property
    def is_durable(self) -> bool:
        """Whether a turn can go on when its process is gone."""
        ...

    @property
    def problem(self) -> str | None:
        """What was wrong at the latest attempt, as one line; None when it went well."""
        ...

    async def get(self, session_id: str) -> Session | None: ...

    async def begin(
        self, session_id: str, owner: str, request: str, plan: str = "", after: int | None = None
    ) -> Lease:
        """Open a session, or the next turn of one that has ended; forgets the memos of earlier turns.

        Raises SessionBusy when a turn is running, or has ended since the caller saw the session with `after`
        as its next index, 0 when there was none. The caller has checked the owner.
        """
        ...

    async def append(self, lease: Lease, data: Sequence[str], memo: str = "") -> bool:
        """Store the next events of a running turn and a note for who takes it over, all or none. Whether
        somebody has asked to cancel the turn. Raises LeaseLost."""
        ...

    async def end(self, lease: Lease, status: StreamStatus, data: Sequence[str] = ()) -> None:
        """Store the turn's last events together with its final state. Raises LeaseLost."""
        ...

    async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
        """Up to `limit` events from `index` on. Raises CursorTooOld when `index` is no longer kept."""
        ...

    async def wait(self, session_id: str, index: int) -> None:
        """Return once an event at `index` is stored or the turn has ended, wherever that happens."""
        ...

    async def renew(self, leases: Collection[Lease]) -> frozenset[str]:
        """Prolong the leases that still hold; the ids of the turns that somebody has asked to cancel."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let anyone claim the turn at once; does nothing when the lease is lost."""
        ...

    async def claim(self, session_id: str) -> Claim | None:
        """Take over a running turn whose lease has lapsed; None when there is nothing to take over. Of many
        who try at once one succeeds."""
        ...

    async def lapsed(self) -> list[str]:
        """The sessions that could be claimed now."""
        ...

    async def ask_to_cancel(self, session_id: str) -> None:
        """Tell the producer of a running turn, wherever it is; does nothing when none runs."""
        ...

    async def touch(self, session_ids: Collection[str]) -> None:
        """Note that these sessions have readers now."""
        ...

    async def forget(self, session_id: str) -> None:
        """Keep nothing of a session. Its running turn is nobody's any more: what comes under its lease is
        refused, and who waits for it returns; another process may read on for a lease's time."""
        ...

    async def collect(self, ttl_seconds: float) -> int:
        """Forget sessions that ended longer ago; returns how many."""
        ...

    async def close(self) -> None: ...
