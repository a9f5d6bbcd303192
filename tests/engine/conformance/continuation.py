"""What every engine must do with an answer that has begun already."""

from typing import Any

import pytest

from engine.conformance.shapes import SCHEMA
from engine.conformance.subject import STORY, Subject, answer, ask
from warung.engine.constraint import JsonSchema
from warung.engine.features import Feature
from warung.engine.request import FinishReason
from warung.engine.text import encode_prompt
from warung.errors import InvalidInput

TOKENS = 14
CUTS = (1, 2, 5, 9, 12)
CONTINUED: list[tuple[dict[str, Any], tuple[Feature, ...]]] = [
    ({}, ()),
    ({"repetition_penalty": 1.3}, (Feature.REPETITION_PENALTY,)),
    (
        {"presence_penalty": 0.5, "frequency_penalty": 0.7},
        (Feature.PRESENCE_PENALTY, Feature.FREQUENCY_PENALTY),
    ),
    ({"constraint": JsonSchema(SCHEMA)}, (Feature.JSON,)),
]


class ContinuationConformance:
    async def test_an_answer_goes_on_from_its_prefix(self, subject: Subject) -> None:
        tokenizer = subject.tokenizer
        subject.requires(Feature.CONTINUATION)
        begun = ask("Count.", 6, answer_prefix="One, two, three,")
        told = await answer(subject.engine, begun)
        assert told.events[-1].usage.prompt_tokens == len(encode_prompt(tokenizer, begun))
        assert not told.text.lstrip().startswith("One, two, three")
        assert told.text

    @pytest.mark.parametrize("sampling", range(len(CONTINUED)))
    async def test_a_cut_answer_goes_on_as_if_it_had_not_been(self, subject: Subject, sampling: int) -> None:
        fields, features = CONTINUED[sampling]
        subject.requires(*features)
        subject.requires_tokens()
        whole = await answer(subject.engine, ask(STORY, TOKENS, **fields))
        assert len(whole.token_ids) > max(CUTS)
        for cut in CUTS:
            begun = whole.token_ids[:cut]
            rest = await answer(subject.engine, ask(STORY, TOKENS, generated=begun, **fields))
            assert begun + rest.token_ids == whole.token_ids, cut
            assert rest.finish_reason is whole.finish_reason
            assert rest.events[-1].usage == whole.events[-1].usage
            before = "".join(event.text for event in whole.events[:cut])
            assert before + rest.text == whole.text

    async def test_tokens_that_it_does_not_tell_it_does_not_take(self, subject: Subject) -> None:
        begun = ask(STORY, 2, generated=tuple(subject.tokenizer.encode("One")[:1]))
        if subject.tells_tokens:
            assert (await answer(subject.engine, begun)).events[-1].usage.completion_tokens == 2
            return
        with pytest.raises(InvalidInput) as caught:
            await subject.engine.submit(begun)
        assert (caught.value.field, caught.value.code) == ("generated", "unsupported_field")

    async def test_a_cut_answer_stops_at_a_string_that_lies_across_the_cut(self, subject: Subject) -> None:
        subject.requires_tokens()
        whole = await answer(subject.engine, ask(STORY, TOKENS))
        at = len("".join(event.text for event in whole.events[:6]))
        stop = whole.text[at - 2 : at + 2]
        stopped = await answer(subject.engine, ask(STORY, TOKENS, stop=(stop,)))
        assert stopped.text == whole.text[: whole.text.index(stop)]
        begun = whole.token_ids[:6]
        rest = await answer(subject.engine, ask(STORY, TOKENS, generated=begun, stop=(stop,)))
        assert (rest.text, rest.finish_reason) == ("", FinishReason.STOP)

    async def test_a_cut_answer_goes_on_from_its_text(self, subject: Subject) -> None:
        subject.requires(Feature.CONTINUATION)
        whole = (await answer(subject.engine, ask(STORY, 24))).text
        words = whole.split(" ")
        begun = " ".join(words[: len(words) // 2])
        assert begun
        rest = (await answer(subject.engine, ask(STORY, 8, answer_prefix=begun))).text
        assert rest
        assert whole.startswith(begun + rest)
