"""A thread that owns one connection and performs on it what the event loop hands over; knows no operation."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from warung.errors import WarungError
from warung.streams.sqlite_file import DAMAGE, SqliteFile, primary_code, unavailable
from warung.streams.store import StoreUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    operation: Callable[[sqlite3.Connection], Any]
    done: Callable[[Any], None] | None
    future: asyncio.Future[Any]

    def settle(self, outcome: Any) -> None:
        """Whoever asked may have gone; `done` is told all the same."""
        if isinstance(outcome, Exception):
            if not self.future.done():
                self.future.set_exception(outcome)
            return
        if self.done:
            self.done(outcome)
        if not self.future.done():
            self.future.set_result(outcome)


class SqliteThread:
    """Performs all operations of one turn of the event loop together: a writer in one transaction, with one
    commit. Nobody hears of an outcome before the commit."""

    def __init__(self, file: SqliteFile, *, writes: bool) -> None:
        self._problem: str | None = None
        self.damage: str | None = None
        self._file = file
        self._writes = writes
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._pending: list[_Job] = []
        self._batches: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(
            target=self._run, name="sessions writer" if writes else "sessions reader", daemon=True
        )
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """What went wrong at the latest attempt. A damage is told until the file is another, or trusted: that
        one page can be read says nothing of the next."""
        return self._problem or self.damage

    def trust(self) -> None:
        """The file was found sound."""
        self.damage = None

    async def perform(
        self, operation: Callable[[sqlite3.Connection], T], done: Callable[[T], None] | None = None
    ) -> T:
        """What `operation` returns or raises; `done` hears of a success on the event loop, in the order of
        the commits and before the caller does. An operation may run twice, the first time in vain; one that
        raises a WarungError must not have written anything."""
        if self._closed:
            raise StoreUnavailable("the sessions are closed: the server is stopping")
        loop = asyncio.get_running_loop()
        job = _Job(operation, done, loop.create_future())
        if not self._pending:
            loop.call_soon(self._hand_over)
        self._pending.append(job)
        return await job.future

    def _hand_over(self) -> None:
        if self._pending:
            self._batches.put(self._pending)
            self._pending = []

    async def close(self) -> None:
        """Finish what was asked for."""
        if not self._closed:
            self._closed = True
            self._hand_over()
            self._batches.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while jobs := self._batches.get():
            outcomes = self._outcomes([job.operation for job in jobs])
            try:
                jobs[0].future.get_loop().call_soon_threadsafe(_settle, jobs, outcomes)
            except RuntimeError:
                continue  # the loop is closed: nobody waits any more
        self._disconnect()

    def _outcomes(self, operations: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Any]:
        """Of operations that fail together, each is tried alone: one that can't be stored spoils no other."""
        try:
            connection = self._begin()
        except Exception as error:
            return [self._failure(error) for _ in operations]
        try:
            outcomes = [_outcome(operation, connection) for operation in operations]
            if self._writes:
                connection.execute("COMMIT")
        except Exception as error:
            with suppress(sqlite3.Error):
                connection.rollback()
            if len(operations) == 1:
                return [self._failure(error)]
            return [self._outcomes([operation])[0] for operation in operations]
        self._problem = None
        return outcomes

    def _begin(self) -> sqlite3.Connection:
        if self._identity != self._file.identity():
            self._disconnect()
            self.trust()
        if self._connection is None:
            self._connection = self._file.connect()
            self._identity = self._file.identity()
        if self._writes:
            self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, (sqlite3.Error, OSError)):
            if isinstance(error, OSError) or primary_code(error) not in {
                sqlite3.SQLITE_BUSY,
                sqlite3.SQLITE_FULL,
            }:
                self._disconnect()
            is_damage = isinstance(error, sqlite3.Error) and primary_code(error) in DAMAGE
            error = unavailable(error)
            if is_damage:
                self.damage = error.message
        if isinstance(error, StoreUnavailable):
            self._problem = error.message
        return error

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _outcome(operation: Callable[[sqlite3.Connection], Any], connection: sqlite3.Connection) -> Any:
    try:
        return operation(connection)
    except WarungError as refusal:
        return refusal


def _settle(jobs: Sequence[_Job], outcomes: Sequence[Any]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        job.settle(outcome)
