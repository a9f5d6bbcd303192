import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.completions.chunk import DONE, Answer, AnswerFailed, Cancelled, Choice, ChunkWriter, error_object
from warung.engine.request import FinishReason, Usage
from warung.errors import InvalidInput, NotFound, TooManyRequests, Unavailable, WarungError

USAGE = Usage(prompt_tokens=7, completion_tokens=3)
COUNTED = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def writer(*, include_usage: bool = False) -> ChunkWriter:
    return ChunkWriter("chatcmpl-1", "m", "session-1", include_usage, created=1_800_000_000)


def test_every_chunk_has_the_same_frame() -> None:
    chunks = [writer().opening(), writer().content("a"), writer().ending("b", FinishReason.STOP, USAGE)[0]]
    for chunk in map(json.loads, chunks):
        del chunk["choices"], chunk["warung"]
        assert chunk == {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_800_000_000,
            "model": "m",
        }


def test_the_ending_brings_the_reason_and_the_usage_only_if_asked_for() -> None:
    last, done = writer().ending("b", FinishReason.LENGTH, USAGE)
    assert done == DONE
    assert json.loads(last)["choices"][0] == {
        "index": 0,
        "delta": {"content": "b"},
        "logprobs": None,
        "finish_reason": "length",
    }
    assert "usage" not in json.loads(last)
    last, usage, done = writer(include_usage=True).ending("", FinishReason.STOP, USAGE)
    assert json.loads(last)["choices"][0]["delta"] == {}
    assert (json.loads(usage)["choices"], json.loads(usage)["usage"], done) == ([], COUNTED, DONE)


@given(st.text())
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    line = writer().content(text)
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line)["choices"][0]["delta"]["content"] == text


@given(st.lists(st.text(min_size=1), max_size=8), st.booleans())
def test_an_answer_is_what_its_chunks_say(texts: list[str], include_usage: bool) -> None:
    written = writer(include_usage=include_usage)
    events = [
        written.opening(products=[1]),
        *map(written.content, texts),
        *written.ending("!", FinishReason.STOP, USAGE, products=[2]),
    ]
    answer = Answer()
    assert not answer.add(events[:1])
    assert answer.add(events[1:])
    assert answer.content == "".join(texts) + "!"
    assert answer.own == {"session_id": "session-1", "products": [2], "usage": COUNTED}
    completion = answer.completion()
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert (completion["object"], completion["usage"]) == ("chat.completion", COUNTED)
    assert completion["warung"] == {"session_id": "session-1"}


def test_an_answer_ends_at_its_done() -> None:
    answer = Answer()
    assert answer.add([writer().content("mine"), DONE, writer().content("the next turn's")])
    assert answer.content == "mine"


@pytest.mark.parametrize(
    "error",
    [
        Cancelled("stopped"),
        Unavailable("no model"),
        InvalidInput("wrong", field="messages", code="context_length_exceeded"),
        WarungError("failed"),
    ],
)
def test_a_stored_failure_is_raised_as_it_was(error: WarungError) -> None:
    events = writer().failure(error)
    assert events[-1] == DONE
    answer = Answer()
    answer.add([writer().opening()])
    with pytest.raises(AnswerFailed) as failed:
        answer.add(events)
    raised = failed.value
    assert (raised.message, raised.status, raised.code, raised.field) == (
        error.message,
        error.status,
        error.code,
        error.field,
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            InvalidInput("m", field="stop"),
            {"type": "invalid_request_error", "param": "stop", "code": "invalid_input"},
        ),
        (NotFound("m"), {"type": "invalid_request_error", "param": None, "code": "not_found"}),
        (TooManyRequests("m", code="x"), {"type": "rate_limit_error", "param": None, "code": "x"}),
        (WarungError("m"), {"type": "server_error", "param": None, "code": "internal_error"}),
    ],
)
def test_openais_error_object(error: WarungError, expected: dict[str, Any]) -> None:
    assert error_object(error) == {"message": "m", **expected}


def call(index: int, arguments: str, **opening: Any) -> dict[str, Any]:
    """A delta with a piece of a tool call; its first piece brings `id` and `name`."""
    function = {"name": opening.pop("name"), "arguments": arguments} if opening else {"arguments": arguments}
    return {"tool_calls": [{"index": index, **opening, "function": function}]}


def test_tool_calls_are_gathered_from_their_pieces() -> None:
    choice = Choice()
    for delta in (
        call(0, "", id="call_a", name="weather"),
        call(0, '{"city": '),
        call(0, '"Bogor"}'),
        call(1, "{}", id="call_b", name="now"),
    ):
        choice.add({"delta": delta, "logprobs": None, "finish_reason": None})
    choice.add({"delta": {}, "logprobs": None, "finish_reason": "tool_calls"})

    def made(identity: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}

    assert choice.wire(2) == {
        "index": 2,
        "message": {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "tool_calls": [made("call_a", "weather", '{"city": "Bogor"}'), made("call_b", "now", "{}")],
        },
        "logprobs": None,
        "finish_reason": "tool_calls",
    }


def test_what_is_said_beside_a_call_is_kept() -> None:
    choice = Choice()
    for delta in ({"content": "Let me see."}, call(0, "{}", id="call_a", name="now")):
        choice.add({"delta": delta, "logprobs": None, "finish_reason": None})
    assert choice.wire(0)["message"]["content"] == "Let me see."


def test_an_answer_that_says_nothing_has_empty_content() -> None:
    assert Choice().wire(0)["message"] == {"role": "assistant", "content": "", "refusal": None}


def test_logprobs_are_gathered_in_order() -> None:
    choice = Choice()
    for tokens in (["a"], None, ["b", "c"]):
        logprobs = tokens and {"content": [{"token": token} for token in tokens], "refusal": None}
        choice.add({"delta": {"content": ""}, "logprobs": logprobs, "finish_reason": None})
    told = choice.wire(0)["logprobs"]
    assert told == {"content": [{"token": token} for token in "abc"], "refusal": None}


def test_the_choices_of_an_answer_stand_in_order_however_they_came() -> None:
    answer, w = Answer(), writer(include_usage=True)
    answer.add([w.opening(choice=choice) for choice in (2, 0, 1)])
    answer.add([w.part({"content": text}, choice=choice) for choice, text in ((1, "b"), (0, "a"), (2, "c"))])
    answer.add([w.part({"content": "!"}, choice=choice, reason="stop") for choice in (2, 1)])
    assert not answer.add([w.part({}, choice=0, reason="length", usage=COUNTED)])
    assert answer.add(w.end(USAGE))
    choices = answer.completion()["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert [choice["message"]["content"] for choice in choices] == ["a", "b!", "c!"]
    assert [choice["finish_reason"] for choice in choices] == ["length", "stop", "stop"]
    assert (answer.content, answer.finish_reason) == ("a", "length")
