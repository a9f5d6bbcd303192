"""What is done with sessions in SQLite, in a transaction that its caller bounds; knows no thread."""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, repeat
from typing import NamedTuple

from warung.streams.event import Event, Session, StreamStatus
from warung.streams.store import Claim, CursorTooOld, Lease, LeaseLost, SessionBusy

_PAGES_AT_ONCE = 64
_EVENTS_AT_ONCE = 64
_STATE = """SELECT number, id, owner, request, status, turn_index, first_index, next_index, epoch,
leased_until, read_at FROM counted WHERE id = ?"""
_BEGIN = """UPDATE sessions SET request = ?, status = 'running', turn_index = ?, cancelling = 0,
epoch = max(epoch, number << 32) + 1, leased_until = ?, read_at = ? WHERE number = ? RETURNING epoch"""
_HELD = """SELECT number, cancelling, turn_index, first_index, dropped_bytes,
coalesce(position + 1, 0), coalesce(written, 0)
FROM sessions LEFT JOIN events ON session = number
WHERE id = ? AND epoch = ? AND status = 'running' ORDER BY position DESC LIMIT 1"""
_EVENTS = """SELECT first_index, position, data
FROM sessions LEFT JOIN events ON session = number AND position >= ?
WHERE id = ? ORDER BY position LIMIT ?"""
_NOTE = """INSERT INTO notes (session, position, place, text) VALUES (?1, ?2,
(SELECT coalesce(max(place), 0) + 1 FROM notes WHERE session = ?1 AND position = ?2), ?3)"""
_NOTES = """SELECT position, place, text FROM notes WHERE session = ?1
UNION ALL SELECT position, 0, memo FROM events WHERE session = ?1 AND position >= ?2 AND memo IS NOT NULL
ORDER BY position, place"""
_PLAN = "INSERT INTO notes (session, position, place, text) VALUES (?, -1, 0, ?)"
_SAVE_MEMOS = """INSERT INTO notes (session, position, place, text) SELECT session, position, 0, memo
FROM events WHERE session = ? AND position >= ? AND position < ? AND memo IS NOT NULL"""


class Grant(NamedTuple):
    """A lease that was given."""

    lease: Lease
    next_index: int
    leased_until: float


class _Row(NamedTuple):
    number: int
    id: str
    owner: str
    request: str
    status: str
    turn_index: int
    first_index: int
    next_index: int
    epoch: int
    leased_until: float
    read_at: float


class _Kept(NamedTuple):
    """What is kept of a session whose lease holds; `written` and `dropped` are bytes since its beginning."""

    number: int
    cancelling: int
    turn_index: int
    first_index: int
    dropped: int
    next_index: int
    written: int


