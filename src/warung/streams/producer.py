"""Who makes the events of a turn, and who goes on with a turn that another has left; knows no store."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from warung.streams.store import Claim


@dataclass(frozen=True, slots=True)
class Batch:
    """Event data to be stored and sent together; `memo` is what whoever takes over needs to know of them.
    With the last ones the turn is finished: who has read them may begin the next."""

    data: Sequence[str]
    memo: str = ""
    is_last: bool = False


class Producer(Protocol):
    """Makes one turn of a stream, or the rest of one."""

    @property
    def plan(self) -> str:
        """All that is needed to go on with the turn, beside the memos; empty where nobody could."""
        ...

    def events(self) -> AsyncGenerator[Batch]: ...

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        """The events that tell readers of a failure, or of a cancellation when `error` is None.

        Must not raise. Called once, when the turn does not finish, also when it never began: gives back
        what the producer holds.
        """
        ...

    def abandon(self) -> None:
        """Give back what the producer holds, in silence: another goes on with the turn, or will."""
        ...


class Reviver(Protocol):
    """Goes on with turns whose producer is gone."""

    async def revive(self, claim: Claim) -> Producer:
        """The rest of the turn.

        Raises any error when the turn can't go on. It waits for nothing: what may take long belongs to the
        producer's events.
        """
        ...

    def give_up(self, claim: Claim, error: Exception) -> Sequence[str]:
        """The events that tell readers that it can't."""
        ...
