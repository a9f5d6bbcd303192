import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from warung.body_limit import BodyLimit

LIMIT = 10


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def send(
    pieces: list[bytes], *, declared: bytes | None = None, larger: dict[str, int] | None = None
) -> tuple[int, bytes, int]:
    """(status, body, pieces that were read) of a POST through the limit."""
    routes = [Route("/v1/length", length, methods=["POST"])]
    app = BodyLimit(Starlette(routes=routes), max_bytes=LIMIT, larger=larger)
    headers = [] if declared is None else [(b"content-length", declared)]
    left = list(pieces)
    answer: list[Message] = []

    async def receive() -> Message:
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def keep(message: Message) -> None:
        answer.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/length",
        "query_string": b"",
        "headers": headers,
        "server": ("warung", 80),
        "scheme": "http",
    }
    await app(scope, receive, keep)
    return answer[0]["status"], b"".join(m.get("body", b"") for m in answer), len(pieces) - len(left)


async def test_a_body_of_just_the_limit_passes() -> None:
    assert await send([b"x" * LIMIT], declared=b"10") == (200, b"10", 1)
    assert await send([b"x" * 4, b"y" * 6]) == (200, b"10", 2)
    assert await send([b""]) == (200, b"0", 1)


async def test_a_body_declared_too_large_is_not_read() -> None:
    status, body, read = await send([b"x" * 11], declared=b"11")
    assert (status, read) == (413, 0)
    assert b"must not exceed 10 bytes" in body


async def test_a_body_that_turns_out_too_large_is_read_no_further() -> None:
    for declared in (None, b"1", b"many"):
        status, body, read = await send([b"x" * 6, b"y" * 6, b"z" * 6], declared=declared)
        assert (status, read) == (413, 2)
        assert b"must not exceed 10 bytes" in body


async def test_other_kinds_of_connections_pass() -> None:
    seen: list[str] = []

    async def inner(scope: Message, _receive: object, _send: object) -> None:
        seen.append(scope["type"])

    async def nothing() -> Message:
        return {}

    async def ignore(_message: Message) -> None: ...

    await BodyLimit(inner, max_bytes=LIMIT)({"type": "lifespan"}, nothing, ignore)
    assert seen == ["lifespan"]


async def test_a_path_may_take_more() -> None:
    more = {"/v1/length": 12}
    assert await send([b"x" * 6, b"y" * 6], larger=more) == (200, b"12", 2)
    for declared in (None, b"13"):
        status, body, _ = await send([b"x" * 6, b"y" * 7], declared=declared, larger=more)
        assert (status, b"must not exceed 12 bytes" in body) == (413, True)
    assert (await send([b"x" * 11], larger={"/v1": 12}))[0] == 413


@pytest.mark.parametrize("declared", [b"-5", b"0x10", b"1e9", b""])
async def test_a_length_that_is_no_number_is_not_believed(declared: bytes) -> None:
    assert (await send([b"x" * 11], declared=declared))[0] == 413
