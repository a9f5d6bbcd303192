import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.engine.upstream.calls import CallWriter
from warung.openai_api.tool_calls import ToolCallReader

names = st.from_regex(r"[a-zA-Z0-9_.-]{1,12}", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
calls = st.lists(st.tuples(names, st.dictionaries(st.text(max_size=5), values, max_size=3)), max_size=3)


def pieces(name: str, arguments: str, size: int, index: dict[str, int]) -> list[dict[str, Any]]:
    cut = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    return [
        {**index, "id": "call", "function": {"name": name, "arguments": ""}},
        *({**index, "function": {"arguments": piece}} for piece in cut),
    ]


@given(made=calls, size=st.integers(1, 9), has_indices=st.booleans())
def test_what_is_written_is_read_back(
    made: list[tuple[str, dict[str, Any]]], size: int, *, has_indices: bool
) -> None:
    writer, reader = CallWriter(), ToolCallReader()
    texts: list[str] = []
    for number, (name, arguments) in enumerate(made):
        index = {"index": number} if has_indices else {}
        texts += [writer.write([piece]) for piece in pieces(name, json.dumps(arguments), size, index)]
    texts.append(writer.end())
    deltas = [delta for text in texts for delta in reader.feed(text)] + reader.feed("", last=True)
    read: dict[int, list[str]] = {}
    for delta in deltas:
        assert set(delta) == {"tool_calls"}
        call = delta["tool_calls"][0]
        function = call["function"]
        known = read.setdefault(call["index"], [function.get("name", ""), ""])
        known[1] += function["arguments"]
    assert [(name, json.loads(arguments)) for name, arguments in read.values()] == made


@pytest.mark.parametrize(
    "deltas",
    [
        [{"index": 0, "function": {"arguments": "{"}}],
        [
            {"index": 0, "function": {"name": "a"}},
            {"index": 1, "function": {"name": "b"}},
            {"index": 0, "function": {"arguments": "{"}},
        ],
    ],
)
def test_pieces_out_of_order_can_t_be_written(deltas: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="without its beginning"):
        CallWriter().write(deltas)
