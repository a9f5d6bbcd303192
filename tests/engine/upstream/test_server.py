"""One server over a real socket."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from engine.upstream.fleet import MODEL, Peer, ask, chunk, ending, live, saying, until
from warung.engine.features import ALL_FEATURES
from warung.engine.upstream.failure import ServerFailed
from warung.engine.upstream.kind import Kind
from warung.engine.upstream.server import MAX_FRAME_BYTES, UpstreamServer, base_url
from warung.errors import InvalidInput


@pytest.fixture
async def client() -> AsyncGenerator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient() as client:
        yield client


async def text_from(server: UpstreamServer, client: httpx2.AsyncClient) -> str:
    async with server.answering(client, ask()) as events:
        assert server.load == 1
        return "".join([event.text async for event in events])


async def failure_of(server: UpstreamServer, client: httpx2.AsyncClient) -> str:
    with pytest.raises(ServerFailed) as caught:
        await text_from(server, client)
    assert server.load == 0
    return caught.value.reason


@pytest.mark.parametrize("url", ["http://gpu1:8000", "http://gpu1:8000/", "http://gpu1:8000/v1/"])
def test_an_address_with_or_without_v1(url: str) -> None:
    assert base_url(url) == "http://gpu1:8000"
    assert base_url("https://house.id/models/v1") == "https://house.id/models"


@pytest.mark.parametrize(
    "url",
    ["gpu1:8000", "ftp://gpu1", "http://", "http://gpu1?a=1", "http://budi:rahasia@gpu1", "http://[::1"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        base_url(url)
    assert caught.value.field == "UPSTREAM_URL"
    assert "rahasia" not in caught.value.message


async def test_a_look_tells_what_it_is_and_can_do(client: httpx2.AsyncClient) -> None:
    with live(Peer(owner="sglang")) as (url,):
        server = UpstreamServer(f"{url}/v1", MODEL)
        assert server.trouble
        await server.check(client)
        assert (server.trouble, server.kind, server.features) == (None, Kind.SGLANG, ALL_FEATURES)


@pytest.mark.parametrize(
    ("model", "status", "trouble"),
    [
        ({"id": "other"}, 200, f"serves other and not {MODEL}"),
        ({"id": MODEL}, 401, "refuses the key (UPSTREAM_KEY)"),
        ({"id": MODEL}, 500, "answers with status 500"),
        ({"name": MODEL}, 200, "lists no models under /v1/models"),
        ("nonsense", 200, "lists no models under /v1/models"),
    ],
)
async def test_a_look_tells_its_trouble(
    client: httpx2.AsyncClient, model: Any, status: int, trouble: str
) -> None:
    peer = Peer()
    with live(peer) as (url,):
        server = UpstreamServer(url, MODEL)
        await server.check(client)
        assert server.trouble is None
        good, peer.model, peer.models_status = peer.model, model, status
        await server.check(client)
        assert server.trouble == trouble
        peer.model, peer.models_status = good, 200
        await server.check(client)
        assert server.trouble is None
    await server.check(client)
    assert server.trouble == "can't be reached"


async def test_an_answer(client: httpx2.AsyncClient) -> None:
    peer = Peer(saying("Hello", " there"))
    with live(peer) as (url,):
        server = UpstreamServer(url, MODEL)
        assert await text_from(server, client) == "Hello there"
    assert server.load == 0
    assert peer.bodies[0]["model"] == MODEL


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (["{no json"], "sends what is no chat completion"),
        (["[1]"], "sends what is no chat completion"),
        ([{"choices": 5}], "sends what is no chat completion"),
        ([chunk("x"), {"error": {"message": "secret", "code": 500}}], "ended its answer with an error"),
        ([chunk("x"), chunk(finish_reason="abort"), "[DONE]"], "broke off its answer"),
        ([chunk("x"), "[DONE]"], "broke off its answer"),
        ([chunk("x")], "broke off its answer"),
        ([chunk("x" * MAX_FRAME_BYTES)], "sends no event stream that can be read"),
    ],
)
async def test_a_broken_answer_is_none(client: httpx2.AsyncClient, frames: list[object], reason: str) -> None:
    with live(Peer(frames)) as (url,):
        assert await failure_of(UpstreamServer(url, MODEL), client) == reason


async def test_a_connection_that_breaks(client: httpx2.AsyncClient) -> None:
    peer = Peer([chunk("x")])
    peer.breaks = True
    with live(peer) as (url,):
        assert await failure_of(UpstreamServer(url, MODEL), client) == "broke off its answer"


@pytest.mark.parametrize(("status", "is_in_trouble"), [(401, True), (500, False)])
async def test_only_what_the_next_request_would_meet_too_is_trouble(
    client: httpx2.AsyncClient, status: int, *, is_in_trouble: bool
) -> None:
    peer = Peer()
    peer.status = status
    with live(peer) as (url,):
        server = UpstreamServer(url, MODEL)
        await server.check(client)
        await failure_of(server, client)
        assert bool(server.trouble) is is_in_trouble


async def test_one_that_is_gone_is_in_trouble_at_once(client: httpx2.AsyncClient) -> None:
    with live(Peer()) as (url,):
        server = UpstreamServer(url, MODEL)
        await server.check(client)
    assert server.trouble is None
    assert await failure_of(server, client) == server.trouble == "can't be reached"


async def test_what_it_says_is_wrong_is_wrong(client: httpx2.AsyncClient) -> None:
    peer = Peer()
    peer.status, peer.error = 400, {"error": {"message": "odd", "param": "top_k"}}
    with live(peer) as (url,):
        server = UpstreamServer(url, MODEL)
        with pytest.raises(InvalidInput, match="odd"):
            await text_from(server, client)
        assert server.load == 0


@pytest.mark.parametrize(("owner", "is_told"), [("warung", True), ("vllm", False)])
async def test_who_leaves_early_stops_the_answer_there(
    client: httpx2.AsyncClient, owner: str, *, is_told: bool
) -> None:
    peer = Peer([chunk("Hel")], owner=owner)
    peer.holds = True
    with live(peer) as (url,):
        server = UpstreamServer(url, MODEL)
        await server.check(client)
        async with server.answering(client, ask()) as events:
            assert (await anext(events)).text == "Hel"
            assert not peer.left.is_set()
        await until(peer.left.is_set)
        await server.close()
        assert peer.cancelled == (["session-1"] if is_told else [])


async def test_an_answer_that_ended_is_not_cancelled(client: httpx2.AsyncClient) -> None:
    peer = Peer([chunk("Hello"), *ending()], owner="warung")
    with live(peer) as (url,):
        server = UpstreamServer(url, MODEL)
        await server.check(client)
        assert await text_from(server, client) == "Hello"
        await server.close()
        assert peer.cancelled == []
