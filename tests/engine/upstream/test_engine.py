"""A fleet over real sockets."""

import asyncio

import pytest

from engine.upstream.fleet import (
    NO_MORE_LOOKS,
    Peer,
    ask,
    engine_over,
    events_of,
    holding,
    live,
    reach,
    refusing,
    saying,
    text_of,
    until,
)
from warung.engine.engine import EngineStatus, EngineUnavailable
from warung.engine.request import FinishReason, Usage
from warung.engine.upstream.engine import UpstreamEngine
from warung.errors import InvalidInput, TooManyRequests, WarungError


@pytest.mark.parametrize(
    ("model", "urls", "key", "field"),
    [
        ("m", [], None, "UPSTREAM_URL"),
        ("m", ["gpu1:8000"], None, "UPSTREAM_URL"),
        (" ", ["http://gpu1:8000"], None, "MODEL_REPO_ID"),
        ("m", ["http://gpu1:8000"], "rahasia\n", "UPSTREAM_KEY"),
        ("m", ["http://gpu1:8000"], "rahasiá", "UPSTREAM_KEY"),
    ],
)
def test_what_can_t_be_right_is_refused(model: str, urls: list[str], key: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        UpstreamEngine(model, urls, key=key)
    assert caught.value.field == field
    assert "rahasi" not in caught.value.message


async def test_from_idle_to_an_answer_and_its_usage() -> None:
    with live(Peer(saying("Hello", " there"))) as urls:
        async with engine_over(urls) as engine:
            assert engine.state().status is EngineStatus.IDLE
            events = await events_of(engine, ask())
            assert "".join(event.text for event in events) == "Hello there"
            assert [event.finish_reason for event in events] == [None, None, FinishReason.STOP]
            assert events[-1].usage == Usage(7, 2)
            state = engine.state()
            assert (state.status, state.running, state.error) == (EngineStatus.READY, 0, None)


async def test_one_server_named_twice_is_one() -> None:
    peer = refusing(500)
    with live(peer) as (url,):
        async with engine_over([url, f"{url}/v1", f"{url}/"]) as engine:
            with pytest.raises(EngineUnavailable):
                await text_of(engine, ask())
    assert len(peer.bodies) == 1


async def test_the_key_goes_with_every_request() -> None:
    peer = Peer()
    with live(peer) as urls:
        async with engine_over(urls, key="rahasia") as engine:
            await text_of(engine, ask())
    assert set(peer.keys) == {"Bearer rahasia"}


async def test_a_silent_server_has_failed() -> None:
    peer = holding("")
    peer.silent = True
    with live(peer) as urls:
        async with engine_over(urls, check_every_seconds=NO_MORE_LOOKS, silence_seconds=1) as engine:
            with pytest.raises(EngineUnavailable, match="silent for too long"):
                await text_of(engine, ask())


async def test_an_error_in_one_request_leaves_the_others_alone() -> None:
    peer = holding()
    with live(peer) as urls:
        async with engine_over(urls) as engine:
            events = aiter(await engine.submit(ask()))
            assert (await anext(events)).text == "Hel"
            for status, error in ((400, InvalidInput), (500, EngineUnavailable), (429, TooManyRequests)):
                peer.status = status
                with pytest.raises(error):
                    await text_of(engine, ask())
            peer.may_end.set()
            assert [event.text async for event in events] == ["lo", ""]


@pytest.mark.parametrize(("owner", "is_told"), [("warung", True), ("vllm", False)])
async def test_an_abort_tells_the_server(owner: str, *, is_told: bool) -> None:
    peer = holding(owner=owner)
    with live(peer) as urls:
        async with engine_over(urls) as engine:
            request = ask()
            events = aiter(await engine.submit(request))
            assert (await anext(events)).text == "Hel"
            engine.abort(request.id)
            assert await anext(events, None) is None
            assert engine.state().running == 0
            await until(peer.left.is_set)
            engine.abort(request.id)
        assert peer.cancelled == (["session-1"] if is_told else [])


async def test_closing_ends_the_requests_that_still_run() -> None:
    peer = holding()
    with live(peer) as urls:
        async with engine_over(urls) as engine:
            events = aiter(await engine.submit(ask()))
            assert (await anext(events)).text == "Hel"
            await engine.close()
            with pytest.raises(EngineUnavailable, match="closed"):
                await anext(events)
            await until(peer.left.is_set)
            assert engine.state().running == 0


async def test_closing_while_a_server_is_asked() -> None:
    with live(holding()) as urls:
        async with engine_over(urls) as engine:
            reading = asyncio.create_task(events_of(engine, ask()))
            await until(lambda: engine.state().running == 1)
            await engine.close()
            with pytest.raises(EngineUnavailable, match="closed"):
                await reading


async def test_the_queue_is_bounded() -> None:
    with live(holding()) as urls:
        async with engine_over(urls, max_requests=2) as engine:
            first, _ = [await engine.submit(ask()) for _ in range(2)]
            with pytest.raises(TooManyRequests) as caught:
                await engine.submit(ask())
            assert caught.value.retry_after_seconds
            assert engine.state().running == 2
            first.close()
            await engine.submit(ask())
            assert engine.state().running == 2


async def test_an_id_is_taken_while_it_runs() -> None:
    with live(holding()) as urls:
        async with engine_over(urls) as engine:
            request = ask()
            generation = await engine.submit(request)
            with pytest.raises(InvalidInput, match="running already"):
                await engine.submit(request)
            generation.close()
            (await engine.submit(request)).close()


async def test_who_gives_up_while_a_server_is_asked_leaves_nothing_behind() -> None:
    with live(holding()) as urls:
        async with engine_over(urls) as engine:
            submitting = asyncio.create_task(engine.submit(ask()))
            await until(lambda: engine.state().running == 1)
            submitting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await submitting
            assert engine.state().running == 0


async def test_an_answer_is_not_continued_from_tokens() -> None:
    with live(Peer()) as urls:
        async with engine_over(urls) as engine:
            with pytest.raises(InvalidInput) as caught:
                await engine.submit(ask(generated=(1, 2)))
            assert (caught.value.field, caught.value.code) == ("generated", "unsupported_field")
            assert engine.state().running == 0


async def test_a_dead_fleet_has_failed_and_comes_back() -> None:
    peer = Peer(saying("Hello"))
    peer.models_status = 500
    with live(peer) as (url,):
        async with engine_over([url, "http://127.0.0.1:9"]) as engine:
            await reach(engine, EngineStatus.FAILED)
            with pytest.raises(WarungError) as caught:
                await text_of(engine, ask())
            assert isinstance(caught.value, EngineUnavailable)
            assert (
                caught.value.message
                == engine.state().error
                == ("no model server can answer: server 1 answers with status 500; server 2 can't be reached")
            )
            assert caught.value.retry_after_seconds == 1
            peer.models_status = 200
            await reach(engine, EngineStatus.READY)
            assert engine.state().error is None
            assert await text_of(engine, ask()) == "Hello"
