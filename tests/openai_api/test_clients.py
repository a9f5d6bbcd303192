"""The official client, unmodified, against live servers: a scripted one and the real small model twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from openai import (
    APIError,
    AsyncOpenAI,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    OpenAI,
    RateLimitError,
)
from openai.types.chat import ChatCompletionUserMessageParam

from conftest import shop_settings
from live import serving
from marketplace import new_database
from openai_api.house import held_engine, open_house
from warung.app import create_app
from warung.engine.scripted import MODEL_ID


def user(text: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": text}]


def client_of(url: object, key: str = "any") -> OpenAI:
    return OpenAI(base_url=f"{str(url).rstrip('/')}/v1", api_key=key, max_retries=0, timeout=120)


@pytest.fixture(scope="module")
def openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    with open_house(tmp_path_factory.mktemp("house")) as house, client_of(house.base_url) as client:
        yield client


@pytest.fixture
async def async_openai(openai: OpenAI) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=str(openai.base_url), api_key="any", max_retries=0) as client:
        yield client


def test_a_plain_completion(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(model=MODEL_ID, messages=user("Selamat pagi"), temperature=0)
    assert answer.choices[0].message.content == "Selamat pagi"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.completion_tokens, answer.usage.total_tokens) == (12, 42)


def test_a_stream_with_and_without_usage(openai: OpenAI) -> None:
    plain = list(openai.chat.completions.create(model=MODEL_ID, messages=user("é 🙂"), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in plain) == "é 🙂"
    assert [chunk.choices[0].finish_reason for chunk in plain] == [None] * 3 + ["stop"]
    assert plain[0].choices[0].delta.role == "assistant"
    assert all(chunk.usage is None for chunk in plain)
    assert len({chunk.id for chunk in plain}) == 1

    counted = list(
        openai.chat.completions.create(
            model=MODEL_ID, messages=user("é 🙂"), stream=True, stream_options={"include_usage": True}
        )
    )
    assert counted[-1].choices == []
    assert counted[-1].usage is not None
    assert counted[-1].usage.completion_tokens == 7
    assert all(chunk.usage is None for chunk in counted[:-1])


def test_the_streaming_helper_gathers_the_same_answer(openai: OpenAI) -> None:
    with openai.chat.completions.stream(model=MODEL_ID, messages=user("Halo")) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Halo"


def test_models(openai: OpenAI) -> None:
    assert [model.id for model in openai.models.list()] == [MODEL_ID]
    assert openai.models.retrieve(MODEL_ID).owned_by == "warung"


async def test_the_asynchronous_client(async_openai: AsyncOpenAI) -> None:
    create = async_openai.chat.completions.create
    answer = await create(model=MODEL_ID, messages=user("Halo"))
    stream = await create(model=MODEL_ID, messages=user("Halo"), stream=True)
    assert answer.choices[0].message.content == "Halo"
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Halo"


def test_errors_become_the_right_exceptions(openai: OpenAI) -> None:
    create = openai.chat.completions.create
    with pytest.raises(BadRequestError) as bad:
        create(model=MODEL_ID, messages=user("a"), temperature=3)
    assert bad.value.param == "temperature"
    with pytest.raises(BadRequestError) as unsupported:
        create(model=MODEL_ID, messages=user("a"), n=2)
    assert unsupported.value.param == "n"
    with pytest.raises(NotFoundError) as absent:
        create(model="gpt-4o", messages=user("a"))
    assert (absent.value.code, absent.value.type) == ("model_not_found", "invalid_request_error")


def test_a_wrong_key_is_an_authentication_error(tmp_path: Path) -> None:
    with open_house(tmp_path, api_keys="right") as house:
        with client_of(house.base_url, "wrong") as client, pytest.raises(AuthenticationError):
            client.models.list()
        with client_of(house.base_url, "right") as client:
            assert [model.id for model in client.models.list()] == [MODEL_ID]


def test_limits_conflicts_and_cancelled_streams(tmp_path: Path) -> None:
    with (
        held_engine("abcdef", max_requests=1) as (engine, valve),
        open_house(tmp_path, engine) as house,
        client_of(house.base_url) as client,
    ):
        create = client.chat.completions.create
        valve.give(2)
        session = {"session_id": "one-session"}
        stream = create(model=MODEL_ID, messages=user("a"), stream=True, extra_body=session)
        seen = [next(stream).choices[0].delta.content for _ in range(3)]
        assert seen == ["", "a", "b"]
        with pytest.raises(RateLimitError) as full:
            create(model=MODEL_ID, messages=user("b"))
        assert full.value.response.headers["Retry-After"] == "2"
        # It would be tried again for a minute if the server did not say that this is of no use.
        with pytest.raises(ConflictError) as busy:
            client.with_options(max_retries=9).chat.completions.create(
                model=MODEL_ID, messages=user("b"), extra_body=session
            )
        assert "x-stainless-retry-count" in busy.value.request.headers
        assert busy.value.request.headers["x-stainless-retry-count"] == "0"
        client.post("/cancel/one-session", cast_to=object)
        with pytest.raises(APIError, match="cancelled") as cancelled:
            list(stream)
        assert cancelled.value.code == "cancelled"
        valve.open()


def test_an_engine_that_dies_is_an_error_not_a_short_answer(tmp_path: Path) -> None:
    with (
        held_engine("abcdef") as (engine, valve),
        open_house(tmp_path, engine) as house,
        client_of(house.base_url) as client,
    ):
        valve.give(2)
        stream = client.chat.completions.create(model=MODEL_ID, messages=user("a"), stream=True)
        assert [next(stream).choices[0].delta.content for _ in range(3)] == ["", "a", "b"]
        valve.fail(RuntimeError("out of memory"))
        with pytest.raises(APIError, match="worker died"):
            list(stream)
        with pytest.raises(InternalServerError) as failed:
            client.chat.completions.create(model=MODEL_ID, messages=user("a"))
        assert failed.value.status_code == 503


@pytest.fixture(scope="module", params=["openvino", "transformers"])
def real(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_file: Path
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("real")
    new_database(folder).close()
    settings = shop_settings(
        folder, engine=request.param, model_repo_id=str(model_file), load_model_at_start=True
    )
    with serving(create_app(settings)) as url:
        yield url


def test_the_real_model_streams_what_it_says_plainly(real: str, model_file: Path) -> None:
    with client_of(real) as client:
        create = client.chat.completions.create
        question = user("Name three fruits.")
        plain = create(model=model_file.stem, messages=question, temperature=0, max_tokens=8)
        chunks = list(
            create(
                model=model_file.stem,
                messages=question,
                temperature=0,
                max_tokens=8,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert said == plain.choices[0].message.content
    assert len(said.split()) >= 3
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "length"
    assert plain.choices[0].finish_reason == "length"
    assert plain.usage == chunks[-1].usage
    assert plain.usage is not None
    assert plain.usage.completion_tokens == 8
    assert 10 < plain.usage.prompt_tokens < 60


def test_the_real_model_ends_by_itself_and_at_a_stop_string(real: str, model_file: Path) -> None:
    with client_of(real) as client:
        create = client.chat.completions.create
        question = user("What is the capital of France?")
        ended = create(model=model_file.stem, messages=question, temperature=0, max_tokens=24)
        stopped = create(model=model_file.stem, messages=question, temperature=0, max_tokens=24, stop="Par")
    assert "Paris" in (ended.choices[0].message.content or "")
    assert ended.choices[0].finish_reason == "stop"
    assert (ended.choices[0].message.content or "").startswith(stopped.choices[0].message.content or "-")
    assert "Par" not in (stopped.choices[0].message.content or "Par")
    assert stopped.choices[0].finish_reason == "stop"


async def test_two_streams_at_a_time_say_what_each_says_alone(real: str, model_file: Path) -> None:
    async with AsyncOpenAI(base_url=f"{real}/v1", api_key="any", max_retries=0) as client:

        async def ask(text: str, order: list[str]) -> str:
            chunks = await client.chat.completions.create(
                model=model_file.stem, messages=user(text), temperature=0, max_tokens=12, stream=True
            )
            said = ""
            async for chunk in chunks:
                order.append(text)
                said += chunk.choices[0].delta.content or ""
            return said

        questions = ("Why is the sky blue?", "How do I cook rice?")
        alone = [await ask(text, []) for text in questions]
        order: list[str] = []
        together = await asyncio.gather(*(ask(text, order) for text in questions))
    assert list(together) == alone
    assert len(set(alone)) == 2
    # Each began before the other had ended.
    assert max(order.index(text) for text in questions) < min(
        len(order) - 1 - order[::-1].index(text) for text in questions
    )
