"""Tells those who wait that a session has changed, here or anywhere; knows nothing of what is stored."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

_LOOK_EVERY_SECONDS = 1
_CONNECT_AGAIN_SECONDS = 0.2


class RedisChanges:
    """Messages may be lost, so a waiter looks for itself each time it is woken: at a message, when messages
    can be heard again after a time without, and once a second."""

    def __init__(self, redis: Redis, channel: str) -> None:
        self.channel = channel
        self._redis = redis
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None
        self._look: asyncio.TimerHandle | None = None

    @contextmanager
    def watch(self, session_id: str) -> Generator[asyncio.Event]:
        """Set at every change from now on, and when it is time to look; clear it before looking."""
        changed = asyncio.Event()
        self._waiting[session_id].add(changed)
        if self._look is None:  # one for all, since most waits end before it does
            self._look = asyncio.get_running_loop().call_later(_LOOK_EVERY_SECONDS, self._look_all)
        try:
            yield changed
        finally:
            self._waiting[session_id].discard(changed)
            if not self._waiting[session_id]:
                del self._waiting[session_id]

    def _look_all(self) -> None:
        self._look = None
        if self._waiting:
            self._look = asyncio.get_running_loop().call_later(_LOOK_EVERY_SECONDS, self._look_all)
        self._wake_all()

    def wake(self, session_id: str) -> None:
        for changed in self._waiting.get(session_id, ()):
            changed.set()

    def listen(self) -> None:
        """Hear of other replicas' changes from now on."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen(), name="redis changes")

    async def _listen(self) -> None:
        while not _is_cancelled():
            with suppress(RedisError, OSError):
                await self._hear()
            await asyncio.sleep(_CONNECT_AGAIN_SECONDS)

    async def _hear(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(self.channel)
            if _is_cancelled():
                return
            async for message in pubsub.listen():
                if message["type"] == "message":
                    self.wake(message["data"])
                else:
                    self._wake_all()

    def _wake_all(self) -> None:
        for session_id in self._waiting:
            self.wake(session_id)

    async def close(self) -> None:
        self._wake_all()
        if self._look:
            self._look.cancel()
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)


def _is_cancelled() -> bool:
    """Before Python 3.12 `asyncio.wait_for`, which the client connects with, can lose a cancellation."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
