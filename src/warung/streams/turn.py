"""A turn that runs here: what its producer says is stored until it ends or is let go of; knows no reader."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from warung.errors import WarungError
from warung.streams.event import StreamStatus
from warung.streams.producer import Producer
from warung.streams.store import Lease, LeaseLost, StoreUnavailable, StreamStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a producer ended, and whether that is stored; `status` None when the turn isn't ours to end."""

    status: StreamStatus | None
    error: Exception | None = None
    is_stored: bool = False


class Turn:
    """Runs from the moment it is made. `over` is called when nothing is left to be done."""

    def __init__(
        self, store: StreamStore, lease: Lease, producer: Producer, over: Callable[["Turn"], None]
    ) -> None:
        self.lease = lease
        self._store = store
        self._producer = producer
        self._over = over
        self._is_settled = False  # nothing may interrupt it any more
        self._is_handed_over = False
        self._reason: WarungError | None = None
        self.task = asyncio.create_task(self._produce(), name=f"stream {lease.session_id}")

    @property
    def session_id(self) -> str:
        return self.lease.session_id

    def cancel(self, reason: WarungError | None = None) -> None:
        """Stop within one step; idempotent. The readers hear the reason, or of a cancellation.

        Takes effect one turn of the loop later: a task cancelled before its first step would never run, so
        its stream would never end and its producer never let go of what it holds.
        """
        if not self._is_settled:
            self._reason = reason or self._reason
        asyncio.get_running_loop().call_soon(self._stop)

    def hand_over(self) -> None:
        """Let go of it within one step, for another to go on, unless its end is settled."""
        self._is_handed_over |= not self._is_settled
        self.cancel()

    def _stop(self) -> None:
        if not self._is_settled:
            self._is_settled = True
            self.task.cancel()

    async def _produce(self) -> None:
        outcome = await self._outcome()
        self._is_settled = True
        try:
            if outcome.status is None:
                self._producer.abandon()
                await self._store.release(self.lease)
            elif not outcome.is_stored:
                finished = outcome.status is StreamStatus.FINISHED
                last = () if finished else await last_words(self.session_id, self._producer, outcome.error)
                await self._store.end(self.lease, outcome.status, last)
        except (LeaseLost, StoreUnavailable) as error:
            log.warning("a turn's end was not stored", session_id=self.session_id, reason=error.message)
        finally:
            self._over(self)

    async def _outcome(self) -> _Outcome:
        try:
            return await self._store_all()
        except asyncio.CancelledError:
            if self._is_handed_over:
                return _Outcome(None)
            return _Outcome(StreamStatus.CANCELLED, self._reason)
        except (LeaseLost, StoreUnavailable) as error:
            # Not the turn's end: whoever can store again goes on with it from what is stored.
            log.warning("let go of a turn", session_id=self.session_id, reason=error.message)
            return _Outcome(None)
        except Exception as error:
            unexpected = not isinstance(error, WarungError)
            log.warning("stream failed", session_id=self.session_id, error=str(error), exc_info=unexpected)
            return _Outcome(StreamStatus.FAILED, error)

    async def _store_all(self) -> _Outcome:
        async with aclosing(self._producer.events()) as batches:
            async for batch in batches:
                if batch.is_last:
                    self._is_settled = True
                    await self._store.end(self.lease, StreamStatus.FINISHED, batch.data)
                    return _Outcome(StreamStatus.FINISHED, is_stored=True)
                if await self._store.append(self.lease, batch.data, batch.memo):
                    return _Outcome(StreamStatus.CANCELLED)
        return _Outcome(StreamStatus.FINISHED)


async def last_words(session_id: str, producer: Producer, error: Exception | None) -> Sequence[str]:
    """The producer's, or none where it fails to say them."""
    try:
        return await producer.last_words(error)
    except Exception:
        log.exception("a stream ended without its last words", session_id=session_id)
        return ()
