import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.errors import InvalidInput
from warung.streams.event import Event
from warung.streams.sse import PING, check_session_id, encode, parse_cursor

SESSION_IDS = st.from_regex(re.compile(r"[A-Za-z0-9_-]{8,128}"), fullmatch=True)
ONE_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=50)


def frames(wire: bytes) -> list[dict[str, str]]:
    """The wire as an EventSource reads it: the fields of each event (WHATWG HTML, section 9.2.6)."""
    blocks = re.split(r"\r\n\r\n|\n\n|\r\r", wire.decode())
    assert blocks.pop() == ""
    events: list[dict[str, str]] = []
    for block in blocks:
        lines = [line.partition(":") for line in re.split(r"\r\n|\n|\r", block)]
        events.append({name: value.removeprefix(" ") for name, _, value in lines if name})
    return events


@given(session_id=SESSION_IDS, first=st.integers(0, 10**17), data=st.lists(ONE_LINE, max_size=5))
def test_events_survive_the_wire_and_their_ids_come_back_as_cursors(
    session_id: str, first: int, data: list[str]
) -> None:
    sent = [Event(session_id, first + offset, text) for offset, text in enumerate(data)]
    received = frames(encode(sent))
    assert [frame["data"] for frame in received] == data
    assert [parse_cursor(frame["id"], session_id) for frame in received] == [event.index for event in sent]


def test_the_wire_to_the_byte() -> None:
    assert encode([Event("session-a", 7, "{}")]) == b"id: session-a:7\ndata: {}\n\n"
    assert encode([]) == b""
    assert frames(PING * 2 + encode([Event("session-a", 0, "x")])) == [{"id": "session-a:0", "data": "x"}]


def test_without_a_cursor_there_is_none() -> None:
    assert parse_cursor(None, "session-a") is None
    assert parse_cursor("", "session-a") is None


@pytest.mark.parametrize(
    "cursor",
    [
        "session-a",
        "session-a:",
        "session-a:-1",
        "session-a:1.5",
        "session-a:x",
        "session-a:1 ",
        " session-a:1",
        "session-a:1\n",
        "session-a:1:2",
        "session-a:\u0663",  # a digit, but not one of ours
        f"session-a:{'9' * 19}",
        ":1",
        "1",
        "session-b:1",
        "session-:1",
        "session-aa:1",
    ],
)
def test_a_cursor_that_is_malformed_or_another_sessions(cursor: str) -> None:
    with pytest.raises(InvalidInput, match='must be "session-a:<index>"') as caught:
        parse_cursor(cursor, "session-a")
    assert caught.value.field == "Last-Event-ID"


@given(st.text(max_size=30))
def test_no_text_at_all_breaks_the_reading_of_a_cursor(cursor: str) -> None:
    try:
        index = parse_cursor(cursor, "session-a")
    except InvalidInput:
        return
    assert index is None or cursor.startswith("session-a:")


@given(SESSION_IDS)
def test_a_session_id(session_id: str) -> None:
    assert check_session_id(session_id) == session_id


@pytest.mark.parametrize(
    "session_id", ["", "short", "a" * 129, "with space", "semi;colon", "a:b:c:d:e", "ünïcödé-id"]
)
def test_a_session_id_that_cannot_stand_in_a_header(session_id: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_session_id(session_id)
    assert caught.value.field == "session_id"
