"""What every engine must do with the fields that change how tokens are chosen."""

import re
from typing import Any

import pytest

from engine.conformance.subject import STORY, Subject, answer, ask
from warung.engine.choices import Choices
from warung.engine.features import Feature
from warung.engine.request import FinishReason

REPEAT = "Say la la la la la la la la la la la la"


def distinct_words(text: str) -> int:
    return len(set(re.findall(r"[a-z]+", text.lower())))


class SamplingConformance:
    async def test_a_seeded_answer_is_the_same_each_time(self, subject: Subject) -> None:
        first, second, other = [
            (await answer(subject.engine, ask(STORY, temperature=1.2, seed=seed))).text for seed in (7, 7, 8)
        ]
        assert first == second
        assert (first != other) is subject.samples

    async def test_a_temperature_too_small_to_divide_by_does_no_harm(self, subject: Subject) -> None:
        cold = await answer(subject.engine, ask(STORY, 4, temperature=1e-300))
        assert cold.text == (await answer(subject.engine, ask(STORY, 4))).text

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
        self, subject: Subject, feature: Feature, penalty: dict[str, Any]
    ) -> None:
        subject.requires(feature)
        plain = await answer(subject.engine, ask(REPEAT, 30))
        varied = await answer(subject.engine, ask(REPEAT, 30, **penalty))
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
