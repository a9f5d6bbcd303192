"""A turn that was cut after some of its batches, as the store hands it to whoever takes over."""

from collections.abc import Sequence

from warung.streams.event import Session, StreamStatus
from warung.streams.producer import Batch, Producer
from warung.streams.store import Claim, Lease

SESSION = "session-a"


async def told_by(producer: Producer) -> list[Batch]:
    return [batch async for batch in producer.events()]


def data_of(batches: Sequence[Batch]) -> list[str]:
    return [data for batch in batches for data in batch.data]


def cut_after(batches: Sequence[Batch], plan: str, *, turn_index: int = 3, epoch: int = 2) -> Claim:
    """What is claimed when these batches of the turn are stored."""
    next_index = turn_index + len(data_of(batches))
    session = Session(SESSION, "ani", "request", StreamStatus.RUNNING, turn_index, 0, next_index)
    memos = tuple(batch.memo for batch in batches if batch.memo)
    return Claim(Lease(SESSION, epoch), session, plan, memos)
