"""Goes on with answers whose producer is gone: finds who knows the plan's kind; knows no kind itself."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from warung.completions.chunk import failure
from warung.engine.engine import Engine
from warung.errors import TooManyRequests
from warung.streams.errors import Interrupted
from warung.streams.producer import Producer
from warung.streams.store import Claim

T = TypeVar("T")
Revive = Callable[[Claim], Producer]
"""Builds the producer of a turn's rest, and no more: it must wait for nothing. What goes wrong later ends the
stream as it does in any turn."""

_WAIT_SECONDS = 1


class Revivals:
    """A Reviver over the kinds of plan registered with it; the plan's key "kind" says which it is."""

    def __init__(self) -> None:
        self._kinds: dict[str, Revive] = {}

    def register(self, kind: str, revive: Revive) -> None:
        self._kinds[kind] = revive

    async def revive(self, claim: Claim) -> Producer:
        """Raises Interrupted for a plan that can't be read here."""
        try:
            return self._kinds[json.loads(claim.plan)["kind"]](claim)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise Interrupted("the answer was cut, and this server can't read its plan; ask again") from error

    def give_up(self, claim: Claim, error: Exception) -> Sequence[str]:
        return failure(claim.session.id, error)


async def require_version(engine: Engine, version: str) -> None:
    """Wait for the model. Raises Interrupted when it is another than the one that has begun the answer, and
    EngineUnavailable; `version` empty fits any."""
    if await engine.version() != version and version:
        raise Interrupted("the answer was cut, and another model answers now; ask again")


async def patiently(submit: Callable[[], Awaitable[T]], *, wait_seconds: float = _WAIT_SECONDS) -> T:
    """What `submit` gives once the engine has room: a turn that was accepted once is not refused."""
    while True:
        try:
            return await submit()
        except TooManyRequests:
            await asyncio.sleep(wait_seconds)
