"""A model in a process of its own, spoken to over a pipe; knows no model library.

A library that holds Python's lock while it computes would stop the event loop for as long, and one that
crashes would take the server along. The process steps on by itself and ends when its server is gone.
"""

import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import structlog

from warung.engine.engine import EngineUnavailable
from warung.engine.features import Feature
from warung.engine.text import Tokenizer
from warung.engine.worker import Job, Runner, Step
from warung.errors import WarungError

log = structlog.get_logger(__name__)

_STOP_WITHIN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class _Done:
    """What was asked for is carried out, or `error` says why not; `details` are for the log."""

    error: Exception | None = None
    tokenizer: Tokenizer | None = None
    details: str = ""


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
        self._build = build
        self._tokenizer = tokenizer
        self._running: set[str] = set()
        self._come: deque[list[Step]] = deque()

    def load(self) -> Tokenizer:
        self._pipe, theirs = Pipe()
        program = f"from {__name__} import main; main({theirs.fileno()})"
        command = [sys.executable, "-c", program]
        # In a session of its own: what is typed at the terminal is for the server alone.
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)  # noqa: S603 - ourselves
        theirs.close()
        self._pipe.send((self._build, self._tokenizer is None))
        own = self._tokenizer() if self._tokenizer else None
        tokenizer = self._await_done().tokenizer or own
        assert tokenizer  # noqa: S101  one of them made it
        return tokenizer

    @property
    def busy(self) -> bool:
        if self._process.poll() is not None and not self._come:
            raise self._gone()
        return bool(self._running or self._come)

    def add(self, job: Job) -> None:
        self._send(job)
        self._await_done()
        self._running.add(job.id)

    def abort(self, request_id: str) -> None:
        self._running.discard(request_id)
        self._send(request_id)

    def step(self) -> list[Step]:
        steps = self._come.popleft() if self._come else self._receive()
        assert isinstance(steps, list)  # noqa: S101  what is asked for is awaited where it is asked
        self._running -= {step.request_id for step in steps if step.finish_reason or step.error}
        return steps

    def close(self) -> None:
        self._running.clear()
        self._come.clear()
        if not hasattr(self, "_process"):
            return
        with suppress(OSError):
            self._pipe.send(None)
        try:
            self._process.wait(_STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe.close()

    def _await_done(self) -> _Done:
        """Raises what the process raised; keeps the steps that come first."""
        while isinstance(answer := self._receive(), list):
            self._come.append(answer)
        if answer.error:
            raise answer.error
        return answer

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
        if isinstance(answer, _Done) and answer.details:
            log.error("the model's process failed", details=answer.details)
        return answer

    def _gone(self) -> EngineUnavailable:
        status = self._process.wait()
        return EngineUnavailable(f"the model's process ended with status {status}; the log has the details")


def serve(pipe: Connection) -> None:
    """Carry out what comes until the other end is gone."""
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        build, sends_tokenizer = pipe.recv()
        runner = build()
        try:
            tokenizer = runner.load()
            pipe.send(_Done(tokenizer=tokenizer if sends_tokenizer else None))
            _step_on(runner, pipe)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except BaseException as error:  # the panics of libraries written in Rust are no Exception
            pipe.send(_failure(error))
        finally:
            runner.close()


def _step_on(runner: Runner, pipe: Connection) -> None:
    while True:
        while not runner.busy or pipe.poll():
            match pipe.recv():
                case Job() as job:
                    pipe.send(_added(runner, job))
                case str() as request_id:
                    runner.abort(request_id)
                case _:
                    return
        pipe.send(runner.step())


def _added(runner: Runner, job: Job) -> _Done:
    try:
        runner.add(job)
    except Exception as error:  # one request that the model library refuses must not end the others
        return _failure(error)
    return _Done()


def _failure(error: BaseException) -> _Done:
    """A library's own exception may be of a class that can't cross the pipe."""
    if isinstance(error, WarungError):
        return _Done(error)
    return _Done(RuntimeError(type(error).__name__), details="".join(traceback.format_exception(error)))


def main(descriptor: int) -> None:
    """The process's whole life, at its end of the pipe."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    serve(Connection(descriptor))
