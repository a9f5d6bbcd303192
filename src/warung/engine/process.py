"""A model in a process of its own, spoken to over a pipe; knows no model library.

A library that holds Python's lock while it computes would stop the event loop for as long, and one that
crashes would take the server along. The process steps on by itself and ends when its server is gone.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import structlog

from warung.engine.engine import EngineUnavailable
from warung.engine.features import Feature
from warung.engine.text import Tokenizer
from warung.engine.worker import Job, Runner, Step, refusal
from warung.errors import WarungError

log = structlog.get_logger(__name__)

_STOP_WITHIN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class _Done:
    """What was asked for is carried out, or `error` says why not; the rest is the loaded model's."""

    error: WarungError | None = None
    tokenizer: Tokenizer | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class _Failed:
    """The model is gone: `error` says why, or `name` is an exception's and `details` are for the log."""

    error: WarungError | None
    name: str
    details: str


class _ServerGone(Exception):
    """The other end of the pipe is closed."""


class RunnerProcess:
    """The Runner that `build` makes, in a process of its own; `features` are the runner's. `tokenizer` makes
    its tokenizer for this process, while the model loads in the other; without it, the runner's own is sent
    over. All of these can be pickled."""

    def __init__(
        self,
        build: Callable[[], Runner],
        features: frozenset[Feature],
        tokenizer: Callable[[], Tokenizer] | None = None,
    ) -> None:
        self.features = features
        self.version = ""
        self._build = build
        self._tokenizer = tokenizer
        self._running: set[str] = set()
        self._come: deque[list[Step]] = deque()

    def load(self) -> Tokenizer:
        self._pipe, theirs = Pipe()
        # Modules come from where they come from here, and not from the folder that the server runs in.
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; main({theirs.fileno()})"
        )
        # In a session of its own: what is typed at the terminal is for the server alone.
        command = [sys.executable, "-P", "-c", program]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)  # noqa: S603 - ourselves
        theirs.close()
        self._pipe.send((self._build, self._tokenizer is None))
        own = self._tokenizer() if self._tokenizer else None
        loaded = self._await_done()
        self.version = loaded.version
        tokenizer = loaded.tokenizer or own
        assert tokenizer  # noqa: S101  one of them made it
        return tokenizer

    @property
    def busy(self) -> bool:
        if not self._come and self._process.poll() is not None:
            self._keep(self._receive())  # what it said last, or that it is gone
        return bool(self._running or self._come)

    def add(self, job: Job) -> None:
        while self._pipe.poll():  # neither end may wait for the other to read
            self._keep(self._receive())
        self._send(job)
        # Only a constraint's caller waits to hear that it can be followed: the others' jobs are all taken up
        # between the same two steps, and a refusal comes as a step.
        if job.sampling.constraint:
            self._await_done()
        self._running.add(job.id)

    def abort(self, request_id: str) -> None:
        self._running.discard(request_id)
        self._send(request_id)

    def step(self) -> list[Step]:
        if not self._come:
            self._keep(self._receive())
        steps = self._come.popleft()
        self._running -= {step.request_id for step in steps if step.finish_reason or step.error}
        return steps

    def close(self) -> None:
        self._running.clear()
        self._come.clear()
        if not hasattr(self, "_process"):
            return
        with suppress(OSError):
            self._pipe.send(None)
        self._stop()
        self._pipe.close()

    def _stop(self) -> int:
        """Its exit status, soon."""
        try:
            return self._process.wait(_STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _await_done(self) -> _Done:
        """Raises what the process refused with; keeps the steps that come first."""
        while isinstance(answer := self._receive(), list):
            self._come.append(answer)
        if answer.error:
            raise answer.error
        return answer

    def _keep(self, answer: list[Step] | _Done) -> None:
        assert isinstance(answer, list)  # noqa: S101  what is asked for is awaited where it is asked
        self._come.append(answer)

    def _send(self, message: Job | str) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise self._gone() from error

    def _receive(self) -> list[Step] | _Done:
        """Raises EngineUnavailable when the process has died or its model failed."""
        try:
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if not isinstance(answer, _Failed):
            return answer
        if answer.details:
            log.error("the model's process failed", details=answer.details)
        raise answer.error or EngineUnavailable(
            f"the model worker died ({answer.name}); the server's log has the details"
        )

    def _gone(self) -> EngineUnavailable:
        return EngineUnavailable(f"the model's process ended with status {self._stop()}")


def serve(pipe: Connection) -> None:
    """Carry out what comes until the other end is gone."""
    with suppress(_ServerGone):
        build, sends_tokenizer = _receive(pipe)
        try:
            runner = build()
            tokenizer = runner.load()
            sent = tokenizer if sends_tokenizer else None
            _send(pipe, _Done(tokenizer=sent, version=runner.version))
            _step_on(runner, pipe)
        except _ServerGone:
            raise
        except BaseException as error:  # the panics of libraries written in Rust are no Exception
            _send(pipe, _failure(error))


def _step_on(runner: Runner, pipe: Connection) -> None:
    while True:
        while not runner.busy or pipe.poll():
            match _receive(pipe):
                case Job() as job:
                    error = _refusal(runner, job)
                    if job.sampling.constraint:
                        _send(pipe, _Done(error))
                    elif error:
                        _send(pipe, [Step(job.id, error=error)])
                case str() as request_id:
                    runner.abort(request_id)
                case _:
                    runner.close()
                    return
        _send(pipe, runner.step())


def _refusal(runner: Runner, job: Job) -> WarungError | None:
    """Why the runner doesn't take the job; None where it does."""
    try:
        runner.add(job)
    except Exception as error:  # one request that the model library refuses must not end the others
        return refusal(error)
    return None


def _failure(error: BaseException) -> _Failed:
    """A library's own exception may be of a class that can't cross the pipe."""
    if isinstance(error, WarungError):
        return _Failed(error, "", "")
    return _Failed(None, type(error).__name__, "".join(traceback.format_exception(error)))


def _receive(pipe: Connection) -> Any:
    try:
        return pipe.recv()
    except (EOFError, OSError) as error:
        raise _ServerGone from error


def _send(pipe: Connection, message: object) -> None:
    try:
        pipe.send(message)
    except OSError as error:
        raise _ServerGone from error


def main(descriptor: int) -> None:
    """The process's whole life, at its end of the pipe."""
    # A signal to the whole group is for the server, which may still need the model to end its answers.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_leave_with_the_server, args=(descriptor,), daemon=True).start()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    serve(Connection(descriptor))


def _leave_with_the_server(descriptor: int) -> None:
    """Also in the middle of a load, or of a step that never ends."""
    poll = select.poll()
    poll.register(descriptor, 0)  # that the other end is gone is told unasked
    poll.poll()
    os._exit(1)
