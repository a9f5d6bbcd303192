"""Owns who may do what with a session: runs the turns of streams here, and lets readers follow them.

A producer's life doesn't depend on its readers: a response only reads what is stored. When the last
reader has been gone for long enough, the producer is cancelled. A turn whose producer is gone, here or in
another process, is taken over and goes on.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from weakref import WeakValueDictionary

import structlog

from warung.errors import WarungError
from warung.streams.errors import SessionUnknown, Stopping
from warung.streams.event import Event, Session, StreamStatus
from warung.streams.follower import Follower
from warung.streams.producer import Producer, Reviver
from warung.streams.readers import Readers
from warung.streams.store import Lease, RequestDiffers, SessionBusy, StoreUnavailable, StreamStore
from warung.streams.turn import Turn, last_words

log = structlog.get_logger(__name__)

_COLLECT_EVERY_SECONDS = 30
_RIDE_OUT_SECONDS = 10


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
        self._turns: dict[str, Turn] = {}
        self._readers = Readers(store, cancel_after_disconnect_seconds)
        self._follower = Follower(
            store, self._readers, idle_seconds=idle_seconds, ride_out_seconds=ride_out_seconds
        )
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._stopping = self._closing = False
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
        return len(self._turns)

    async def find(self, session_id: str, owner: str) -> Session | None:
        """The caller's session, or None when there is none yet. Raises NotFound for another owner's."""
        session = await self._store.get(session_id)
        if session and session.owner != owner:
            raise SessionUnknown(session_id)
        return session

    async def open(self, session_id: str, owner: str) -> Session:
        """The caller's session. Raises NotFound when it is absent or another's, which look the same."""
        session = await self.find(session_id, owner)
        if session is None:
            raise SessionUnknown(session_id)
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
            await last_words(session_id, producer, error if isinstance(error, Exception) else None)
            raise
        self._run(lease, producer)
        return session

    async def _known(self, session_id: str) -> Session:
        session = await self._store.get(session_id)
        if session is None:
            raise SessionUnknown(session_id)
        return session

    def _lock(self, session_id: str) -> asyncio.Lock:
        return self._locks.setdefault(session_id, asyncio.Lock())

    def _run(self, lease: Lease, producer: Producer) -> None:
        turn = Turn(self._store, lease, producer, self._over)
        self._turns[turn.session_id] = turn
        self._readers.watch(turn)
        if self._closing:
            self._end(turn)

    def _over(self, turn: Turn) -> None:
        self._readers.forget(turn)
        if self._turns.get(turn.session_id) is turn:  # the next one may have begun once the end was stored
            del self._turns[turn.session_id]

    async def take_over(self, session_id: str) -> None:
        """Go on with a turn whose producer is gone, if it is, and nobody else does."""
        async with self._lock(session_id):
            await self._take_over(session_id)

    async def _take_over(self, session_id: str) -> None:
        if self._reviver is None or self._stopping or session_id in self._turns:
            return
        claim = await self._store.claim(session_id)
        if claim is None:
            return
        try:
            producer = await self._reviver.revive(claim)
        except Exception as error:
            unexpected = not isinstance(error, WarungError)
            log.warning("can't take over", session_id=session_id, error=str(error), exc_info=unexpected)
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
        return self._follower.follow(session, index, idle_seconds)

    async def cancel(self, session_id: str, owner: str) -> None:
        """Stop a running turn within one step, wherever it runs; idempotent. Raises NotFound."""
        await self.open(session_id, owner)
        if turn := self._turns.get(session_id):
            turn.cancel()
        else:
            await self._store.ask_to_cancel(session_id)

    async def forget(self, session_id: str, owner: str) -> None:
        """Keep nothing of a session; a turn that runs in it is cancelled. Does nothing when there is none.
        Raises NotFound for another owner's."""
        async with self._lock(session_id):
            if await self.find(session_id, owner):
                if turn := self._turns.get(session_id):
                    turn.cancel()
                await self._store.forget(session_id)

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
        for session_id in await self._store.renew([turn.lease for turn in self._turns.values()]):
            if turn := self._turns.get(session_id):
                turn.cancel()
        await self._readers.touch()
        for session_id in await self._store.lapsed():
            await self.take_over(session_id)

    async def drain(self, seconds: float) -> None:
        """Begin nothing any more, and let running turns come to their end for so long."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while tasks := [turn.task for turn in self._turns.values()]:
                    await asyncio.wait(tasks)

    async def close(self, reason: WarungError | None = None) -> None:
        """End every running turn here, and any that still begins, and wait for it.

        Where the store outlives this process, they are left to be taken over, and their readers hear
        HandedOver; else they are cancelled, and their readers hear the `reason`, or of a cancellation.
        """
        self._stopping = self._closing = True
        self._reason = reason or self._reason
        if self._store.is_durable:
            self._follower.send_away()
        while turns := list(self._turns.values()):
            for turn in turns:
                self._end(turn)
            await asyncio.gather(*(turn.task for turn in turns), return_exceptions=True)

    def _end(self, turn: Turn) -> None:
        if self._store.is_durable:
            turn.hand_over()
        else:
            turn.cancel(self._reason)


def _answers(session: Session, *, request: str, resuming: bool, once: bool) -> bool:
    """Whether its latest turn is the request's answer. Raises SessionBusy and RequestDiffers."""
    if session.request == request and (resuming or not session.broken):
        return True
    if once and not session.broken:
        raise RequestDiffers(session.id)
    if session.running:
        raise SessionBusy(session.id)
    return False
