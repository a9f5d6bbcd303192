"""Which session and which event in it a request means; knows no model and no route."""

import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query

from warung.completions.response import start_index
from warung.streams.broker import Broker
from warung.streams.sse import check_session_id, parse_cursor


def _last_event_id(
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    last_event_id_query: Annotated[str | None, Query(alias="last_event_id")] = None,
) -> str | None:
    return last_event_id or last_event_id_query


LastEventId = Annotated[str | None, Depends(_last_event_id)]
"""A route's parameter: the header, or the query parameter for those who can't send headers."""


@dataclass(frozen=True, slots=True)
class Place:
    """A reader's place: its session and the last event it has, None at a turn's beginning."""

    session_id: str
    cursor: int | None


async def find_place(broker: Broker, owner: str, session_id: str | None, last_event_id: str | None) -> Place:
    """The place that a request names, or the beginning of a new session.

    Raises InvalidInput, NotFound and CursorTooOld when there is no such place.
    """
    session_id = session_id or _session_of(last_event_id) or secrets.token_urlsafe(24)
    cursor = parse_cursor(last_event_id, check_session_id(session_id))
    if cursor is not None:  # only what was begun before can be resumed
        session = await broker.open(session_id, owner)
        broker.follow(session, start_index(session, cursor))
    return Place(session_id, cursor)


def _session_of(last_event_id: str | None) -> str:
    """The session that an event id names; empty without one."""
    return (last_event_id or "").rpartition(":")[0]
