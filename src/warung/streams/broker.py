"""Runs the producers of streams and lets any number of readers follow; owns who may do what with a session.

A producer's life doesn't depend on its readers: a response only reads what is stored. When the last
reader has been gone for long enough, the producer is cancelled.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakValueDictionary

import structlog

from warung.errors import InvalidInput, NotFound, WarungError
from warung.streams.event import Event, Session, StreamStatus
from warung.streams.store import CursorTooOld, SessionBusy, StreamStore

log = structlog.get_logger(__name__)

_READ_AT_ONCE = 256
_COLLECT_EVERY_SECONDS = 30


class Producer(Protocol):
    """Makes one turn of a stream."""

    def events(self) -> AsyncGenerator[Sequence[str]]:
        """Batches of event data, to be stored and sent together."""
        ...

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        """The events that tell readers of a failure, or of a cancellation when `error` is None.

        Must not raise. Called once, when the turn does not finish, also when it never began: gives back
        what the producer holds.
        """
        ...


@dataclass(slots=True)
class _Live:
    """A running turn in this process."""

    task: asyncio.Task[None]
    ending: bool = False  # its outcome is settled: nothing may interrupt it any more
    timer: asyncio.TimerHandle | None = None

    def disarm(self) -> None:
        if self.timer:
            self.timer.cancel()


class Broker:
    """`cancel_after_disconnect_seconds` 0 means never."""

    def __init__(
        self, store: StreamStore, *, ttl_seconds: float = 600, cancel_after_disconnect_seconds: float = 3600
    ) -> None:
        self._store = store
        self._ttl_seconds = ttl_seconds
        self._patience_seconds = cancel_after_disconnect_seconds
        self._live: dict[str, _Live] = {}
        self._readers: Counter[str] = Counter()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closing = False
        self._reason: WarungError | None = None

    async def find(self, session_id: str, owner: str) -> Session | None:
        """The caller's session, or None when there is none yet. Raises NotFound for another owner's."""
        session = await self._store.get(session_id)
        if session and session.owner != owner:
            raise _unknown(session_id)
        return session

    async def open(self, session_id: str, owner: str) -> Session:
        """The caller's session. Raises NotFound when it is absent or another's, which look the same."""
        session = await self.find(session_id, owner)
        if session is None:
            raise _unknown(session_id)
        return session

    async def request(
        self,
        session_id: str,
        owner: str,
        request: str,
        open_producer: Callable[[], Awaitable[Producer]],
        *,
        resuming: bool = False,
    ) -> Session:
        """Begin a turn, which runs on whether or not anybody reads; the same request again joins it.

        A turn that failed or was cancelled is joined by those `resuming` it; others begin the next one.
        Raises SessionBusy when another request is being answered, NotFound when the session is another
        owner's, and what `open_producer` raises; then nothing has begun.
        """
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            session = await self.find(session_id, owner)
            if session and session.request == request and (resuming or not session.broken):
                return session
            if session and session.running:
                raise SessionBusy(f"session {session_id} is still answering; wait for its end or cancel it")
            producer = await open_producer()
            try:
                session = await self._store.begin(session_id, owner, request)
            except BaseException as error:
                await _last_words(session_id, producer, error if isinstance(error, Exception) else None)
                raise
            task = asyncio.create_task(self._produce(session_id, producer), name=f"stream {session_id}")
            self._live[session_id] = _Live(task)
            self._arm(session_id)
            if self._closing:
                self._cancel(session_id)
            return session

    def follow(
        self, session: Session, index: int, *, idle_seconds: float = 10
    ) -> AsyncGenerator[list[Event]]:
        """Events from `index` on, in batches, stored ones and then live, to the end of the latest turn.

        An empty batch comes after every `idle_seconds` without an event. Raises CursorTooOld, also in the
        middle when a slow reader is overtaken, NotFound when the session is forgotten under it, and
        InvalidInput for an index that doesn't exist yet.
        """
        if index < session.first_index:
            raise CursorTooOld(session.id, session.first_index)
        if index > session.next_index:
            latest = f"{session.id}:{session.next_index - 1}"
            raise InvalidInput(
                f"Last-Event-ID is ahead of the stream, whose latest event is {latest}", field="Last-Event-ID"
            )
        return self._follow(session.id, index, idle_seconds)

    async def _follow(self, session_id: str, index: int, idle_seconds: float) -> AsyncGenerator[list[Event]]:
        with self._reading(session_id):
            while True:
                if events := await self._store.read(session_id, index, _READ_AT_ONCE):
                    yield events
                    index += len(events)
                    continue
                session = await self._store.get(session_id)
                if session is None:
                    raise _unknown(session_id)
                if not session.running and index >= session.next_index:
                    return
                try:
                    async with asyncio.timeout(idle_seconds):
                        await self._store.wait(session_id, index)
                except TimeoutError:
                    yield []

    async def cancel(self, session_id: str, owner: str) -> None:
        """Stop a running turn within one step; idempotent. Raises NotFound."""
        await self.open(session_id, owner)
        self._cancel(session_id)

    def _cancel(self, session_id: str) -> None:
        """Takes effect one turn of the loop later: a task cancelled before its first step would never run,
        so its stream would never end and its producer never let go of what it holds."""
        if live := self._live.get(session_id):
            asyncio.get_running_loop().call_soon(_stop, live)

    async def _produce(self, session_id: str, producer: Producer) -> None:
        live = self._live[session_id]
        status, error = await self._outcome(session_id, producer)
        live.ending = True
        finished = status is StreamStatus.FINISHED
        last = () if finished else await _last_words(session_id, producer, error)
        try:
            await self._store.end(session_id, status, last)
        finally:
            live.disarm()
            if self._live.get(session_id) is live:  # the next turn may have begun once the end was stored
                del self._live[session_id]

    async def _outcome(self, session_id: str, producer: Producer) -> tuple[StreamStatus, Exception | None]:
        try:
            async with aclosing(producer.events()) as batches:
                async for data in batches:
                    await self._store.append(session_id, data)
        except asyncio.CancelledError:
            return StreamStatus.CANCELLED, self._reason
        except Exception as error:
            unexpected = not isinstance(error, WarungError)
            log.warning("stream failed", session_id=session_id, error=str(error), exc_info=unexpected)
            return StreamStatus.FAILED, error
        return StreamStatus.FINISHED, None

    def _arm(self, session_id: str) -> None:
        """Start the time after which a turn without readers is cancelled."""
        live = self._live.get(session_id)
        if live and self._patience_seconds and not self._readers[session_id]:
            loop = asyncio.get_running_loop()
            live.timer = loop.call_later(self._patience_seconds, self._cancel, session_id)

    @contextmanager
    def _reading(self, session_id: str) -> Generator[None]:
        self._readers[session_id] += 1
        if live := self._live.get(session_id):
            live.disarm()
        try:
            yield
        finally:
            self._readers[session_id] -= 1
            if not self._readers[session_id]:
                del self._readers[session_id]
                self._arm(session_id)

    async def collect_forever(self) -> None:
        """Forget ended sessions as they expire."""
        while True:
            await asyncio.sleep(_COLLECT_EVERY_SECONDS)
            await self._store.collect(self._ttl_seconds)

    async def close(self, reason: WarungError | None = None) -> None:
        """Cancel every running turn, and any that still begins, and wait for their ends.

        Readers hear the `reason`, or of a cancellation.
        """
        self._closing, self._reason = True, reason or self._reason
        while tasks := [live.task for live in self._live.values()]:
            for session_id in list(self._live):
                self._cancel(session_id)
            await asyncio.gather(*tasks, return_exceptions=True)


async def _last_words(session_id: str, producer: Producer, error: Exception | None) -> Sequence[str]:
    try:
        return await producer.last_words(error)
    except Exception:
        log.exception("a stream ended without its last words", session_id=session_id)
        return ()


def _stop(live: _Live) -> None:
    if not live.ending:
        live.ending = True
        live.task.cancel()


def _unknown(session_id: str) -> NotFound:
    return NotFound(f"there is no session {session_id}", field="session_id", code="session_not_found")
