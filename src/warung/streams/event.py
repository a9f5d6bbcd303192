"""What a stream is made of: numbered events, and the session they belong to."""

from dataclasses import dataclass, field
from enum import StrEnum


class StreamStatus(StrEnum):
    """Where a session's latest turn stands; every turn ends in exactly one of the last three."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Event:
    """`index` is contiguous from 0 over all turns of the session; `data` is one line of text."""

    session_id: str
    index: int
    data: str


@dataclass(frozen=True, slots=True)
class Session:
    """A stream's state. `request` is a fingerprint of the latest turn's request, which began at `turn_index`;
    events from `first_index` up to, not including, `next_index` are kept. `lapsed` says that the turn runs
    and its producer's lease doesn't: it can be claimed. `unread_seconds` is the time since a reader was last
    noted, or since the turn began."""

    id: str
    owner: str
    request: str
    status: StreamStatus
    turn_index: int
    first_index: int
    next_index: int
    lapsed: bool = field(default=False, compare=False)
    unread_seconds: float = field(default=0, compare=False)

    @property
    def running(self) -> bool:
        return self.status is StreamStatus.RUNNING

    @property
    def broken(self) -> bool:
        """Whether the latest turn ended before its end."""
        return self.status in {StreamStatus.FAILED, StreamStatus.CANCELLED}
