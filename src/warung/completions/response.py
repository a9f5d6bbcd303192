"""HTTP responses over stored streams: SSE with keep-alives, or the whole answer once it has ended."""

import json
from collections.abc import AsyncGenerator, Mapping

from fastapi.responses import Response, StreamingResponse

from warung.completions.chunk import DONE, Answer, error_object
from warung.errors import WarungError
from warung.streams import sse
from warung.streams.broker import Broker
from warung.streams.event import Event, Session

SESSION_HEADER = "X-Session-Id"
_DONE_FRAME = f"data: {DONE}\n\n".encode()


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
    frames = iter([_DONE_FRAME]) if _at_end(session, cursor) else _frames(batches)
    return StreamingResponse(
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


async def _frames(batches: AsyncGenerator[list[Event]]) -> AsyncGenerator[bytes]:
    yield sse.PING
    try:
        async for batch in batches:
            yield sse.encode(batch) if batch else sse.PING
    except WarungError as error:  # the status line is gone: the reader learns of it in the stream
        yield f"data: {json.dumps({'error': error_object(error)})}\n\n".encode()


async def whole(broker: Broker, session: Session) -> Answer:
    """The latest turn's answer, when it has ended. Raises AnswerFailed when it ended in an error."""
    answer = Answer()
    async for batch in broker.follow(session, session.turn_index):
        if answer.add(event.data for event in batch):
            break
    return answer
