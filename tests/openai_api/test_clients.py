"""The official client, unmodified, against a live server with a scripted model."""

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

from openai_api.house import client_of, held_engine, open_house, user
from warung.engine.scripted import MODEL_ID


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
        create(model=MODEL_ID, messages=user("a"), presence_penalty=1)
    assert (unsupported.value.param, unsupported.value.code) == ("presence_penalty", "unsupported_field")
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
