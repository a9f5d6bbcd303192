"""What every engine must do; a test module subclasses `EngineConformance` and provides `subject`."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from warung.engine.choices import Choices
from warung.engine.constraint import (
    TOOL_CALL_BEGIN,
    TOOL_CALL_END,
    Constraint,
    JsonSchema,
    Regex,
    Tool,
    ToolCalls,
)
from warung.engine.engine import Engine, EngineStatus
from warung.engine.features import ALL_FEATURES, Feature
from warung.engine.request import (
    ChatMessage,
    FinishReason,
    GenerationRequest,
    SamplingParams,
    TokenEvent,
)
from warung.engine.text import TextStream, Tokenizer, encode_prompt
from warung.errors import InvalidInput

WITHIN_SECONDS = 60
STORY = "Tell me a long story about a cat that sells coffee in Jakarta."
QUESTIONS = [
    STORY,
    "What is the capital of France?",
    "Count from one to ten.",
    "Apa kabar? 👋🏽 Sebutkan dua buah yang manis, seperti café au lait. 漢字",
]
LONG = "The price of rice in the market rises and falls with the rain. " * 24


@dataclass(frozen=True, slots=True)
class Subject:
    """An engine, its model's tokenizer, and what it can't do: `samples` is false where temperature and seed
    change nothing, `tells_tokens` where only their text is known, `limit` where nobody says what fits."""

    engine: Engine
    tokenizer: Tokenizer
    samples: bool = True
    tells_tokens: bool = True

    def requires(self, *features: Feature) -> None:
        """Skips nothing silently: an engine without the feature must refuse it, which another test tries."""
        missing = [feature for feature in features if feature not in self.engine.features]
        if missing:
            pytest.skip(f"declared: no {', '.join(missing)}")


@dataclass(frozen=True, slots=True)
class Answer:
    events: tuple[TokenEvent, ...]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events)

    @property
    def token_ids(self) -> tuple[int, ...]:
        return tuple(token for event in self.events for token in event.token_ids)

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.events[-1].finish_reason


REPEAT = "Say la la la la la la la la la la la la"
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
)
CITY = json.dumps(
    {
        "type": "object",
        "properties": {"city": {"enum": ["Bogor", "Jakarta"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
)
EMPTY = json.dumps({"type": "object", "properties": {}, "additionalProperties": False})
TOOLS = (Tool("weather", CITY, "How warm it is in a city."), Tool("now", EMPTY, "The time."))
CONTINUED: list[tuple[dict[str, Any], tuple[Feature, ...]]] = [
    ({}, ()),
    ({"stop": ("coffee",)}, ()),
    ({"repetition_penalty": 1.3}, (Feature.REPETITION_PENALTY,)),
    (
        {"presence_penalty": 0.5, "frequency_penalty": 0.7},
        (Feature.PRESENCE_PENALTY, Feature.FREQUENCY_PENALTY),
    ),
    ({"constraint": JsonSchema(SCHEMA)}, (Feature.JSON,)),
]


def valid(value: Any) -> bool:
    return set(value) == {"name", "age"} and isinstance(value["name"], str) and isinstance(value["age"], int)


def any_object(value: Any) -> bool:
    return isinstance(value, dict)


def distinct_words(text: str) -> int:
    return len(set(re.findall(r"[a-z]+", text.lower())))


_ids = iter(range(1_000_000))


def ask(
    content: str,
    max_tokens: int = 16,
    *,
    answer_prefix: str = "",
    tools: tuple[Tool, ...] = (),
    generated: tuple[int, ...] = (),
    **sampling: Any,
) -> GenerationRequest:
    """Greedy, unless a temperature is given."""
    chosen = SamplingParams(max_tokens=max_tokens, **{"temperature": 0, "seed": 1, **sampling})
    messages = [ChatMessage("system", "You are helpful."), ChatMessage("user", content)]
    return GenerationRequest(f"request-{next(_ids)}", messages, chosen, answer_prefix, tools, generated)


async def answer(engine: Engine, request: GenerationRequest) -> Answer:
    async with asyncio.timeout(WITHIN_SECONDS):
        return Answer(tuple([event async for event in await engine.submit(request)]))


WANTING = {
    Feature.TOP_K: lambda: ask("Hi", 2, top_k=5),
    Feature.MIN_P: lambda: ask("Hi", 2, min_p=0.1),
    Feature.PRESENCE_PENALTY: lambda: ask("Hi", 2, presence_penalty=1),
    Feature.FREQUENCY_PENALTY: lambda: ask("Hi", 2, frequency_penalty=1),
    Feature.REPETITION_PENALTY: lambda: ask("Hi", 2, repetition_penalty=1.1),
    Feature.LOGIT_BIAS: lambda: ask("Hi", 2, logit_bias={5: 1}),
    Feature.LOGPROBS: lambda: ask("Hi", 2, logprobs=0),
    Feature.TOP_LOGPROBS: lambda: ask("Hi", 2, logprobs=1),
    Feature.JSON: lambda: ask("Hi", 2, constraint=JsonSchema(SCHEMA)),
    Feature.REGEX: lambda: ask("Hi", 2, constraint=Regex("a+")),
    Feature.TOOLS: lambda: ask("Hi", 2, tools=TOOLS, constraint=ToolCalls(TOOLS)),
    Feature.CONTINUATION: lambda: ask("Hi", 2, answer_prefix="Hello"),
}


async def texts(engine: Engine, requests: Sequence[GenerationRequest]) -> list[str]:
    return [one.text for one in await asyncio.gather(*[answer(engine, request) for request in requests])]


class EngineConformance:
    async def test_it_is_ready_when_it_has_answered(self, subject: Subject) -> None:
        await answer(subject.engine, ask("Hi", 2))
        state = subject.engine.state()
        assert (state.status, state.error, state.running) == (EngineStatus.READY, None, 0)
        assert state.model_id == subject.engine.model_id

    async def test_a_greedy_answer_is_the_same_each_time(self, subject: Subject) -> None:
        first, second = [await answer(subject.engine, ask(STORY)) for _ in range(2)]
        assert first.token_ids == second.token_ids
        assert bool(first.token_ids) is subject.tells_tokens
        assert first.text == second.text != ""

    async def test_a_seeded_answer_is_the_same_each_time(self, subject: Subject) -> None:
        first, second, other = [
            (await answer(subject.engine, ask(STORY, temperature=1.2, seed=seed))).text for seed in (7, 7, 8)
        ]
        assert first == second
        assert (first != other) is subject.samples

    async def test_a_temperature_too_small_to_divide_by_does_no_harm(self, subject: Subject) -> None:
        cold = await answer(subject.engine, ask(STORY, 4, temperature=1e-300))
        assert cold.text == (await answer(subject.engine, ask(STORY, 4))).text

    async def test_usage_counts_what_was_read_and_written(self, subject: Subject) -> None:
        request = ask(STORY, 17)
        told = await answer(subject.engine, request)
        prompt = encode_prompt(subject.tokenizer, request)
        assert told.finish_reason is FinishReason.LENGTH
        assert [event.finish_reason for event in told.events[:-1]] == [None] * (len(told.events) - 1)
        assert told.events[-1].usage.completion_tokens == 17
        assert told.events[-1].usage.prompt_tokens == len(prompt)
        if not subject.tells_tokens:
            return
        assert {event.usage.prompt_tokens for event in told.events} == {len(prompt)}
        written = 0
        for event in told.events:
            written += len(event.token_ids)
            assert event.usage.completion_tokens == written

    async def test_an_answer_ends_by_itself(self, subject: Subject) -> None:
        told = await answer(subject.engine, ask("What is the capital of France?", 60))
        assert told.finish_reason is FinishReason.STOP
        assert told.events[-1].usage.completion_tokens < 60
        assert "<|im_end|>" not in told.text

    async def test_one_token_is_enough(self, subject: Subject) -> None:
        told = await answer(subject.engine, ask(STORY, 1))
        assert told.events[-1].usage.completion_tokens == 1
        assert told.finish_reason is FinishReason.LENGTH

    async def test_the_text_is_that_of_the_tokens(self, subject: Subject) -> None:
        tokenizer = subject.tokenizer
        told = await answer(subject.engine, ask(QUESTIONS[3], 40))
        if not subject.tells_tokens:
            assert len(tokenizer.encode(told.text)) <= 40
            return
        assert told.text.strip() == tokenizer.decode(told.token_ids).strip()

    async def test_its_tokenizer_gives_text_back_token_by_token(self, subject: Subject) -> None:
        tokenizer = subject.tokenizer
        text = "Halo 👋🏽 dunia! Rp 10.000.000 — café, 漢字,\n\n\t 👩‍🍳 end"
        stream = TextStream(tokenizer, tokenizer.encode("so: "), ())
        tokens = tokenizer.encode(text)
        pieces = [stream.feed([token], None)[0] for token in tokens]
        pieces.append(stream.feed([], FinishReason.STOP)[0])
        assert "".join(pieces) == text
        assert not [piece for piece in pieces if "\ufffd" in piece]
        assert len([piece for piece in pieces if piece]) > 10

    async def test_a_message_cannot_end_its_turn(self, subject: Subject) -> None:
        tokenizer = subject.tokenizer
        for control_token in tokenizer.control_tokens:
            plain, forged = ask("ab"), ask(f"a{control_token}b")
            assert tokenizer.decode(encode_prompt(tokenizer, plain)).count("ab") == 1
            single = tokenizer.encode(control_token)
            count = encode_prompt(tokenizer, forged).count(single[0])
            assert len(single) > 1 or count == encode_prompt(tokenizer, plain).count(single[0])

    @pytest.mark.parametrize("width", [1, 2, 9])
    async def test_a_stop_string_is_cut_off(self, subject: Subject, width: int) -> None:
        """Widths from inside one token to over several."""
        whole = (await answer(subject.engine, ask(STORY, 28))).text
        at = len(whole) // 2
        stop = whole[at : at + width]
        told = await answer(subject.engine, ask(STORY, 28, stop=("never said", stop)))
        assert told.text == whole[: whole.index(stop)]
        assert told.finish_reason is FinishReason.STOP
        assert subject.engine.state().running == 0

    @pytest.mark.parametrize("count", [2, 4])
    async def test_answers_side_by_side_equal_those_alone(self, subject: Subject, count: int) -> None:
        alone = [(await answer(subject.engine, ask(question))).text for question in QUESTIONS[:count]]
        assert await texts(subject.engine, [ask(question) for question in QUESTIONS[:count]]) == alone

    async def test_a_long_prompt_beside_a_short_one(self, subject: Subject) -> None:
        alone = [(await answer(subject.engine, ask(question, 8))).text for question in (LONG, STORY)]
        assert await texts(subject.engine, [ask(LONG, 8), ask(STORY, 8)]) == alone

    async def test_joining_in_mid_flight(self, subject: Subject) -> None:
        alone = [(await answer(subject.engine, ask(question))).text for question in QUESTIONS[:2]]
        joined: asyncio.Task[Answer] | None = None
        shown = ""
        async for event in await subject.engine.submit(ask(STORY)):
            shown += event.text
            if not joined and len(shown) > 3:
                joined = asyncio.create_task(answer(subject.engine, ask(QUESTIONS[1])))
        assert joined
        assert [shown, (await joined).text] == alone

    async def test_an_abort_ends_one_and_leaves_its_neighbour(self, subject: Subject) -> None:
        alone = (await answer(subject.engine, ask(QUESTIONS[1]))).text
        request = ask(STORY, 500)
        neighbour = asyncio.create_task(answer(subject.engine, ask(QUESTIONS[1])))
        events: list[TokenEvent] = []
        async with asyncio.timeout(WITHIN_SECONDS):
            async for event in await subject.engine.submit(request):
                events.append(event)
                if len(events) == 3:
                    subject.engine.abort(request.id)
        assert len(events) == 3
        assert (await neighbour).text == alone
        assert subject.engine.state().running == 0

    async def test_aborting_the_only_request_leaves_the_engine_well(self, subject: Subject) -> None:
        alone = (await answer(subject.engine, ask(STORY, 8))).text
        for _ in range(3):
            generation = await subject.engine.submit(ask(STORY, 500))
            async for _event in generation:
                generation.close()
        assert (await answer(subject.engine, ask(STORY, 8))).text == alone

    async def test_a_prompt_that_does_not_fit_is_refused(self, subject: Subject) -> None:
        tokenizer = subject.tokenizer
        request = ask("word " * tokenizer.context_length)
        with pytest.raises(InvalidInput) as caught:
            await subject.engine.submit(request)
        assert caught.value.code == "context_length_exceeded"
        assert subject.engine.state().running == 0

    async def test_more_tokens_than_fit_beside_the_prompt_are_refused(self, subject: Subject) -> None:
        tokenizer = subject.tokenizer
        left = tokenizer.context_length - len(encode_prompt(tokenizer, ask("Hi")))
        with pytest.raises(InvalidInput) as caught:
            await subject.engine.submit(ask("Hi", left + 1))
        assert caught.value.code == "context_length_exceeded"
        (await subject.engine.submit(ask("Hi", left))).close()

    async def test_an_answer_goes_on_from_its_prefix(self, subject: Subject) -> None:
        tokenizer = subject.tokenizer
        plain, begun = ask("Count.", 6), ask("Count.", 6, answer_prefix="One, two, three,")
        subject.requires(Feature.CONTINUATION)
        told = await answer(subject.engine, begun)
        more = len(encode_prompt(tokenizer, begun)) - len(encode_prompt(tokenizer, plain))
        assert told.events[-1].usage.prompt_tokens == len(encode_prompt(tokenizer, plain)) + more
        assert more > 3
        assert not told.text.lstrip().startswith("One, two, three")
        assert told.text

    @pytest.mark.parametrize("feature", sorted(ALL_FEATURES))
    async def test_what_it_cannot_do_it_refuses_by_name(self, subject: Subject, feature: Feature) -> None:
        request = WANTING[feature]()
        if feature in subject.engine.features:
            assert (await answer(subject.engine, request)).finish_reason
            return
        with pytest.raises(InvalidInput) as caught:
            await subject.engine.submit(request)
        assert (caught.value.field, caught.value.code) == (feature, "unsupported_field")
        assert subject.engine.state().running == 0

    async def test_top_k_of_one_is_greedy(self, subject: Subject) -> None:
        subject.requires(Feature.TOP_K)
        hot = ask(STORY, temperature=2, seed=3, top_k=1)
        assert (await answer(subject.engine, hot)).text == (await answer(subject.engine, ask(STORY))).text

    async def test_min_p_of_one_is_greedy(self, subject: Subject) -> None:
        subject.requires(Feature.MIN_P)
        hot = ask(STORY, temperature=2, seed=3, min_p=1)
        assert (await answer(subject.engine, hot)).text == (await answer(subject.engine, ask(STORY))).text

    async def test_a_small_top_p_is_greedy(self, subject: Subject) -> None:
        hot = ask(STORY, temperature=2, seed=3, top_p=1e-6)
        assert (await answer(subject.engine, hot)).text == (await answer(subject.engine, ask(STORY))).text

    @pytest.mark.parametrize(
        ("feature", "penalty"),
        [
            (Feature.PRESENCE_PENALTY, {"presence_penalty": 2}),
            (Feature.FREQUENCY_PENALTY, {"frequency_penalty": 2}),
            (Feature.REPETITION_PENALTY, {"repetition_penalty": 1.8}),
        ],
    )
    async def test_a_penalty_makes_words_differ(
        self, subject: Subject, feature: Feature, penalty: dict[str, float]
    ) -> None:
        subject.requires(feature)
        plain = await answer(subject.engine, ask(REPEAT, 50))
        varied = await answer(subject.engine, ask(REPEAT, 50, **penalty))
        assert distinct_words(varied.text) > distinct_words(plain.text)

    async def test_a_bias_forbids_and_forces(self, subject: Subject) -> None:
        subject.requires(Feature.LOGIT_BIAS)
        plain = await answer(subject.engine, ask(STORY, 3))
        first = subject.tokenizer.encode(plain.text)[0]
        forbidden = await answer(subject.engine, ask(STORY, 3, logit_bias={first: -100}))
        assert subject.tokenizer.encode(forbidden.text)[0] != first
        word = subject.tokenizer.encode(" tea")[0]
        forced = await answer(subject.engine, ask(STORY, 3, logit_bias={word: 100}))
        assert forced.text.split() == ["tea"] * 3

    async def test_logprobs_come_with_every_token(self, subject: Subject) -> None:
        subject.requires(Feature.LOGPROBS)
        told = await answer(subject.engine, ask(STORY, 8, logprobs=0))
        tokens = [one for event in told.events for one in event.logprobs]
        assert len(tokens) == 8
        assert all(one.logprob <= 0 for one in tokens)
        assert b"".join(one.token for one in tokens).decode().strip() == told.text.strip()
        plain = await answer(subject.engine, ask(STORY, 8))
        assert not [one for event in plain.events for one in event.logprobs]

    async def test_the_likeliest_tokens_are_told(self, subject: Subject) -> None:
        subject.requires(Feature.TOP_LOGPROBS)
        told = await answer(subject.engine, ask(STORY, 8, logprobs=3))
        for one in (one for event in told.events for one in event.logprobs):
            likelihoods = [other.logprob for other in one.top]
            assert likelihoods == sorted(likelihoods, reverse=True)
            assert len(likelihoods) == (3 if subject.samples else 1)
            assert (one.top[0].token, one.top[0].logprob) == (one.token, one.logprob)  # it is greedy

    async def test_several_choices(self, subject: Subject) -> None:
        request = ask(STORY, 10, temperature=1.3, seed=5)
        choices = await Choices.submit(subject.engine, request, 3)
        told: dict[int, str] = {0: "", 1: "", 2: ""}
        reasons: dict[int, FinishReason] = {}
        async for number, event in choices.events():
            assert number not in reasons
            told[number] += event.text
            if event.finish_reason:
                reasons[number] = event.finish_reason
        assert len(reasons) == 3
        assert len(set(told.values())) == (3 if subject.samples else 1)
        assert subject.engine.state().running == 0

    async def test_several_choices_alone_can_be_given_up(self, subject: Subject) -> None:
        choices = await Choices.submit(subject.engine, ask(STORY, 300), 3)
        async for _ in choices.events():
            break
        choices.close()
        assert subject.engine.state().running == 0

    async def test_json_of_a_schema(self, subject: Subject) -> None:
        subject.requires(Feature.JSON)
        for constraint, right in (
            (JsonSchema(SCHEMA), valid),
            (JsonSchema('{"type": "object"}'), any_object),
        ):
            told = await answer(subject.engine, ask("Describe a cat as JSON.", 60, constraint=constraint))
            assert told.finish_reason is FinishReason.LENGTH or right(json.loads(told.text))

    async def test_text_of_a_pattern(self, subject: Subject) -> None:
        subject.requires(Feature.REGEX)
        told = await answer(
            subject.engine, ask("Describe a cat.", 40, constraint=Regex("[A-Z][a-z]{2,8}: [0-9]{3}"))
        )
        assert re.fullmatch("[A-Z][a-z]{2,8}: [0-9]{3}", told.text)
        assert told.finish_reason is FinishReason.STOP

    async def test_free_text_beside_json(self, subject: Subject) -> None:
        subject.requires(Feature.JSON)
        alone = (await answer(subject.engine, ask(STORY))).text
        shaped = ask("Describe a cat as JSON.", 40, constraint=JsonSchema(SCHEMA))
        told = await texts(subject.engine, [ask(STORY), shaped])
        assert told[0] == alone
        assert told[1].startswith("{")

    @pytest.mark.parametrize("several", [False, True])
    async def test_a_required_tool_call(self, subject: Subject, *, several: bool) -> None:
        subject.requires(Feature.TOOLS)
        shape = ToolCalls(TOOLS, required=True, several=several)
        told = await answer(
            subject.engine, ask("How warm is it in Bogor?", 90, tools=TOOLS, constraint=shape)
        )
        calls = told.text.split(TOOL_CALL_BEGIN)
        assert not calls[0].strip()
        assert len(calls) > 1
        assert several or len(calls) == 2
        first, ended, _ = calls[1].partition(TOOL_CALL_END)
        assert ended
        called = json.loads(first)
        assert called["name"] in {"weather", "now"}
        assert isinstance(called["arguments"].get("city", ""), str)

    async def test_tools_that_need_not_be_called(self, subject: Subject) -> None:
        subject.requires(Feature.TOOLS)
        told = await answer(subject.engine, ask("Say hello.", 12, tools=TOOLS, constraint=ToolCalls(TOOLS)))
        assert told.text.strip()

    @pytest.mark.parametrize("wrong", [JsonSchema('{"type": "objct"}'), JsonSchema("nope"), Regex("([")])
    async def test_a_wrong_shape_is_refused_and_harms_nobody(
        self, subject: Subject, wrong: Constraint
    ) -> None:
        subject.requires(Feature.JSON, Feature.REGEX)
        alone = (await answer(subject.engine, ask(STORY))).text
        neighbour = asyncio.create_task(answer(subject.engine, ask(STORY)))
        await asyncio.sleep(0)
        with pytest.raises(InvalidInput) as caught:
            await answer(subject.engine, ask("Describe a cat.", constraint=wrong))
        assert caught.value.field in {"response_format", "structured_outputs"}
        assert (await neighbour).text == alone
        assert (await answer(subject.engine, ask(STORY))).text == alone

    @pytest.mark.parametrize("sampling", range(5))
    async def test_a_cut_answer_goes_on_as_if_it_had_not_been(self, subject: Subject, sampling: int) -> None:
        fields, features = CONTINUED[sampling]
        subject.requires(*features)
        if not subject.tells_tokens:
            pytest.skip("it goes on from text: another test")
        whole = await answer(subject.engine, ask(STORY, 24, **fields))
        for cut in range(1, len(whole.token_ids)):
            begun = whole.token_ids[:cut]
            rest = await answer(subject.engine, ask(STORY, 24, generated=begun, **fields))
            assert begun + rest.token_ids == whole.token_ids, cut
            assert rest.finish_reason is whole.finish_reason
            assert rest.events[-1].usage == whole.events[-1].usage
            before = "".join(event.text for event in whole.events[:cut])
            assert before + rest.text == whole.text

    async def test_a_cut_answer_goes_on_from_its_text(self, subject: Subject) -> None:
        subject.requires(Feature.CONTINUATION)
        whole = (await answer(subject.engine, ask(STORY, 24))).text
        begun = " ".join(whole.split(" ")[:6])
        rest = await answer(subject.engine, ask(STORY, 12, answer_prefix=begun))
        assert whole.startswith(begun + rest.text) or (begun + rest.text).startswith(whole)
