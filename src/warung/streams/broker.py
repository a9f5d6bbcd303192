"""Runs the producers of streams and lets any number of readers follow; owns who may do what with a session.

A producer's life doesn't depend on its readers: a response only reads what is stored. When the last
reader has been gone for long enough, the producer is cancelled. A turn whose producer is gone, here or in
another process, is taken over and goes on.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakValueDictionary

import structlog

from warung.errors import InvalidInput, NotFound, Unavailable, WarungError
from warung.streams.event import Event, Session, StreamStatus
from warung.streams.producer import Producer, Reviver
from warung.streams.store import (
    CursorTooOld,
    Lease,
    LeaseLost,
    RequestDiffers,
    SessionBusy,
    StoreUnavailable,
    StreamStore,
)

log = structlog.get_logger(__name__)

_READ_AT_ONCE = 64
_COLLECT_EVERY_SECONDS = 30
_TOUCH_EVERY_SECONDS = 30
_RIDE_OUT_SECONDS = 10
_TRY_AGAIN_SECONDS = 0.5


class Stopping(Unavailable):
    """This process stops: it begins nothing, or ends what it had begun."""

    default_code = "server_stopping"
    default_retry_after_seconds = 1


class HandedOver(Stopping):
    """The turn goes on elsewhere. Not an end: the reader must come back."""


class Interrupted(Unavailable):
    """The turn can't go on as what it was."""

    default_code = "interrupted"


@dataclass(slots=True)
class _Live:
    """A running turn in this process."""

    lease: Lease
    task: asyncio.Task[None]
    unread_since: float
    ending: bool = False  # its outcome is settled: nothing may interrupt it any more
    handed_over: bool = False
    timer: asyncio.TimerHandle | None = None
    expiring: asyncio.Task[None] | None = None

    def disarm(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True)
class _Outcome:
    """How a producer ended, and whether that is stored; `status` None when the turn isn't ours to end."""

    status: StreamStatus | None
    error: Exception | None = None
    is_stored: bool = False


@dataclass(slots=True)
class _Readers:
    """How many read each session here, what they wait in, and when the store was last told of them."""

    counts: Counter[str] = field(default_factory=Counter[str])
    waits: set[asyncio.Timeout] = field(default_factory=set[asyncio.Timeout])
    touched_at: float = 0

    @contextmanager
    def one_more(self, session_id: str) -> Generator[None]:
        self.counts[session_id] += 1
        try:
            yield
        finally:
            self.counts[session_id] -= 1
            if not self.counts[session_id]:
                del self.counts[session_id]

    @asynccontextmanager
    async def patience(self, seconds: float) -> AsyncGenerator[None]:
        """Raises TimeoutError after so long, or when all are woken."""
        async with asyncio.timeout(seconds) as wait:
            self.waits.add(wait)
            try:
                yield
            finally:
                self.waits.discard(wait)

    def wake(self) -> None:
        for wait in self.waits:
            if not wait.expired():
                wait.reschedule(asyncio.get_running_loop().time())