@dataclass(frozen=True, slots=True)
class SqliteTurns:
    """The clock is read within the transaction, so that no process acts on a time before another's commit."""

    events_per_session: int
    bytes_per_session: int
    lease_seconds: float
    clock: Callable[[], float]

    def holds(self, leased_until: float) -> bool:
        """A time too far ahead was written before the machine started anew: that lease has lapsed, too."""
        now = self.clock()
        return now < leased_until <= now + self.lease_seconds

    def session(self, connection: sqlite3.Connection, session_id: str) -> Session | None:
        row = self._row(connection, session_id)
        return self._session(row) if row else None

    def _row(self, connection: sqlite3.Connection, session_id: str) -> _Row | None:
        values = connection.execute(_STATE, (session_id,)).fetchone()
        return _Row(*values) if values else None

    def _session(self, row: _Row) -> Session:
        return Session(
            row.id,
            row.owner,
            row.request,
            StreamStatus(row.status),
            row.turn_index,
            row.first_index,
            row.next_index,
            lapsed=row.status == StreamStatus.RUNNING and not self.holds(row.leased_until),
            unread_seconds=max(0.0, self.clock() - row.read_at),
        )

    def begin(
        self,
        connection: sqlite3.Connection,
        *,
        session_id: str,
        owner: str,
        request: str,
        plan: str,
        after: int | None,
    ) -> Grant:
        connection.execute(
            "INSERT OR IGNORE INTO sessions (id, owner, status) VALUES (?, ?, 'finished')",
            (session_id, owner),
        )
        row = _Row(*connection.execute(_STATE, (session_id,)).fetchone())
        expected = row.next_index if after is None else after
        if row.status == StreamStatus.RUNNING or row.next_index not in {0, expected}:
            raise SessionBusy(session_id)
        now = self.clock()
        until = now + self.lease_seconds
        (epoch,) = connection.execute(_BEGIN, (request, row.next_index, until, now, row.number)).fetchone()
        if plan:
            connection.execute(_PLAN, (row.number, plan))
        return Grant(Lease(session_id, epoch), row.next_index, until)

    def append(
        self,
        connection: sqlite3.Connection,
        lease: Lease,
        data: Sequence[str],
        sizes: Sequence[int],
        memo: str,
    ) -> tuple[int, bool]:
        """The index of the next event, and whether somebody has asked to cancel. `sizes` are in bytes."""
        kept = self._store(connection, lease, data, sizes, memo)
        return kept.next_index, bool(kept.cancelling)

    def end(
        self,
        connection: sqlite3.Connection,
        lease: Lease,
        status: StreamStatus,
        data: Sequence[str],
        sizes: Sequence[int],
    ) -> None:
        number = self._store(connection, lease, data, sizes).number
        connection.execute("DELETE FROM notes WHERE session = ?", (number,))
        connection.execute(
            "UPDATE sessions SET status = ?, ended_at = ? WHERE number = ?", (status, self.clock(), number)
        )

    def _store(
        self,
        connection: sqlite3.Connection,
        lease: Lease,
        data: Sequence[str],
        sizes: Sequence[int],
        memo: str = "",
    ) -> _Kept:
        row = connection.execute(_HELD, (lease.session_id, lease.epoch)).fetchone()
        if row is None:
            raise LeaseLost(lease.session_id)
        kept = _Kept(*row)
        ends = [kept.written + size for size in accumulate(sizes)]
        memos = [None] * (len(data) - 1) + [memo or None]  # behind all the events that it came with
        rows = zip(repeat(kept.number), count(kept.next_index), ends, data, memos)
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
        if memo and not data:
            connection.execute(_NOTE, (kept.number, kept.next_index - 1, memo))
        kept = kept._replace(
            next_index=kept.next_index + len(data), written=ends[-1] if ends else kept.written
        )
        return self._trimmed(connection, kept) if self._overflows(kept) else kept

    def _overflows(self, kept: _Kept) -> bool:
        events = kept.next_index - kept.first_index
        size = kept.written - kept.dropped
        return events > 1 and (events > self.events_per_session or size > self.bytes_per_session)

    def _trimmed(self, connection: sqlite3.Connection, kept: _Kept) -> _Kept:
        events = connection.execute(
            "SELECT position, written FROM events WHERE session = ? ORDER BY position", (kept.number,)
        )
        for position, written in events:
            if not self._overflows(kept):
                break
            kept = kept._replace(first_index=position + 1, dropped=written)
        events.close()
        connection.execute(_SAVE_MEMOS, (kept.number, kept.turn_index, kept.first_index))
        self._drop(connection, kept.number, kept.first_index, kept.dropped)
        return kept

    def _drop(self, connection: sqlite3.Connection, number: int, first_index: int, dropped: int) -> None:
        """Keep nothing before `first_index`, which is all in all `dropped` bytes."""
        connection.execute("DELETE FROM events WHERE session = ? AND position < ?", (number, first_index))
        connection.execute(
            "UPDATE sessions SET first_index = ?, dropped_bytes = ? WHERE number = ?",
            (first_index, dropped, number),
        )

    def read(self, connection: sqlite3.Connection, session_id: str, index: int, limit: int) -> list[Event]:
        rows = connection.execute(_EVENTS, (index, session_id, limit)).fetchall()
        if rows and index < rows[0][0]:
            raise CursorTooOld(session_id, rows[0][0])
        return [Event(session_id, position, data) for _, position, data in rows if position is not None]

    def progress(
        self, connection: sqlite3.Connection, session_ids: Collection[str]
    ) -> dict[str, tuple[int, bool]]:
        """The next index of those that are kept, and whether they run."""
        found: dict[str, tuple[int, bool]] = {}
        for session_id in session_ids:
            row = connection.execute(
                "SELECT next_index, status FROM counted WHERE id = ?", (session_id,)
            ).fetchone()
            if row:
                found[session_id] = row[0], row[1] == StreamStatus.RUNNING
        return found

    def renew(
        self, connection: sqlite3.Connection, leases: Collection[Lease]
    ) -> dict[Lease, tuple[float, bool]]:
        """Of the leases that hold, until when, and whether somebody has asked to cancel."""
        until = self.clock() + self.lease_seconds
        renewed: dict[Lease, tuple[float, bool]] = {}
        for lease in leases:
            row = connection.execute(
                "UPDATE sessions SET leased_until = ? WHERE id = ? AND epoch = ? AND status = 'running' "
                "RETURNING cancelling",
                (until, lease.session_id, lease.epoch),
            ).fetchone()
            if row:
                renewed[lease] = until, bool(row[0])
        return renewed

    def release(self, connection: sqlite3.Connection, lease: Lease) -> None:
        connection.execute(
            "UPDATE sessions SET leased_until = 0 WHERE id = ? AND epoch = ? AND status = 'running'",
            (lease.session_id, lease.epoch),
        )

    def claim(self, connection: sqlite3.Connection, session_id: str) -> tuple[Claim, Grant] | None:
        row = self._row(connection, session_id)
        if row is None or not self._session(row).lapsed:
            return None
        row = row._replace(epoch=row.epoch + 1, leased_until=self.clock() + self.lease_seconds)
        connection.execute(
            "UPDATE sessions SET epoch = ?, leased_until = ? WHERE number = ?",
            (row.epoch, row.leased_until, row.number),
        )
        notes = connection.execute(_NOTES, (row.number, row.turn_index)).fetchall()
        plan = notes.pop(0)[2] if notes and notes[0][:2] == (-1, 0) else ""
        lease = Lease(session_id, row.epoch)
        claim = Claim(lease, self._session(row), plan, tuple(text for *_, text in notes))
        return claim, Grant(lease, row.next_index, row.leased_until)

    def lapsed(self, connection: sqlite3.Connection) -> list[str]:
        rows = connection.execute(
            "SELECT id, leased_until FROM sessions INDEXED BY running WHERE status = 'running'"
        ).fetchall()
        return [session_id for session_id, leased_until in rows if not self.holds(leased_until)]

    def ask_to_cancel(self, connection: sqlite3.Connection, session_id: str) -> None:
        connection.execute(
            "UPDATE sessions SET cancelling = 1 WHERE id = ? AND status = 'running'", (session_id,)
        )

    def touch(self, connection: sqlite3.Connection, session_ids: Collection[str]) -> None:
        now = self.clock()
        connection.executemany(
            "UPDATE sessions SET read_at = ? WHERE id = ?", [(now, session_id) for session_id in session_ids]
        )

    def forget(self, connection: sqlite3.Connection, session_id: str) -> None:
        connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

    def collect(self, connection: sqlite3.Connection, ttl_seconds: float) -> int | None:
        """Forget one that expired, or the oldest part of a long one, whose events lie among those of others.
        How many are forgotten, None when there is none to forget. What ended in the future, before the
        machine started anew, ends now."""
        now = self.clock()
        connection.execute(
            "UPDATE sessions SET ended_at = ?1 WHERE status <> 'running' AND ended_at > ?1", (now,)
        )
        expired = "SELECT number FROM sessions WHERE status <> 'running' AND ended_at <= ? LIMIT 1"
        row = connection.execute(expired, (now - ttl_seconds,)).fetchone()
        if row is None:
            return None
        events = "SELECT position, written FROM events WHERE session = ? ORDER BY position LIMIT 2 OFFSET ?"
        border = connection.execute(events, (row[0], _EVENTS_AT_ONCE - 1)).fetchall()
        if len(border) == 2:
            position, written = border[0]
            self._drop(connection, row[0], position + 1, written)
            return 0
        connection.execute("DELETE FROM sessions WHERE number = ?", row)
        return 1

    def checkpoint(self, connection: sqlite3.Connection) -> None:
        """Copy the log of commits to the file; outside a transaction, and no writer waits for it."""
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def is_sound(self, connection: sqlite3.Connection) -> bool:
        """Reads all of the file."""
        return connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)

    def shrink(self, connection: sqlite3.Connection) -> bool:
        """Give back a few pages of a file that is more than half empty; whether it was."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if free * 2 <= pages:
            return False
        for _ in range(_PAGES_AT_ONCE):
            connection.execute("PRAGMA incremental_vacuum(1)")
        return True
