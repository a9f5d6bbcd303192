"""Which session and which event in it a request means; knows no model and no route."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query
from pydantic import BaseModel

from warung.completions.idempotency import KeyReused, is_of_key, session_of
from warung.completions.response import start_index
from warung.errors import InvalidInput
from warung.streams.broker import Broker
from warung.streams.event import Session
from warung.streams.producer import Producer
from warung.streams.sse import check_session_id, parse_cursor
from warung.streams.store import RequestDiffers


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


async def find_place(
    broker: Broker, owner: str, session_id: str | None, last_event_id: str | None, key: str | None = None
) -> Place:
    """The place that a request names, or the beginning of a new session. `key` is an idempotency key.

    Raises InvalidInput, NotFound and CursorTooOld when there is no such place.
    """
    if key is not None:
        session_id = _keyed(owner, key, session_id)
    session_id = session_id or _session_in(last_event_id) or secrets.token_urlsafe(24)
    cursor = parse_cursor(last_event_id, check_session_id(session_id))
    # Only what was begun before can be resumed, and only a key begins its session: nobody can be there first.
    if cursor is not None or (key is None and is_of_key(session_id)):
        session = await broker.open(session_id, owner)
        broker.follow(session, start_index(session, cursor))
    return Place(session_id, cursor)


def _keyed(owner: str, key: str, session_id: str | None) -> str:
    of_key = session_of(owner, key)
    if session_id and session_id != of_key:
        raise InvalidInput(
            "an Idempotency-Key has a session of its own: leave session_id out, or the key, since the same "
            "request in the same session is answered once, too",
            field="session_id",
        )
    return of_key


def _session_in(last_event_id: str | None) -> str:
    """The session that an event id names; empty without one."""
    return (last_event_id or "").rpartition(":")[0]


async def join(
    broker: Broker,
    owner: str,
    place: Place,
    body: BaseModel,
    open_producer: Callable[[], Awaitable[Producer]],
) -> Session:
    """The session at that place, in which the request is answered, begun or joined.

    Raises KeyReused when the session is that of a key and another request, and what Broker.request raises;
    then nothing has begun.
    """
    try:
        return await broker.request(
            place.session_id,
            owner,
            _fingerprint(body),
            open_producer,
            resuming=place.cursor is not None,
            once=is_of_key(place.session_id),
        )
    except RequestDiffers:
        raise KeyReused from None


def _fingerprint(body: BaseModel) -> str:
    """Equal for requests that ask for the same answer."""
    text = body.model_dump_json(exclude={"session_id", "stream"}, exclude_none=True)
    return hashlib.sha256(text.encode()).hexdigest()
