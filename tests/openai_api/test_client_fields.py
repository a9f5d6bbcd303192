"""What the official client can ask of an answer beyond text, against a live server with a scripted model."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import BadRequestError, LengthFinishReasonError, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from openai_api.asked import function, json_schema, named, nested
from openai_api.house import CALL, CHAT, client_of, open_house, question, says, user
from warung.engine.features import ALL_FEATURES, Feature
from warung.engine.scripted import FEATURES, MODEL_ID, TURN, ByteTokenizer, scripted_engine
from warung.openai_api.schemas import ChatCompletionRequest

TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "How warm it is.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    engine = scripted_engine(says, features=ALL_FEATURES)
    with open_house(tmp_path_factory.mktemp("house"), engine) as client:
        yield client


@pytest.fixture(scope="module")
def openai(house: httpx.Client) -> Iterator[OpenAI]:
    with client_of(house.base_url) as client:
        yield client


def test_several_choices(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(model=MODEL_ID, messages=user("Halo"), n=3)
    assert [(choice.index, choice.message.content) for choice in answer.choices] == [
        (index, "Halo") for index in range(3)
    ]
    assert answer.usage is not None
    prompt = len(ByteTokenizer().encode(f"user: Halo{TURN}assistant: "))
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (prompt, 3 * len("Halo"))


def test_several_choices_in_a_stream(openai: OpenAI) -> None:
    chunks = list(
        openai.chat.completions.create(
            model=MODEL_ID, messages=user("é 🙂"), n=2, stream=True, stream_options={"include_usage": True}
        )
    )
    for index in (0, 1):
        choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
        assert "".join(choice.delta.content or "" for choice in choices) == "é 🙂"
        assert [choice.finish_reason for choice in choices] == [None] * 3 + ["stop"]
        assert choices[0].delta.role == "assistant"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 14
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("top", [None, 0, 1])
def test_logprobs(openai: OpenAI, top: int | None) -> None:
    create = openai.chat.completions.create
    plain = create(model=MODEL_ID, messages=user("é!"), logprobs=True, top_logprobs=top).choices[0]
    stream = create(model=MODEL_ID, messages=user("é!"), logprobs=True, top_logprobs=top, stream=True)
    streamed = [chunk.choices[0].logprobs for chunk in stream]
    assert plain.logprobs is not None
    told = plain.logprobs.content or []
    assert [one.bytes for one in told] == [[byte] for byte in "é!".encode()]
    assert [one.logprob for one in told] == [0.0] * 3
    assert [len(one.top_logprobs) for one in told] == [top or 0] * 3
    assert [one for logprobs in streamed if logprobs for one in logprobs.content or []] == told


def test_without_logprobs_there_are_none(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(model=MODEL_ID, messages=user("é!"), logprobs=False)
    assert answer.choices[0].logprobs is None


@pytest.mark.parametrize("cities", [["Bogor"], ["Bogor", "Solo"]])
def test_tool_calls_and_what_follows_them(openai: OpenAI, cities: list[str]) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": " ".join(["weather", *cities])}]
    answer = openai.chat.completions.create(model=MODEL_ID, messages=messages, tools=TOOLS)
    choice = answer.choices[0]
    calls = choice.message.tool_calls or []
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert [call.type == "function" and call.function.arguments for call in calls] == [
        f'{{"city": "{city}"}}' for city in cities
    ]
    assert answer.usage is not None
    assert answer.usage.completion_tokens == len("\n".join(CALL.format(city=city) for city in cities))

    returned: Any = choice.message  # the client takes its own answer back
    messages.append(returned)
    messages.extend({"role": "tool", "content": "24", "tool_call_id": call.id} for call in calls)
    then = openai.chat.completions.create(model=MODEL_ID, messages=messages, tools=TOOLS)
    assert (then.choices[0].message.content, then.choices[0].finish_reason) == ("It is warm.", "stop")


def test_tool_calls_in_a_stream_by_the_helper(openai: OpenAI) -> None:
    with openai.chat.completions.stream(
        model=MODEL_ID, messages=user("weather Bogor Solo"), tools=TOOLS
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion().choices[0]
    done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [(event.index, event.name, event.arguments) for event in done] == [
        (0, "weather", '{"city": "Bogor"}'),
        (1, "weather", '{"city": "Solo"}'),
    ]
    pieces = [event for event in events if event.type == "tool_calls.function.arguments.delta"]
    assert len(pieces) > 20  # they come as they are written
    assert final.finish_reason == "tool_calls"
    calls = final.message.tool_calls or []
    assert [call.function.name for call in calls] == ["weather"] * 2
    assert len({call.id for call in calls}) == 2


def test_tool_calls_of_several_choices(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(
        model=MODEL_ID, messages=user("weather Bogor"), tools=TOOLS, n=2, tool_choice="required"
    )
    assert [len(choice.message.tool_calls or []) for choice in answer.choices] == [1, 1]


def test_a_model_that_may_not_call_only_says_so(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(
        model=MODEL_ID, messages=user("weather Bogor"), tools=TOOLS, tool_choice="none"
    )
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content == CALL.format(city="Bogor")
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("length", range(1, len(CALL.format(city="Bogor")), 7))
def test_a_call_cut_by_the_limit_says_so(openai: OpenAI, length: int) -> None:
    choice = openai.chat.completions.create(
        model=MODEL_ID, messages=user("weather Bogor"), tools=TOOLS, max_tokens=length
    ).choices[0]
    assert choice.finish_reason == "length"
    assert choice.message.tool_calls or choice.message.content == CALL.format(city="Bogor")[:length]


class City(BaseModel):
    name: str
    warm: bool


def test_json_is_parsed_into_the_callers_model(openai: OpenAI) -> None:
    parse = openai.chat.completions.parse
    answer = parse(model=MODEL_ID, messages=user('{"name": "Solo", "warm": true}'), response_format=City)
    assert answer.choices[0].message.parsed == City(name="Solo", warm=True)
    with pytest.raises(LengthFinishReasonError):
        parse(model=MODEL_ID, messages=user('{"name": "Solo"}'), response_format=City, max_tokens=5)


def test_an_answer_that_was_begun_goes_on(openai: OpenAI) -> None:
    begun: list[ChatCompletionMessageParam] = [
        *user("Count."),
        {"role": "assistant", "content": "One, two,"},
    ]
    flags = {"continue_final_message": True, "add_generation_prompt": False}
    answer = openai.chat.completions.create(model=MODEL_ID, messages=begun, extra_body=flags)
    assert answer.usage is not None
    prompt = f"user: Count.{TURN}assistant: One, two,"
    assert answer.usage.prompt_tokens == len(ByteTokenizer().encode(prompt))


ASKING: dict[Feature, dict[str, Any]] = {
    Feature.TOP_K: {"top_k": 5},
    Feature.MIN_P: {"min_p": 0.1},
    Feature.PRESENCE_PENALTY: {"presence_penalty": 1},
    Feature.FREQUENCY_PENALTY: {"frequency_penalty": 1},
    Feature.REPETITION_PENALTY: {"repetition_penalty": 1.1},
    Feature.LOGIT_BIAS: {"logit_bias": {"5": 1}},
    Feature.LOGPROBS: {"logprobs": True},
    Feature.TOP_LOGPROBS: {"logprobs": True, "top_logprobs": 1},
    Feature.JSON: {"response_format": {"type": "json_object"}},
    Feature.REGEX: {"structured_outputs": {"regex": "a"}},
    Feature.TOOLS: {"tools": TOOLS},
    Feature.CONTINUATION: {
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
        "continue_final_message": True,
        "add_generation_prompt": False,
    },
}


def test_what_the_engine_cannot_do_is_a_400_that_names_the_field(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lacking = ALL_FEATURES - FEATURES
    with open_house(tmp_path_factory.mktemp("lacking")) as client:
        for feature, fields in ASKING.items():
            for stream in (False, True):
                response = client.post(CHAT, json={**question(), **fields, "stream": stream})
                if feature not in lacking:
                    assert response.status_code == 200
                    continue
                error = response.json()["error"]
                assert response.status_code == 400
                assert (error["param"], error["code"]) == (feature, "unsupported_field")
        model = client.get(f"/v1/models/{MODEL_ID}").json()
    assert set(ASKING) == ALL_FEATURES
    assert model["warung"] == {"features": sorted(FEATURES)}


@pytest.mark.parametrize("feature", sorted(ALL_FEATURES))
def test_what_the_engine_can_do_is_let_through(house: httpx.Client, feature: Feature) -> None:
    assert house.post(CHAT, json={**question("a"), **ASKING[feature]}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"n": 17}, "n"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [function("weather")], "tool_choice": named("other")}, "tool_choice.function.name"),
        ({"tools": [function("weather")], "tool_choice": {"type": "custom"}}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools.0.type"),
        ({"tools": [function("weather")], "response_format": {"type": "json_object"}}, "tools"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": json_schema(nested(500))}, "body"),
        ({"structured_outputs": {"regex": ""}}, "structured_outputs.regex"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"add_generation_prompt": False}, "add_generation_prompt"),
    ],
)
def test_a_wrong_field_is_named_and_leaves_others_alone(
    openai: OpenAI, fields: dict[str, Any], field: str
) -> None:
    create = openai.chat.completions.create
    beside = create(model=MODEL_ID, messages=user("Halo semua"), stream=True)
    with pytest.raises(BadRequestError) as refused:
        create(model=MODEL_ID, messages=user("a"), extra_body=fields)
    assert refused.value.param == field
    assert "".join(chunk.choices[0].delta.content or "" for chunk in beside) == "Halo semua"


@pytest.mark.parametrize("levels", [90, 300, 900, 980, 990, 1000, 2000])
def test_no_depth_of_nesting_is_the_servers_failure(house: httpx.Client, levels: int) -> None:
    deep = '{"items":' * levels + "1" + "}" * levels
    for body in (question(response_format=json_schema("deep")), question(extra="deep")):
        text = json.dumps(body).replace('"deep"', deep)
        response = house.post(CHAT, content=text, headers={"Content-Type": "application/json"})
        assert response.status_code in {200, 400}, response.text


ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e308,
    "",
    "x",
    "9" * 5000,
    [],
    [None],
    [[]],
    {},
    {"": None},
    {"type": "x"},
    {"type": None},
)


@pytest.mark.parametrize("field", ChatCompletionRequest.model_fields)
def test_no_value_of_a_field_is_the_servers_failure(house: httpx.Client, field: str) -> None:
    for value in ODD:
        response = house.post(CHAT, json={**question(), field: value})
        if response.status_code != 200:
            assert response.status_code in {400, 404}, response.text
            assert response.json()["error"]["param"].startswith(field), (value, response.text)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 4000, "9" * 5000])
def test_no_number_is_the_servers_failure(house: httpx.Client, number: str) -> None:
    body = json.dumps(question())[:-1]
    for name in ("seed", "max_tokens", "logit_bias", "top_p", "metadata", "tools"):
        text = f'{body}, "{name}": {number}}}'
        response = house.post(CHAT, content=text, headers={"Content-Type": "application/json"})
        assert response.status_code in {200, 400}, (name, response.text)
