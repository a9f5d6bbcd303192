"""The official client against live servers with the real small model, on two engines."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from openai import AsyncOpenAI, BadRequestError
from openai.types.chat import ChatCompletionToolParam
from pydantic import BaseModel, ConfigDict

from live import serving
from marketplace import new_database, shop_settings
from openai_api.house import client_of, user
from warung.app import create_app


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


class Stall(BaseModel):
    model_config = ConfigDict(extra="forbid")

    city: Literal["Bogor", "Solo"]
    stars: Literal[1, 2, 3]
    open: bool


def test_json_of_the_real_model_fits_the_callers_model(real: str, model_file: Path) -> None:
    with client_of(real) as client:
        answer = client.chat.completions.parse(
            model=model_file.stem,
            messages=user("Describe a food stall as JSON."),
            response_format=Stall,
            temperature=1,
            seed=3,
            max_tokens=60,
            n=2,
        )
    assert len(answer.choices) == 2
    for choice in answer.choices:
        assert isinstance(choice.message.parsed, Stall)
        assert choice.finish_reason == "stop"


WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Bogor", "Solo"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def test_the_real_model_calls_the_tool_that_is_asked_for(real: str, model_file: Path) -> None:
    with (
        client_of(real) as client,
        client.chat.completions.stream(
            model=model_file.stem,
            messages=user("How warm is it in Solo?"),
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "weather"}},
            temperature=0,
            max_tokens=60,
        ) as stream,
    ):
        choice = stream.get_final_completion().choices[0]
    (call,) = choice.message.tool_calls or []
    assert call.function.name == "weather"
    assert call.function.arguments in {'{"city": "Bogor"}', '{"city": "Solo"}'}
    assert choice.finish_reason == "tool_calls"
    assert not choice.message.content


def test_every_token_of_the_real_model_is_counted_and_likely(real: str, model_file: Path) -> None:
    with client_of(real) as client:
        answer = client.chat.completions.create(
            model=model_file.stem,
            messages=user("Count from one to ten."),
            logprobs=True,
            temperature=0,
            max_tokens=8,
        )
    logprobs = answer.choices[0].logprobs
    assert answer.usage is not None
    assert logprobs is not None
    told = logprobs.content or []
    assert len(told) == answer.usage.completion_tokens == 8
    assert b"".join(bytes(one.bytes or ()) for one in told).decode() == answer.choices[0].message.content
    assert all(-9999 <= one.logprob <= 0 for one in told)


def test_a_schema_that_no_engine_can_follow_is_refused_and_harms_nobody(real: str, model_file: Path) -> None:
    with client_of(real) as client:
        create = client.chat.completions.create
        beside = create(
            model=model_file.stem, messages=user("Say hello."), stream=True, max_tokens=12, temperature=0
        )
        with pytest.raises(BadRequestError) as refused:
            create(
                model=model_file.stem,
                messages=user("a"),
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"type": "nothing"}},
                },
            )
        assert refused.value.param == "response_format"
        assert "".join(chunk.choices[0].delta.content or "" for chunk in beside).strip()
