import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warung.completions.chunk import Choice
from warung.openai_api.tool_calls import ToolCallReader


def call(name: str, arguments: str) -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>'


WEATHER, NOW = call("weather", '{"city": "Bogor"}'), call("now", "{}")
Called = list[tuple[str, str]]


def read(*pieces: str) -> tuple[str, Called, ToolCallReader]:
    """(content, calls) as a client gathers them from the deltas, and the reader."""
    reader, choice = ToolCallReader(), Choice()
    deltas = [delta for piece in pieces for delta in reader.feed(piece)]
    for delta in [*deltas, *reader.feed("", last=True)]:
        assert delta
        assert delta.get("content") != ""
        choice.add({"delta": delta, "logprobs": None, "finish_reason": None})
    assert reader.calls == len(choice.tool_calls)
    assert len({one["id"] for one in choice.tool_calls}) == reader.calls
    called = [(one["function"]["name"], one["function"]["arguments"]) for one in choice.tool_calls]
    return choice.content, called, reader


@pytest.mark.parametrize(
    ("text", "content", "called"),
    [
        ("Halo", "Halo", []),
        ("  Halo \n", "  Halo \n", []),
        (" \n", " \n", []),
        (WEATHER, "", [("weather", '{"city": "Bogor"}')]),
        (f"\n{WEATHER}\n{NOW}\n", "", [("weather", '{"city": "Bogor"}'), ("now", "{}")]),
        (f"{WEATHER}{NOW}", "", [("weather", '{"city": "Bogor"}'), ("now", "{}")]),
        (f"Let me see.\n\n{NOW}", "Let me see.", [("now", "{}")]),
        (f"{NOW}\n Done. ", "Done. ", [("now", "{}")]),
        (call("f", '{"a": {"b": [{}, "}]\\"{"]}}'), "", [("f", '{"a": {"b": [{}, "}]\\"{"]}}')]),
        (call("f", '{"t": "</tool_call>"}'), "", [("f", '{"t": "</tool_call>"}')]),
        (call("f", '{"\\\\": "é 🙂"}'), "", [("f", '{"\\\\": "é 🙂"}')]),
    ],
)
def test_calls_are_taken_out_of_the_text(text: str, content: str, called: Called) -> None:
    assert read(text)[:2] == read(*text)[:2] == (content, called)
    assert read(text)[2].is_whole


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>",
        "<tool_call",
        "a < b <tool_ call>",
        "  <tool_call> is how it begins",
        "<tool_call>\n{}\n</tool_call>",
        '<tool_call>\n{"name": "f", "arguments": "text"}\n</tool_call>',
        '<tool_call>\n{"name": "f", "arguments": 5}\n</tool_call>',
        f'<tool_call>\n{{"name": "{"f" * 65}", "arguments": {{}}}}\n</tool_call>',
        "<tool_call>" * 30,
        f"<tool_call>{' ' * 200}",
    ],
)
def test_what_is_no_call_after_all_is_text(text: str) -> None:
    assert read(text)[:2] == read(*text)[:2] == (text, [])


def test_text_that_only_looks_like_a_call_is_not_held_for_ever() -> None:
    told = ToolCallReader().feed("<tool_call> " + "x" * 120)
    assert "".join(delta["content"] for delta in told) == "<tool_call> " + "x" * 120


def test_text_after_a_mark_that_was_none_may_hold_a_call() -> None:
    assert read(f"<tool_call> then {NOW}")[:2] == ("<tool_call> then", [("now", "{}")])


def test_a_call_that_is_not_closed_hides_no_text() -> None:
    text = '<tool_call>\n{"name": "now", "arguments": {}, "id": 7}\n'
    assert read(text)[:2] == read(*text)[:2] == (', "id": 7}\n', [("now", "{}")])


@given(st.text(alphabet="<>/tol_ca{}\"'\\ \n", max_size=60), st.integers(0, 60))
@example("<tool_call", 5)
def test_text_without_a_call_comes_out_as_it_went_in(text: str, cut: int) -> None:
    assert read(text[:cut], text[cut:])[:2] == (text, [])


PARTS = st.sampled_from(
    [
        WEATHER,
        NOW,
        call("f", '{"a": "<tool_call>"}'),
        "<tool_call>",
        "</tool_call>",
        '<tool_call>\n{"name": "f", ',
        "Halo",
        " ",
        "\n",
        "}",
        "<",
    ]
)


@given(st.lists(PARTS, max_size=8).map("".join), st.data())
def test_any_split_gives_the_same_calls_and_the_same_content(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[begin:end] for begin, end in pairwise([0, *cuts, len(text)])]
    whole, split = read(text), read(*pieces)
    assert split[:2] == whole[:2]
    assert split[2].is_whole is whole[2].is_whole


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=3), min_size=1, max_size=3), st.data())
def test_any_arguments_come_through_as_they_are(given_arguments: list[Any], data: st.DataObject) -> None:
    spelled = [json.dumps(arguments, ensure_ascii=False) for arguments in given_arguments]
    text = "\n".join(call(f"f{number}", arguments) for number, arguments in enumerate(spelled))
    cut = data.draw(st.integers(0, len(text)))
    called = [(f"f{number}", arguments) for number, arguments in enumerate(spelled)]
    assert read(text[:cut], text[cut:])[:2] == ("", called)


@given(st.integers(0, len(WEATHER)))
def test_a_cut_loses_nothing(length: int) -> None:
    content, called, reader = read(WEATHER[:length])
    name, arguments = called[0] if called else ("", "")
    assert reader.is_whole is (not called or arguments == '{"city": "Bogor"}')
    if called:
        assert (content, name) == ("", "weather")
        assert '{"city": "Bogor"}'.startswith(arguments)
        assert length - WEATHER.index('{"city') - len(arguments) <= len("}\n</tool_call>")
    else:
        assert content == WEATHER[:length]


def test_the_arguments_come_as_they_are_written() -> None:
    reader = ToolCallReader()
    reader.feed(WEATHER[: WEATHER.index("{", 20)])
    pieces = [reader.feed(piece) for piece in ('{"ci', 'ty": ', '"Bogor"}', "}", "\n</tool_call>")]
    told = [delta["tool_calls"][0]["function"]["arguments"] for deltas in pieces for delta in deltas]
    assert told[-3:] == ['{"ci', 'ty": ', '"Bogor"}']
