"""HTTP responses over stored streams: SSE with keep-alives, or the whole answer once it has ended."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress

import structlog
from fastapi.responses import Response, StreamingResponse
from starlette.types import Send

from warung.completions.chunk import DONE, Answer, failure, interruption
from warung.errors import Conflict, WarungError
from warung.streams import sse
from warung.streams.broker import Broker
from warung.streams.errors import HandedOver
from warung.streams.event import Event, Session

log = structlog.get_logger(__name__)

SESSION_HEADER = "X-Session-Id"
_DONE_FRAME = f"data: {DONE}\n\n".encode()
_LOOK_UP_SECONDS = 1


class ClientLeft(Conflict):
    """Nobody waits for this plain answer any more; its turn goes on, as that of a closed stream does."""

    default_code = "client_left"


class BrokeOff(WarungError):
    """The turn ended without an end that could be read."""

    default_code = "broke_off"


class EventStream(StreamingResponse):
    """A stream that may be left in its middle, without the end that would make it look whole: its reader must
    come back, here or to another server."""

    async def stream_response(self, send: Send) -> None:
        with suppress(HandedOver):  # the server closes a connection whose response lacks its end
            await super().stream_response(send)


def start_index(session: Session, cursor: int | None) -> int:
    """Where a reader begins: after its cursor, or at the beginning of the latest turn."""
    return session.turn_index if cursor is None else cursor + 1


def stream(
    broker: Broker, session: Session, cursor: int | None, *, headers: Mapping[str, str] | None = None
) -> Response:
    """The events after `cursor` as they come; [DONE] alone when there are none and never will be.

    Raises CursorTooOld and InvalidInput, before the response.
    """
    batches = broker.follow(session, start_index(session, cursor))
    frames = iter([_DONE_FRAME]) if _at_end(session, cursor) else _frames(session, batches)
    return EventStream(
        frames,
        media_type="text/event-stream",
        headers={**sse.HEADERS, SESSION_HEADER: session.id, **(headers or {})},
    )


def resume(broker: Broker, session: Session, cursor: int | None) -> Response:
    """Like `stream`, for EventSource: 204 when all was received, since that alone makes it stop."""
    if _at_end(session, cursor):
        return Response(status_code=204)
    return stream(broker, session, cursor)


def _at_end(session: Session, cursor: int | None) -> bool:
    return cursor is not None and cursor + 1 == session.next_index and not session.running


async def _frames(session: Session, batches: AsyncGenerator[list[Event]]) -> AsyncGenerator[bytes]:
    yield sse.PING
    try:
        async with aclosing(_to_done(session, batches)) as turn:
            async for batch in turn:
                yield sse.encode(batch) if batch else sse.PING
    except HandedOver:
        raise
    except BrokeOff as error:
        yield _told(failure(session.id, error))
    except Exception as error:  # the status line is gone: the reader learns of it in the stream
        unexpected = not isinstance(error, WarungError)
        log.warning("reading failed", session_id=session.id, error=str(error), exc_info=unexpected)
        yield _told([interruption(session.id, error)])


def _told(data: Sequence[str]) -> bytes:
    """Without ids: it is no event of the stream."""
    return "".join(f"data: {text}\n\n" for text in data).encode()


async def _to_done(session: Session, batches: AsyncGenerator[list[Event]]) -> AsyncGenerator[list[Event]]:
    """The batches up to the [DONE] of the session's latest turn: what follows answers another request.

    Raises BrokeOff when the turn ended without one.
    """
    async with aclosing(batches):
        async for batch in batches:
            for count, event in enumerate(batch, 1):
                if event.data == DONE and event.index >= session.turn_index:
                    yield batch[:count]
                    return
            yield batch
    raise BrokeOff("the answer broke off; ask again")


async def whole(broker: Broker, session: Session, has_left: Callable[[], Awaitable[bool]]) -> Answer:
    """The latest turn's answer, when it has ended.

    Raises AnswerFailed when it ended in an error, and ClientLeft soon after `has_left` says so.
    """
    answer = Answer()
    batches = broker.follow(session, session.turn_index, idle_seconds=_LOOK_UP_SECONDS)
    async with aclosing(_to_done(session, batches)) as turn:
        async for batch in turn:
            answer.add(event.data for event in batch)
            if await has_left():
                raise ClientLeft("the client left before the answer's end")
    return answer
