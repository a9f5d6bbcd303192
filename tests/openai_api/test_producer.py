import json
import math
from typing import Any

import pytest

from engine.told import Told, event
from warung.completions.chunk import DONE, Answer, AnswerFailed
from warung.engine.choices import Choices
from warung.engine.constraint import Tool
from warung.engine.engine import EngineUnavailable
from warung.engine.request import FinishReason, GenerationRequest, SamplingParams, TokenLogprob
from warung.openai_api.plan import CompletionPlan
from warung.openai_api.producer import CompletionProducer

STOP, LENGTH = FinishReason.STOP, FinishReason.LENGTH
NOW = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'


def producer(
    *generations: Told, include_usage: bool = False, reads_calls: bool = False
) -> CompletionProducer:
    tools = (Tool("now", "{}"),) if reads_calls else ()
    request = GenerationRequest("chatcmpl-1", [], SamplingParams(), tools=tools)
    plan = CompletionPlan(request, "m", "session-1", 1_800_000_000, len(generations), include_usage)
    return CompletionProducer(Choices(generations), plan, version=version)


async def version() -> str:
    return "weights-1"


async def written(made: CompletionProducer) -> list[str]:
    return [data async for batch in made.events() for data in batch.data]


async def answer(*generations: Told, reads_calls: bool = False) -> Answer:
    gathered = Answer()
    assert gathered.add(await written(producer(*generations, reads_calls=reads_calls)))
    return gathered


def spelled(text: str, reason: FinishReason) -> Told:
    """One event for each character; the reason comes with the last."""
    last = len(text)
    return Told([event(one, at, reason if at == last else None) for at, one in enumerate(text, 1)])


def parts(chunks: list[str]) -> list[dict[str, Any]]:
    return [json.loads(chunk)["choices"][0] for chunk in chunks if chunk != DONE]


async def test_each_choice_has_an_opening_and_one_ending_of_its_own() -> None:
    chunks = await written(producer(spelled("abc", STOP), spelled("de", LENGTH), include_usage=True))
    *told, usage, done = chunks
    assert done == DONE
    assert (json.loads(usage)["choices"], json.loads(usage)["usage"]["completion_tokens"]) == ([], 5)
    opening = {"role": "assistant", "content": ""}
    assert [(part["index"], part["delta"]) for part in parts(told)[:2]] == [(0, opening), (1, opening)]
    for index, reason in ((0, "stop"), (1, "length")):
        reasons = [part["finish_reason"] for part in parts(told) if part["index"] == index]
        assert reasons[-1] == reason
        assert not any(reasons[:-1])
    # Whoever stores the stream finds the usage in the last chunk of all, and only there.
    assert ["usage" in json.loads(chunk)["warung"] for chunk in told] == [False] * (len(told) - 1) + [True]


