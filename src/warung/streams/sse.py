"""Events on the wire and cursors back: Server-Sent Events (WHATWG HTML, section 9.2)."""

import re
from collections.abc import Iterable

from warung.errors import InvalidInput
from warung.streams.event import Event

# One newline: several clients choke on a comment followed by a blank line.
PING = b": ping\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")
_CURSOR = re.compile(r"(?P<session>[A-Za-z0-9_-]{8,128}):(?P<index>[0-9]{1,18})")


def encode(events: Iterable[Event]) -> bytes:
    return "".join(f"id: {e.session_id}:{e.index}\ndata: {e.data}\n\n" for e in events).encode()


def check_session_id(session_id: str) -> str:
    """Raises InvalidInput unless the id can stand in a URL, a header and an event id."""
    if not _SESSION_ID.fullmatch(session_id):
        raise InvalidInput("session_id must be 8 to 128 letters, digits, '-' or '_'", field="session_id")
    return session_id


def parse_cursor(last_event_id: str | None, session_id: str) -> int | None:
    """The index in a Last-Event-ID, None without one.

    Raises InvalidInput when it is malformed or belongs to another session.
    """
    if not last_event_id:
        return None
    match = _CURSOR.fullmatch(last_event_id)
    if not match or match["session"] != session_id:
        raise InvalidInput(
            f'Last-Event-ID must be "{session_id}:<index>", as it was received', field="Last-Event-ID"
        )
    return int(match["index"])
