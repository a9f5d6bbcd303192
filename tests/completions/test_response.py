import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import cast

import pytest
from fastapi.responses import StreamingResponse
from starlette.types import Message

from warung.completions.chunk import DONE, ChunkWriter
from warung.completions.response import ClientLeft, stream, whole
from warung.engine.request import FinishReason, Usage
from warung.errors import WarungError
from warung.streams.broker import Broker
from warung.streams.event import Event, Session
from warung.streams.memory_store import MemoryStreamStore
from warung.streams.producer import Batch, Producer
from warung.streams.store import StoreUnavailable

WRITER = ChunkWriter("chatcmpl-1", "m", "one-session")


class Brief:
    """A turn that nobody else could go on with."""

    plan = ""

    def abandon(self) -> None:
        """It holds nothing."""


class Saying(Brief):
    """A turn that says one text."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def events(self) -> AsyncGenerator[Batch]:
        yield Batch([WRITER.opening()])
        yield Batch(WRITER.ending(self._text, FinishReason.STOP, Usage(1, 1)))

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        raise AssertionError(error)


class Speechless(Brief):
    """A turn that opens, waits to be stopped and then can't say that it was."""

    async def events(self) -> AsyncGenerator[Batch]:
        yield Batch([WRITER.opening()])
        await asyncio.Event().wait()

    async def last_words(self, error: Exception | None) -> Sequence[str]:
        raise RuntimeError("speechless") from error


class Remembering(Broker):
    """Keeps what it handed to readers, so that only closing ends it."""

    followed: AsyncGenerator[list[Event]] | None = None

    def follow(
        self, session: Session, index: int, *, idle_seconds: float | None = None
    ) -> AsyncGenerator[list[Event]]:
        self.followed = super().follow(session, index, idle_seconds=idle_seconds)
        return self.followed


async def begin(broker: Broker, request: str, producer: Producer) -> Session:
    async def open_producer() -> Producer:
        return producer

    return await broker.request("one-session", "ani", request, open_producer)


async def stays() -> bool:
    return False


async def leaves() -> bool:
    return True


async def say(broker: Broker, text: str) -> Session:
    session = await begin(broker, text, Saying(text))
    assert (await whole(broker, session, stays)).content == text
    return session


def pieces_of(broker: Broker, session: Session) -> AsyncGenerator[bytes]:
    response = stream(broker, session, None)
    assert isinstance(response, StreamingResponse)
    return cast("AsyncGenerator[bytes]", response.body_iterator)  # the framework's type tells less


async def test_a_late_reader_of_a_turn_does_not_get_the_next_one_too() -> None:
    broker = Broker(MemoryStreamStore())
    first = await say(broker, "Satu")
    second = await say(broker, "Dua")
    assert (await whole(broker, first, stays)).content == "Satu"
    assert (await whole(broker, second, stays)).content == "Dua"
    streamed = b"".join([piece async for piece in pieces_of(broker, first)])
    assert b"Satu" in streamed
    assert b"Dua" not in streamed
    assert streamed.endswith(b"data: [DONE]\n\n")
    await broker.close()


async def test_a_stream_without_an_end_gets_one() -> None:
    broker = Broker(MemoryStreamStore())
    session = await begin(broker, "x", Speechless())
    await broker.cancel("one-session", "ani")
    streamed = b"".join([piece async for piece in pieces_of(broker, session)]).decode()
    *_, failure, done = [line for line in streamed.splitlines() if line.startswith("data: ")]
    assert done == f"data: {DONE}"
    told = json.loads(failure.removeprefix("data: "))
    assert told["error"]["message"] == "the answer broke off; ask again"
    assert told["warung"] == {"session_id": "one-session", "status": 500}
    with pytest.raises(WarungError, match="broke off"):
        await whole(broker, session, stays)


async def test_a_store_that_fails_in_mid_stream_is_told_of_without_its_words() -> None:
    class Broken(MemoryStreamStore):
        async def read(self, session_id: str, index: int, limit: int) -> list[Event]:
            raise OSError(f"secret path of {session_id}, {index}, {limit}")

    broker = Broker(Broken())
    session = await begin(broker, "x", Saying("Halo"))
    streamed = b"".join([piece async for piece in pieces_of(broker, session)]).decode()
    assert "the server failed while answering" in streamed
    assert "secret" not in streamed
    assert "resumable" not in streamed
    assert "[DONE]" not in streamed


async def test_a_store_that_fails_for_long_is_told_of_and_is_no_end() -> None:
    class Failing(MemoryStreamStore):
        async def wait(self, session_id: str, index: int) -> None:
            if index:
                raise StoreUnavailable("the disk is full")
            await super().wait(session_id, index)

    broker = Broker(Failing(), ride_out_seconds=0)
    session = await begin(broker, "x", Speechless())
    streamed = b"".join([piece async for piece in pieces_of(broker, session)]).decode()
    *_, opening, told = [line for line in streamed.splitlines() if line]
    assert json.loads(opening.removeprefix("data: "))["choices"]
    assert json.loads(told.removeprefix("data: ")) == {
        "error": {
            "message": "the disk is full",
            "type": "server_error",
            "param": None,
            "code": "sessions_unavailable",
        },
        "warung": {"session_id": "one-session", "status": 503, "resumable": True},
    }
    assert (await broker.open("one-session", "ani")).running
    await broker.close()


async def test_a_reader_that_leaves_is_no_reader_any_more() -> None:
    broker = Remembering(MemoryStreamStore())
    pieces = pieces_of(broker, await begin(broker, "x", Speechless()))
    assert [await anext(pieces), (await anext(pieces))[:4]] == [b": ping\n", b"id: "]
    await pieces.aclose()
    assert broker.followed
    with pytest.raises(StopAsyncIteration):
        await anext(broker.followed)
    await broker.close()


async def test_a_reader_whose_turn_goes_on_elsewhere_is_not_told_of_an_end() -> None:
    class Shared(MemoryStreamStore):
        is_durable = True

    broker = Broker(Shared())
    response = stream(broker, await begin(broker, "x", Speechless()), None)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 3:  # the headers, the ping, the opening chunk
            await broker.close(WarungError("the server is stopping"))

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    await response({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 2]
    assert all(message["more_body"] for message in sent[1:])
    assert b"error" not in b"".join(message["body"] for message in sent[1:])


async def test_nobody_reads_on_for_a_client_that_left() -> None:
    broker = Broker(MemoryStreamStore())
    session = await begin(broker, "x", Speechless())
    with pytest.raises(ClientLeft):
        await whole(broker, session, leaves)
    assert (await broker.open("one-session", "ani")).running
    await broker.close()