class Broker:
    """`cancel_after_disconnect_seconds` 0 means never. Without a `reviver` no turn is taken over. A store
    that fails for less than `ride_out_seconds` costs readers no more than time."""

    def __init__(
        self,
        store: StreamStore,
        *,
        reviver: Reviver | None = None,
        ttl_seconds: float = 600,
        idle_seconds: float = 10,
        cancel_after_disconnect_seconds: float = 3600,
        ride_out_seconds: float = _RIDE_OUT_SECONDS,
    ) -> None:
        self._store = store
        self._reviver = reviver
        self._ttl_seconds = ttl_seconds
        self._idle_seconds = idle_seconds
        self._patience_seconds = cancel_after_disconnect_seconds
        self._ride_out_seconds = ride_out_seconds
        self._live: dict[str, _Live] = {}
        self._readers = _Readers()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._stopping = self._closing = False
        self._left = asyncio.Event()  # set when the readers must go, for their turns go on elsewhere
        self._reason: WarungError | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong with the store, as one line."""
        return self._store.problem

    @property
    def stopping(self) -> bool:
        """Whether turns begin no more."""
        return self._stopping

    @property
    def running(self) -> int:
        """Turns that run in this process."""
        return len(self._live)

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
        if session.lapsed:
            with suppress(StoreUnavailable):  # what is stored of it can be read all the same
                await self.take_over(session_id)
        return session

    async def request(
        self,
        session_id: str,
        owner: str,
        request: str,
        open_producer: Callable[[], Awaitable[Producer]],
        *,
        resuming: bool = False,
        once: bool = False,
    ) -> Session:
        """Begin a turn, which runs on whether or not anybody reads; the same request again joins it.

        A turn that failed or was cancelled is joined by those `resuming` it; others begin the next one.
        Raises SessionBusy while another request is answered, with `once` RequestDiffers then and after,
        NotFound when the session is another owner's, StoreUnavailable, Stopping, and what `open_producer`
        raises; then nothing has begun.
        """
        answers = partial(_answers, request=request, resuming=resuming, once=once)
        async with self._lock(session_id):
            session = await self.find(session_id, owner)
            if session and session.lapsed:
                with suppress(StoreUnavailable):
                    await self._take_over(session_id)
            if session and answers(session):
                return session
            if self._stopping:
                raise Stopping("the server is stopping; ask again soon")
            producer = await open_producer()
            try:
                return await self._begin(
                    session_id, owner, request, producer, after=session.next_index if session else 0
                )
            except SessionBusy:  # in another process somebody was quicker, maybe with the same request
                session = await self.find(session_id, owner)
                if session and answers(session):
                    return session
                raise

    async def _begin(
        self, session_id: str, owner: str, request: str, producer: Producer, *, after: int
    ) -> Session:
        try:
            lease = await self._store.begin(session_id, owner, request, producer.plan, after)
            session = await self._known(session_id)
        except BaseException as error:
            await _last_words(session_id, producer, error if isinstance(error, Exception) else None)
            raise
        self._run(lease, producer)
        return session

    async def _known(self, session_id: str) -> Session:
        session = await self._store.get(session_id)
        if session is None:
            raise _unknown(session_id)
        return session

    def _lock(self, session_id: str) -> asyncio.Lock:
        return self._locks.setdefault(session_id, asyncio.Lock())

    def _run(self, lease: Lease, producer: Producer) -> None:
        session_id, loop = lease.session_id, asyncio.get_running_loop()
        task = asyncio.create_task(self._produce(lease, producer), name=f"stream {session_id}")
        self._live[session_id] = _Live(lease, task, loop.time())
        self._arm(session_id)
        if self._closing:
            self._live[session_id].handed_over = self._store.is_durable
            self._cancel(session_id)

    async def take_over(self, session_id: str) -> None:
        """Go on with a turn whose producer is gone, if it is, and nobody else does."""
        async with self._lock(session_id):
            await self._take_over(session_id)

    async def _take_over(self, session_id: str) -> None:
        if self._reviver is None or self._stopping or session_id in self._live:
            return
        claim = await self._store.claim(session_id)
        if claim is None:
            return
        try:
            producer = await self._reviver.revive(claim)
        except Exception as error:
            log.warning("can't take over", session_id=session_id, error=str(error), exc_info=_odd(error))
            last = self._reviver.give_up(claim, error)
            await self._store.end(claim.lease, StreamStatus.FAILED, last)
        else:
            log.info("took over", session_id=session_id, index=claim.session.next_index)
            self._run(claim.lease, producer)

    def follow(
        self, session: Session, index: int, *, idle_seconds: float | None = None
    ) -> AsyncGenerator[list[Event]]:
        """Events from `index` on, in batches, stored ones and then live, to the end of the latest turn.

        An empty batch comes at least after every `idle_seconds`, by default the broker's, without an event.
        Raises CursorTooOld, also in the middle when a slow reader is overtaken, NotFound when the session is
        forgotten under it, StoreUnavailable when nothing can be read for long, or nobody can go on with the
        turn, HandedOver when this process stops and the turn doesn't, and InvalidInput for an index that
        doesn't exist yet.
        """
        if index < session.first_index:
            raise CursorTooOld(session.id, session.first_index)
        if index > session.next_index:
            latest = f"{session.id}:{session.next_index - 1}"
            raise InvalidInput(
                f"Last-Event-ID is ahead of the stream, whose latest event is {latest}", field="Last-Event-ID"
            )
        return self._follow(session.id, index, idle_seconds or self._idle_seconds)

    async def _follow(self, session_id: str, index: int, idle_seconds: float) -> AsyncGenerator[list[Event]]:
        failing_since: float | None = None
        events: list[Event] | None = []
        with self._reading(session_id):
            while True:
                try:
                    async with self._readers.patience(idle_seconds):
                        events = await self._next(session_id, index, goes_on=bool(events))
                except TimeoutError:
                    events = []
                except StoreUnavailable:
                    now = asyncio.get_running_loop().time()
                    failing_since = now if failing_since is None else failing_since
                    if now - failing_since >= self._ride_out_seconds:
                        raise
                    await asyncio.sleep(_TRY_AGAIN_SECONDS)
                    events = []
                else:
                    failing_since = None
                if events is None:
                    return
                yield events
                index += len(events)

    async def _next(self, session_id: str, index: int, *, goes_on: bool) -> list[Event] | None:
        """The events from `index` on, when there are some; None when there will be none. To look
        at the session costs a way to the disk or the network: while the stream `goes_on`, that comes after
        waiting."""
        if goes_on and not self._left.is_set():
            await self._store.wait(session_id, index)
        while True:
            if events := await self._store.read(session_id, index, _READ_AT_ONCE):
                return events
            session = await self._store.get(session_id)
            if session is None:
                raise _unknown(session_id)
            if not session.running and index >= session.next_index:
                return None
            if self._left.is_set():
                raise HandedOver("the server is stopping; come back with the last event's id")
            if session.lapsed and self._store.problem:
                raise StoreUnavailable(self._store.problem)
            await self._store.wait(session_id, index)

    async def cancel(self, session_id: str, owner: str) -> None:
        """Stop a running turn within one step, wherever it runs; idempotent. Raises NotFound."""
        await self.open(session_id, owner)
        if session_id in self._live:
            self._cancel(session_id)
        else:
            await self._store.ask_to_cancel(session_id)

    async def forget(self, session_id: str, owner: str) -> None:
        """Keep nothing of a session; a turn that runs in it is cancelled. Does nothing when there is none.
        Raises NotFound for another owner's."""
        async with self._lock(session_id):
            if await self.find(session_id, owner):
                self._cancel(session_id)
                await self._store.forget(session_id)

    def _cancel(self, session_id: str) -> None:
        """Takes effect one turn of the loop later: a task cancelled before its first step would never run,
        so its stream would never end and its producer never let go of what it holds."""
        if live := self._live.get(session_id):
            asyncio.get_running_loop().call_soon(_stop, live)

    async def _produce(self, lease: Lease, producer: Producer) -> None:
        session_id = lease.session_id
        live = self._live[session_id]
        outcome = await self._outcome(live, producer)
        live.ending = True
        try:
            if outcome.status is None:
                producer.abandon()
                await self._store.release(lease)
            elif not outcome.is_stored:
                finished = outcome.status is StreamStatus.FINISHED
                last = () if finished else await _last_words(session_id, producer, outcome.error)
                await self._store.end(lease, outcome.status, last)
        except (LeaseLost, StoreUnavailable) as error:
            log.warning("a turn's end was not stored", session_id=session_id, reason=error.message)
        finally:
            live.disarm()
            if self._live.get(session_id) is live:  # the next turn may have begun once the end was stored
                del self._live[session_id]

    async def _outcome(self, live: _Live, producer: Producer) -> _Outcome:
        session_id = live.lease.session_id
        try:
            return await self._store_all(live, producer)
        except asyncio.CancelledError:
            if live.handed_over:
                return _Outcome(None)
            return _Outcome(StreamStatus.CANCELLED, self._reason)
        except (LeaseLost, StoreUnavailable) as error:
            # Not the turn's end: whoever can store again goes on with it from what is stored.
            log.warning("let go of a turn", session_id=session_id, reason=error.message)
            return _Outcome(None)
        except Exception as error:
            log.warning("stream failed", session_id=session_id, error=str(error), exc_info=_odd(error))
            return _Outcome(StreamStatus.FAILED, error)

    async def _store_all(self, live: _Live, producer: Producer) -> _Outcome:
        async with aclosing(producer.events()) as batches:
            async for batch in batches:
                if batch.is_last:
                    live.ending = True
                    await self._store.end(live.lease, StreamStatus.FINISHED, batch.data)
                    return _Outcome(StreamStatus.FINISHED, is_stored=True)
                if await self._store.append(live.lease, batch.data, batch.memo):
                    return _Outcome(StreamStatus.CANCELLED)
        return _Outcome(StreamStatus.FINISHED)

    def _arm(self, session_id: str) -> None:
        """Start the time after which a turn without readers is cancelled."""
        live = self._live.get(session_id)
        if live and self._patience_seconds and not self._readers.counts[session_id]:
            loop = asyncio.get_running_loop()
            live.unread_since = loop.time()
            live.timer = loop.call_later(self._patience_seconds, self._expire, session_id)

    def _expire(self, session_id: str) -> None:
        if live := self._live.get(session_id):
            live.expiring = asyncio.create_task(self._cancel_unread(session_id, live))

    async def _cancel_unread(self, session_id: str, live: _Live) -> None:
        """Cancel a turn that has no reader in any process, or look again when it may have none."""
        try:
            session = await self._store.get(session_id)
        except StoreUnavailable:
            session = None
        if self._live.get(session_id) is not live or self._readers.counts[session_id]:
            return
        loop = asyncio.get_running_loop()
        unread = min(loop.time() - live.unread_since, session.unread_seconds if session else 0)
        if unread >= self._patience_seconds:
            self._cancel(session_id)
        else:
            live.timer = loop.call_later(self._patience_seconds - unread, self._expire, session_id)

    @contextmanager
    def _reading(self, session_id: str) -> Generator[None]:
        if live := self._live.get(session_id):
            live.disarm()
        try:
            with self._readers.one_more(session_id):
                yield
        finally:
            if not self._readers.counts[session_id]:
                self._arm(session_id)

    async def tend_forever(self) -> None:
        """Renew the leases of what runs here, go on with what runs nowhere, forget what ended long ago."""
        collected_at = asyncio.get_running_loop().time()
        while True:
            try:
                await self.tend()
                now = asyncio.get_running_loop().time()
                if now - collected_at >= _COLLECT_EVERY_SECONDS:
                    collected_at = now
                    await self._store.collect(self._ttl_seconds)
            except StoreUnavailable as error:
                log.warning("sessions can't be tended", reason=error.message)
            except Exception:
                log.exception("tending the sessions failed")
            await asyncio.sleep(self._store.lease_seconds / 3)

    async def tend(self) -> None:
        """One round of it."""
        for session_id in await self._store.renew([live.lease for live in self._live.values()]):
            self._cancel(session_id)
        await self._touch()
        for session_id in await self._store.lapsed():
            await self.take_over(session_id)

    async def _touch(self) -> None:
        """Tell the producers elsewhere that there are readers here."""
        now = asyncio.get_running_loop().time()
        if now - self._readers.touched_at >= min(_TOUCH_EVERY_SECONDS, self._patience_seconds / 4):
            self._readers.touched_at = now
            if away := [name for name in self._readers.counts if name not in self._live]:
                await self._store.touch(away)

    async def drain(self, seconds: float) -> None:
        """Begin nothing any more, and let running turns come to their end for so long."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while tasks := [live.task for live in self._live.values()]:
                    await asyncio.wait(tasks)

    async def close(self, reason: WarungError | None = None) -> None:
        """End every running turn here, and any that still begins, and wait for it.

        Where the store outlives this process, they are left to be taken over, and their readers hear
        HandedOver; else they are cancelled, and their readers hear the `reason`, or of a cancellation.
        """
        self._stopping = self._closing = True
        self._reason = reason or self._reason
        if self._store.is_durable:
            self._left.set()
            self._readers.wake()
        while tasks := [live.task for live in self._live.values()]:
            for session_id, live in list(self._live.items()):
                live.handed_over = self._store.is_durable and not live.ending
                self._cancel(session_id)
            await asyncio.gather(*tasks, return_exceptions=True)


def _answers(session: Session, *, request: str, resuming: bool, once: bool) -> bool:
    """Whether its latest turn is the request's answer. Raises SessionBusy and RequestDiffers."""
    if session.request == request and (resuming or not session.broken):
        return True
    if once and not session.broken:
        raise RequestDiffers(session.id)
    if session.running:
        raise SessionBusy(session.id)
    return False


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


def _odd(error: Exception) -> bool:
    """Whether it was not raised on purpose."""
    return not isinstance(error, WarungError)


def _unknown(session_id: str) -> NotFound:
    return NotFound(f"there is no session {session_id}", field="session_id", code="session_not_found")
