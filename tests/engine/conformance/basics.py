"""What every engine must do with plain text."""

import asyncio

import pytest

from engine.conformance.subject import (
    MAX_REQUESTS,
    QUESTIONS,
    STORY,
    WITHIN_SECONDS,
    Answer,
    Subject,
    answer,
    ask,
    texts,
)
from warung.engine.engine import EngineStatus
from warung.engine.request import FinishReason, TokenEvent
from warung.engine.text import TextStream, encode_prompt
from warung.errors import InvalidInput, TooManyRequests

LONG = "The price of rice in the market rises and falls with the rain. " * 24


class BasicsConformance:
    async def test_it_is_ready_when_it_has_answered(self, subject: Subject) -> None:
        await answer(subject.engine, ask("Hi", 2))
        state = subject.engine.state()
        assert (state.status, state.error, state.running) == (EngineStatus.READY, None, 0)
        assert state.model_id == subject.engine.model_id

    async def test_it_names_the_weights_that_answer(self, subject: Subject) -> None:
        assert await subject.engine.version()
        assert subject.engine.resumes_tokens is subject.tells_tokens

    async def test_a_greedy_answer_is_the_same_each_time(self, subject: Subject) -> None:
        first, second = [await answer(subject.engine, ask(STORY)) for _ in range(2)]
        assert first.token_ids == second.token_ids
        assert bool(first.token_ids) is subject.tells_tokens
        assert first.text == second.text != ""

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
        assert "\ufffd" not in told.text
        if not subject.tells_tokens:
            assert 0 < len(tokenizer.encode(told.text)) <= 40
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
        all_at_once = ask("a".join(["", *sorted(tokenizer.control_tokens), ""]), 1)
        told = await answer(subject.engine, all_at_once)
        assert told.events[-1].usage.prompt_tokens == len(encode_prompt(tokenizer, all_at_once))

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

    async def test_an_error_in_one_request_leaves_the_others_alone(self, subject: Subject) -> None:
        alone = (await answer(subject.engine, ask(STORY))).text
        refused: asyncio.Task[Answer] | None = None
        shown = ""
        async for event in await subject.engine.submit(ask(STORY)):
            shown += event.text
            if not refused:
                too_long = ask("word " * subject.tokenizer.context_length)
                refused = asyncio.create_task(answer(subject.engine, too_long))
        assert refused
        with pytest.raises(InvalidInput):
            await refused
        assert shown == alone
        assert subject.engine.state().running == 0

    async def test_the_queue_is_bounded(self, subject: Subject) -> None:
        alone = (await answer(subject.engine, ask(STORY, 4))).text
        waiting = [await subject.engine.submit(ask(STORY, 200)) for _ in range(MAX_REQUESTS)]
        with pytest.raises(TooManyRequests) as caught:
            await subject.engine.submit(ask(STORY, 4))
        assert (caught.value.code, subject.engine.state().running) == ("engine_full", MAX_REQUESTS)
        assert caught.value.retry_after_seconds
        for generation in waiting:
            generation.close()
        assert subject.engine.state().running == 0
        assert (await answer(subject.engine, ask(STORY, 4))).text == alone
