import json
import logging
import os
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from warung.telemetry import RequestLog, configure_logs

log = structlog.get_logger(__name__)


async def hello(_request: Request) -> PlainTextResponse:
    log.info("inside")
    return PlainTextResponse("Halo", status_code=201)


async def pieces(_request: Request) -> StreamingResponse:
    async def make() -> AsyncIterator[bytes]:
        yield b"a"
        log.info("between")
        yield b"b"

    return StreamingResponse(make())


async def fail(_request: Request) -> PlainTextResponse:
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def own_configuration() -> Iterator[None]:
    """The logs' configuration is put back."""
    handlers, level = logging.root.handlers, logging.root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.root.handlers = handlers
    logging.root.setLevel(level)


async def get(path: str, request_id: str | None = None) -> httpx.Response:
    routes = [Route("/hello", hello), Route("/pieces", pieces), Route("/fail", fail)]
    transport = httpx.ASGITransport(RequestLog(Starlette(routes=routes)), raise_app_exceptions=False)
    headers = {} if request_id is None else {"X-Request-Id": request_id}
    async with httpx.AsyncClient(transport=transport, base_url="http://warung") as client:
        return await client.get(path, headers=headers)


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines on stderr, which is no terminal here."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("request_id", ["a", "7f3c-9.B_2", "x" * 64])
async def test_a_harmless_request_id_is_kept(request_id: str) -> None:
    assert (await get("/hello", request_id)).headers["X-Request-Id"] == request_id


@pytest.mark.parametrize("request_id", [None, "", "x" * 65, "a b", 'a","level":"error', "a;b", "a/b"])
async def test_any_other_request_id_is_replaced(request_id: str | None) -> None:
    made = {(await get("/hello", request_id)).headers["X-Request-Id"] for _ in range(3)}
    assert len(made) == 3
    assert request_id not in made
    assert all(len(name) == 16 and int(name, 16) for name in made)


async def test_a_request_is_one_line_of_json_with_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(log_format="auto", level="info")
    await get("/hello?q=rahasia", "the-id")
    inside, line = records(capsys)
    assert (inside["event"], inside["request_id"]) == ("inside", "the-id")
    assert line.pop("timestamp").endswith("Z")
    assert 0 <= line.pop("seconds") < 5
    assert line == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "path": "/hello",
        "status": 201,
        "request_id": "the-id",
    }


async def test_a_streams_line_comes_when_it_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(log_format="json", level="info")
    assert (await get("/pieces", "the-id")).text == "ab"
    assert [(line["event"], line["request_id"]) for line in records(capsys)] == [
        ("between", "the-id"),
        ("request", "the-id"),
    ]


async def test_a_failed_request_has_its_line_and_the_next_its_own_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs(log_format="json", level="info")
    await get("/fail", "first")
    await get("/hello")
    failed, inside, _ = records(capsys)
    assert (failed["event"], failed["status"], failed["request_id"]) == ("request", 500, "first")
    assert inside["request_id"] != "first"


async def test_the_level_is_a_floor(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(log_format="json", level="warning")
    await get("/hello")
    log.warning("seen")
    assert [line["event"] for line in records(capsys)] == ["seen"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logs(log_format=log_format, level="info")
    secret = "-".join(("rahasia", "sekali"))  # in no line of this file
    try:
        (Path(secret).absolute().parent / "none/such").read_text()
    except OSError:
        log.exception("failed")
    written = capsys.readouterr().err
    assert "FileNotFoundError" in written
    assert "rahasia-sekali" not in written
    assert (log_format == "json") == written.startswith("{")


async def test_lines_for_people_are_not_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(log_format="console", level="info")
    await get("/hello")
    written = capsys.readouterr().err
    assert "status" in written
    assert not written.startswith("{")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_lines_of_libraries_look_like_ours(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logs(log_format=log_format, level="info")
    library = logging.getLogger("library")
    library.info("chatter")
    secret = "-".join(("rahasia", "sekali"))
    try:
        (Path(secret).absolute().parent / "none/such").read_text()
    except OSError:
        library.exception("%s failed", "it")
    written = capsys.readouterr().err
    assert "FileNotFoundError" in written
    assert "chatter" not in written
    assert "rahasia-sekali" not in written
    if log_format == "json":
        (line,) = [json.loads(line) for line in written.splitlines()]
        assert (line["event"], line["level"]) == ("it failed", "error")
        assert line["timestamp"].endswith("Z")


def test_a_warning_is_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure_logs(log_format="json", level="info")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    (line,) = records(capsys)
    assert (line["level"], "DeprecationWarning: old" in line["event"]) == ("warning", True)


async def test_no_request_fails_for_a_log_that_cannot_be_written() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    nobody_reads = os.fdopen(writer, "w", buffering=1)
    with redirect_stderr(nobody_reads):
        configure_logs(log_format="json", level="info")
    for _ in range(2):
        assert (await get("/hello")).text == "Halo"
    with suppress(BrokenPipeError):
        nobody_reads.close()
