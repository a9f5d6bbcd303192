"""Which server answers."""

import pytest

from engine.upstream.fleet import (
    NO_MORE_LOOKS,
    Peer,
    ask,
    breaking,
    chunk,
    engine_over,
    holding,
    live,
    reach,
    refusing,
    saying,
    text_of,
    until,
)
from warung.engine.engine import EngineStatus, EngineUnavailable
from warung.engine.features import ALL_FEATURES
from warung.engine.request import GenerationRequest, SamplingParams
from warung.engine.upstream.kind import OPENAI_FEATURES
from warung.errors import InvalidInput, TooManyRequests


def top_k() -> GenerationRequest:
    return ask(sampling=SamplingParams(top_k=5))


async def test_the_least_loaded_is_first() -> None:
    first, second = holding(), holding()
    with live(first, second) as urls:
        async with engine_over(urls) as engine:
            one, two = [await engine.submit(ask()) for _ in range(2)]
            assert [len(first.bodies), len(second.bodies)] == [1, 1]
            one.close()
            await one.stopped()
            three = await engine.submit(ask())
            assert [len(first.bodies), len(second.bodies)] == [2, 1]
            two.close()
            three.close()


@pytest.mark.parametrize(
    "failing",
    [
        refusing(500),
        refusing(404),
        refusing(401),
        refusing(429),
        breaking("{}"),
        Peer(["{no json"]),
        Peer([{"error": {"message": "out of memory", "code": 500}}]),
    ],
)
async def test_before_its_first_token_another_answers(failing: Peer) -> None:
    good = Peer(saying("Hello"))
    with live(failing, good) as urls:
        async with engine_over(urls, check_every_seconds=NO_MORE_LOOKS) as engine:
            assert await text_of(engine, ask()) == "Hello"
    assert [len(failing.bodies), len(good.bodies)] == [1, 1]


@pytest.mark.parametrize("failing", [breaking(chunk("Hel")), Peer([chunk("Hel"), "{no json"])])
async def test_after_its_first_token_nobody_else_does(failing: Peer) -> None:
    good = Peer(saying("Hello"))
    with live(failing, good) as urls:
        async with engine_over(urls) as engine:
            events = aiter(await engine.submit(ask()))
            assert (await anext(events)).text == "Hel"
            with pytest.raises(EngineUnavailable, match="broke off its answer"):
                await anext(events)
            assert engine.state().running == 0
    assert good.bodies == []


async def test_when_all_fail_it_says_why() -> None:
    with live(refusing(500), Peer(["{no json"])) as urls:
        async with engine_over(urls) as engine:
            with pytest.raises(EngineUnavailable) as caught:
                await text_of(engine, ask())
            assert caught.value.message == (
                "no model server could answer: one answers with status 500;"
                " one sends what is no chat completion"
            )


async def test_busy_servers_say_when_to_return() -> None:
    busy = [refusing(429, **{"Retry-After": seconds}) for seconds in ("17", "9")]
    with live(*busy, refusing(500)) as urls:
        async with engine_over(urls) as engine:
            with pytest.raises(TooManyRequests) as caught:
                await text_of(engine, ask())
            assert (caught.value.code, caught.value.retry_after_seconds) == ("engine_full", 9)
            assert engine.state().status is EngineStatus.READY


async def test_it_can_do_what_any_healthy_server_can() -> None:
    able, plain = Peer(saying("able")), Peer(saying("plain"), owner="system")
    with live(plain, able) as urls:
        async with engine_over(urls) as engine:
            assert engine.features == frozenset()
            await reach(engine, EngineStatus.READY)
            assert engine.features == ALL_FEATURES
            assert [await text_of(engine, request) for request in (ask(), top_k())] == ["plain", "able"]
            able.models_status = 503
            await until(lambda: engine.features == OPENAI_FEATURES)
            with pytest.raises(InvalidInput) as caught:
                await text_of(engine, top_k())
            assert (caught.value.field, caught.value.code) == ("top_k", "unsupported_field")
            assert await text_of(engine, ask()) == "plain"


async def test_a_begun_answer_goes_to_a_server_that_can_go_on_from_it() -> None:
    plain, able = Peer(owner="system"), Peer(saying(", four"))
    with live(plain, able) as urls:
        async with engine_over(urls) as engine:
            assert await text_of(engine, ask("Count.", answer_prefix="One, two, three")) == ", four"
            able.models_status = 503
            await until(lambda: engine.features == OPENAI_FEATURES)
            with pytest.raises(InvalidInput) as caught:
                await text_of(engine, ask("Count.", answer_prefix="One, two, three"))
            assert (caught.value.field, caught.value.code) == ("continue_final_message", "unsupported_field")
    assert plain.bodies == []