async def test_the_prompt_is_counted_once_and_every_answer_in_full() -> None:
    completion = (await answer(spelled("abc", STOP), spelled("de", LENGTH))).completion()
    assert completion["usage"] == {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    contents = [choice["message"]["content"] for choice in completion["choices"]]
    assert contents == ["abc", "de"]


async def test_an_event_without_text_brings_no_chunk() -> None:
    generation = Told([event("", 1), event("a", 2), event("", 3), event("", 4, STOP)])
    told = parts(await written(producer(generation)))
    assert [part["delta"] for part in told[1:]] == [{"content": "a"}, {}]


@pytest.mark.parametrize(
    ("text", "end", "content", "calls", "reason"),
    [
        (NOW, STOP, None, ["{}"], "tool_calls"),
        (f"{NOW}\n{NOW}", STOP, None, ["{}", "{}"], "tool_calls"),
        (f"Let me see.\n{NOW}", STOP, "Let me see.", ["{}"], "tool_calls"),
        (NOW, LENGTH, None, ["{}"], "length"),
        (NOW[:-14], LENGTH, None, ["{}"], "length"),
        (NOW[:-15], LENGTH, None, ["{"], "length"),
        (NOW[:-15], STOP, None, ["{"], "stop"),  # a stop string cut it
        (NOW[:20], LENGTH, NOW[:20], [], "length"),
        (NOW[:20], STOP, NOW[:20], [], "stop"),
        ("Halo", STOP, "Halo", [], "stop"),
        ("Halo", LENGTH, "Halo", [], "length"),
    ],
)
async def test_calls_and_why_the_answer_ended(
    text: str, end: FinishReason, content: str | None, calls: list[str], reason: str
) -> None:
    whole = Told([event(text, 1, end)])
    for generation in (spelled(text, end), whole):
        choice = (await answer(generation, reads_calls=True)).completion()["choices"][0]
        assert choice["message"]["content"] == content
        made = choice["message"].get("tool_calls", [])
        assert [call["function"]["arguments"] for call in made] == calls
        assert choice["finish_reason"] == reason


async def test_without_tools_nothing_is_taken_for_a_call() -> None:
    choice = (await answer(spelled(NOW, STOP))).completion()["choices"][0]
    assert choice["message"]["content"] == NOW
    assert choice["finish_reason"] == "stop"


async def test_each_choice_has_calls_of_its_own() -> None:
    gathered = await answer(
        spelled(NOW, STOP), spelled("Halo", STOP), spelled(NOW * 2, STOP), reads_calls=True
    )
    choices = gathered.completion()["choices"]
    assert [len(choice["message"].get("tool_calls", [])) for choice in choices] == [1, 0, 2]
    assert [choice["finish_reason"] for choice in choices] == ["tool_calls", "stop", "tool_calls"]


def likely(token: bytes, logprob: float = -0.5, *others: tuple[bytes, float]) -> TokenLogprob:
    return TokenLogprob(token, logprob, tuple(TokenLogprob(*other) for other in others))


SMILE = "🙂".encode()
TOKENS = [
    event("", 1, None, (likely(SMILE[:2]),)),
    event("🙂", 2, None, (likely(SMILE[2:], -0.25, (SMILE[2:], -0.25), (b" ", -math.inf)),)),
    event("ab", 4, None, (likely(b"a"), likely(b"b"))),
    event("", 5, STOP, (likely(b"<end>"),)),
]


async def test_every_tokens_logprob_is_told_once_and_in_order() -> None:
    told = (await answer(Told(TOKENS))).completion()["choices"][0]["logprobs"]
    assert bytes(byte for one in told["content"] for byte in one["bytes"]).decode() == "🙂ab<end>"
    assert told["content"][1] == {
        "token": "\ufffd\ufffd",
        "bytes": [0x99, 0x82],
        "logprob": -0.25,
        "top_logprobs": [
            {"token": "\ufffd\ufffd", "bytes": [0x99, 0x82], "logprob": -0.25},
            {"token": " ", "bytes": [32], "logprob": -9999.0},  # JSON has no infinity
        ],
    }


async def test_logprobs_come_with_the_chunk_of_their_text() -> None:
    told = parts(await written(producer(Told(TOKENS))))[1:]
    assert [part["delta"] for part in told] == [{"content": ""}, {"content": "🙂"}, {"content": "ab"}, {}]
    assert [len(part["logprobs"]["content"]) for part in told] == [1, 1, 2, 1]


@pytest.mark.parametrize("reason", [None, STOP])
async def test_logprobs_of_a_step_of_several_deltas_come_once(reason: FinishReason | None) -> None:
    step = event(f"Halo {NOW}", 1, reason, (likely(b"Halo"), likely(b"...")))
    ending = [] if reason else [event("", 2, STOP)]
    gathered = await answer(Told([step, *ending]), reads_calls=True)
    told = gathered.completion()["choices"][0]
    assert [one["token"] for one in told["logprobs"]["content"]] == ["Halo", "..."]
    assert told["finish_reason"] == "tool_calls"


async def test_an_answer_without_an_end_is_a_failure() -> None:
    endless = Told([event("a", 1)])
    with pytest.raises(EngineUnavailable, match="before the answer ended"):
        await written(producer(endless, spelled("b", STOP)))
    assert endless.closed


@pytest.mark.parametrize("error", [None, EngineUnavailable("broken")])
async def test_the_last_words_give_every_place_back(error: Exception | None) -> None:
    generations: list[Told] = [Told([]), Told([])]
    words = await producer(*generations).last_words(error)
    assert [generation.closed for generation in generations] == [1, 1]
    with pytest.raises(AnswerFailed, match="broken" if error else "cancelled"):
        Answer().add(words)


async def test_a_turn_that_is_left_gives_every_place_back() -> None:
    generations = [Told([event("a", 1), event("b", 2)]) for _ in range(2)]
    events = producer(*generations).events()
    for _ in range(2):
        await anext(events)
    await events.aclose()
    assert all(generation.closed for generation in generations)


async def test_the_engines_error_is_raised_as_it_is() -> None:
    failing = Told([event("a", 1)], EngineUnavailable("broken"))
    with pytest.raises(EngineUnavailable, match="broken"):
        await written(producer(failing))
    assert failing.closed
