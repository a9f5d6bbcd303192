"""Carries calls of one script to Redis, those of one moment together; knows Redis' faults, and no stream."""

# pyright: reportUnknownMemberType=false

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from redis import exceptions as faults
from redis.asyncio import Redis

from warung.streams.store import StoreUnavailable

_AT_ONCE = 1024

Argument = str | bytes | int
Call = tuple[Sequence[str], Sequence[Argument]]
"""A script's keys and its arguments."""


class RedisPipeline:
    """Calls go out in the order they were made. Those of one tick of the event loop, and those made while an
    answer is awaited, share one round trip. None is ever sent twice: what became of a call whose connection
    broke is not known."""

    def __init__(self, redis: Redis, script: str) -> None:
        self.problem: str | None = None
        self._redis = redis
        self._script = script
        self._digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._pending: list[tuple[Call, asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._closed = False

    def call(self, keys: Sequence[str], arguments: Sequence[Argument]) -> asyncio.Future[Any]:
        """The answer to come, or StoreUnavailable. A call's own mistake, such as text that is not Unicode, is
        raised here, where it spoils no other's."""
        if self._closed:
            raise StoreUnavailable("the connection to Redis has been closed")
        encoded = [part.encode() if isinstance(part, str) else part for part in arguments]
        answer = asyncio.get_running_loop().create_future()
        self._pending.append(((keys, encoded), answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="redis pipeline")
        return answer

    async def _send(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:_AT_ONCE], self._pending[_AT_ONCE:]
            replies = await self._replies([call for call, _ in batch])
            for (_, answer), reply in zip(batch, replies, strict=True):
                self._settle(answer, reply)
        self._sending = None

    def _settle(self, answer: asyncio.Future[Any], reply: Any) -> None:
        fault = _unavailable(reply) if isinstance(reply, Exception) else None
        self.problem = fault.message if fault else None
        if answer.done():
            return  # nobody waits for it any more
        if fault:
            answer.set_exception(fault)
        else:
            answer.set_result(reply)

    async def _replies(self, calls: list[Call]) -> list[Any]:
        try:
            replies = await self._exchange("EVALSHA", self._digest, calls)
            unknown = [
                place for place, reply in enumerate(replies) if isinstance(reply, faults.NoScriptError)
            ]
            if unknown:  # those were not run
                again = await self._exchange("EVAL", self._script, [calls[place] for place in unknown])
                for place, reply in zip(unknown, again, strict=True):
                    replies[place] = reply
        except Exception as error:
            return [error] * len(calls)
        return replies

    async def _exchange(self, command: str, script: str, calls: list[Call]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for keys, arguments in calls:
            pipeline.execute_command(command, script, len(keys), *keys, *arguments)
        return await pipeline.execute(raise_on_error=False)

    async def close(self) -> None:
        """Waits for the answers to what was called."""
        self._closed = True
        if self._sending:
            await self._sending


def _unavailable(error: Exception) -> StoreUnavailable:
    text = " ".join(str(error).split())[:300]
    match error:
        case faults.AuthenticationError() | faults.AuthorizationError() | faults.NoPermissionError():
            said = f"Redis refuses the user or password in REDIS_URL: {text}"
        case faults.TimeoutError():
            said = "the Redis at REDIS_URL does not answer in time"
        case faults.ConnectionError():
            said = f"the Redis at REDIS_URL can't be reached: {text}"
        case faults.ReadOnlyError():
            said = "the Redis at REDIS_URL is a read-only replica: REDIS_URL must name its primary"
        case faults.OutOfMemoryError():
            said = (
                "the Redis at REDIS_URL is out of memory: raise its maxmemory or lower SESSIONS_TTL_SECONDS"
            )
        case _ if "unauthenticated" in text:  # of somebody it doesn't know it reads short commands only
            said = "Redis asks for a password, and there is no password in REDIS_URL"
        case _:
            said = f"the Redis at REDIS_URL refuses: {text}"
    return StoreUnavailable(said)
