"""The one thread that owns a model, and its hand-off to the event loop; knows no model and no wire.

A request's way: `submit` takes a place and encodes the prompt in a helper thread; the worker adds it
between two steps, steps all running requests together and hands each step's tokens to the loop in one
call; there they become text. Aborts go the same way, so they take effect within one step.
"""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import structlog

from warung.engine.engine import EngineState, EngineStatus, EngineUnavailable
from warung.engine.features import Feature, require
from warung.engine.request import (
    FinishReason,
    GenerationRequest,
    SamplingParams,
    TokenEvent,
    TokenLogprob,
    Usage,
)
from warung.engine.text import TextStream, Tokenizer, encode_prompt
from warung.errors import InvalidInput, TooManyRequests, WarungError

log = structlog.get_logger(__name__)

RETRY_LOAD_AFTER_SECONDS = 30
STUCK_AFTER_SECONDS = 300
CLOSE_WITHIN_SECONDS = 5
LOOK_EVERY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Job:
    """A request in tokens. `generated` are those that its answer began with before it was cut."""

    id: str
    prompt: tuple[int, ...]
    sampling: SamplingParams
    generated: tuple[int, ...] = ()
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A token's number, the logarithm of its probability, and (token, logarithm) of the likeliest ones."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


class Step(NamedTuple):
    """What one step brought for one request: new tokens, the end, or the error that ended it alone.

    `likelihoods` are those of the tokens, when they were asked for. A tuple: it crosses from the model's
    process with every token, four times as quickly as a dataclass.
    """

    request_id: str
    token_ids: tuple[int, ...] = ()
    finish_reason: FinishReason | None = None
    error: WarungError | None = None
    likelihoods: tuple[Likelihood, ...] = ()


class Runner(Protocol):
    """A model; every method is called on the worker's thread only."""

    @property
    def features(self) -> frozenset[Feature]: ...

    def load(self) -> Tokenizer:
        """Raises EngineUnavailable with one clear line when the model can't be had."""
        ...

    @property
    def version(self) -> str:
        """Names the weights, once they are loaded, and what runs them."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do; asked every second. Raises EngineUnavailable when the model is
        gone."""
        ...

    def add(self, job: Job) -> None:
        """Raises InvalidInput for what this model can't do, or tells it by a step; the others go on."""
        ...

    def abort(self, request_id: str) -> None:
        """Forget a request; unknown ids are ignored."""
        ...

    def step(self) -> list[Step]:
        """One token, or one piece of prompt, for every running request."""
        ...

    def close(self) -> None: ...


Command = Callable[[], None]
T = TypeVar("T")


class ThreadedEngine:
    """An Engine over a Runner. `max_requests` bounds the requests accepted and not ended; `clock` gives
    seconds that only rise."""

    resumes_tokens = True

    def __init__(
        self,
        model_id: str,
        runner: Runner,
        *,
        max_requests: int = 64,
        retry_load_after_seconds: float = RETRY_LOAD_AFTER_SECONDS,
        stuck_after_seconds: float = STUCK_AFTER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model_id = model_id
        self._runner = runner
        self._max_requests = max_requests
        self._retry_load_after_seconds = retry_load_after_seconds
        self._stuck_after_seconds = stuck_after_seconds
        self._clock = clock
        self._commands: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._running: dict[str, ThreadedGeneration] = {}
        self._status = EngineStatus.IDLE
        self._error: EngineUnavailable | None = None
        self._tokenizer: Tokenizer | None = None
        self._version = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._settled = asyncio.Event()  # loading has ended, well or badly
        self._failed_at = 0.0
        self._stepped_at = clock()

    def start(self) -> None:
        retry = (
            self._status is EngineStatus.FAILED
            and self._clock() - self._failed_at > self._retry_load_after_seconds
        )
        if self._status is not EngineStatus.IDLE and not retry:
            return
        self._status, self._error = EngineStatus.LOADING, None
        self._settled.clear()
        self._commands = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._run, args=(self._commands,), name=f"model {self.model_id}", daemon=True
        )
        self._thread.start()

    def state(self) -> EngineState:
        status = self._status
        quiet_seconds = self._clock() - self._stepped_at
        if status is EngineStatus.READY and self._running and quiet_seconds > self._stuck_after_seconds:
            status = EngineStatus.STUCK
        error = self._error.message if self._error else None
        return EngineState(status, self.model_id, error, len(self._running), self._max_requests)

    @property
    def features(self) -> frozenset[Feature]:
        return self._runner.features

    async def submit(self, request: GenerationRequest) -> "ThreadedGeneration":
        require(self.features, request)
        self.start()
        if self._error:
            raise EngineUnavailable(self._error.message)
        if len(self._running) >= self._max_requests:
            raise TooManyRequests(
                f"the model is busy with {len(self._running)} requests; try again shortly",
                code="engine_full",
                retry_after_seconds=2,
            )
        if request.id in self._running:
            raise InvalidInput(f"request id {request.id!r} is running already", field="id")
        if not self._running:
            self._stepped_at = self._clock()
        generation = self._running[request.id] = ThreadedGeneration(self, request)
        if self._status is EngineStatus.READY:
            try:
                await generation.prepare()
            except BaseException:
                generation.close()
                raise
        return generation

    def abort(self, request_id: str) -> None:
        if generation := self._running.get(request_id):
            generation.close()

    async def close(self) -> None:
        """Stop the worker. Requests that still run end with EngineUnavailable."""
        self._commands.put(None)
        if self._thread:
            await asyncio.to_thread(self._thread.join, CLOSE_WITHIN_SECONDS)
        self._status = EngineStatus.IDLE
        self._settled.set()
        self._end_all(EngineUnavailable("the engine was closed"))

    async def tokenizer(self) -> Tokenizer:
        """The loaded model's tokenizer; waits for the load. Raises EngineUnavailable."""
        await self._settled.wait()
        if self._error or not self._tokenizer:
            raise self._error or EngineUnavailable("the model is not loaded")
        return self._tokenizer

    async def version(self) -> str:
        self.start()
        await self.tokenizer()
        return self._version

    def runs(self, request_id: str) -> bool:
        """Whether the request holds its place: neither ended nor aborted."""
        return request_id in self._running

    def add(self, job: Job) -> None:
        """Hand an encoded request to the worker, unless it was aborted while its prompt was encoded."""
        if not self.runs(job.id):
            return

        def command() -> None:
            try:
                self._runner.add(job)
            except EngineUnavailable:  # the model is gone, for all
                raise
            except Exception as error:  # one request that the model library refuses must not end the others
                self._on_loop(self._deliver, [Step(job.id, error=refusal(error))])
            else:
                if job.sampling.constraint:  # the caller waits to hear that it can be followed
                    self._on_loop(self._deliver, [Step(job.id)])

        self._commands.put(command)

    def release(self, generation: "ThreadedGeneration") -> None:
        """Give its place back and stop its work, if any is left; a later one may have its id by now."""
        request_id = generation.request.id
        if self._running.get(request_id) is generation:
            del self._running[request_id]
            self._commands.put(lambda: self._runner.abort(request_id))

    def _run(self, commands: queue.SimpleQueue[Command | None]) -> None:
        failure: EngineUnavailable | None = None
        try:
            tokenizer = self._runner.load()
            self._on_loop(self._loaded, (tokenizer, self._runner.version))
            self._serve(commands)
        except EngineUnavailable as error:
            failure = error
        # Whatever a model library raises ends the worker, and everybody hears of it; the panics of those
        # written in Rust are no Exception.
        except BaseException as error:
            log.exception("model worker died", model=self.model_id)
            reason = f"the model worker died ({type(error).__name__}); the server's log has the details"
            failure = EngineUnavailable(reason)
        self._runner.close()
        if failure:  # told last: who hears of it may load the same runner again at once
            self._on_loop(self._failed, failure)

    def _serve(self, commands: queue.SimpleQueue[Command | None]) -> None:
        while True:
            while not self._runner.busy or not commands.empty():
                try:
                    command = commands.get(timeout=LOOK_EVERY_SECONDS)
                except queue.Empty:
                    continue
                if command is None:
                    return
                command()
            self._on_loop(self._deliver, self._runner.step())

    def _on_loop(self, callback: Callable[[T], None], argument: T) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, argument)

    def _loaded(self, loaded: tuple[Tokenizer, str]) -> None:
        if self._status is not EngineStatus.LOADING:  # closed meanwhile
            return
        self._tokenizer, self._version = loaded
        self._status, self._stepped_at = EngineStatus.READY, self._clock()
        self._settled.set()
        log.info("model ready", model=self.model_id)

    def _failed(self, error: EngineUnavailable) -> None:
        self._error, self._status, self._failed_at = error, EngineStatus.FAILED, self._clock()
        self._settled.set()
        log.error("model unavailable", model=self.model_id, error=error.message)
        self._end_all(error)

    def _end_all(self, error: EngineUnavailable) -> None:
        for generation in list(self._running.values()):
            generation.deliver(Step(generation.request.id, error=error))

    def _deliver(self, steps: Sequence[Step]) -> None:
        self._stepped_at = self._clock()
        for step in steps:
            if generation := self._running.get(step.request_id):
                generation.deliver(step)


class ThreadedGeneration:
    """One request of a ThreadedEngine, on the event loop's side."""

    def __init__(self, engine: ThreadedEngine, request: GenerationRequest) -> None:
        self.request = request
        self._engine = engine
        self._steps: asyncio.Queue[Step] = asyncio.Queue()
        self._prompt: tuple[int, ...] = ()
        self._text: TextStream | None = None

    async def prepare(self) -> TextStream:
        """Encode the prompt and hand it to the worker.

        Raises InvalidInput when it is too long, and when the model can't follow its constraint.
        """
        tokenizer = await self._engine.tokenizer()
        request = self.request
        self._prompt = tuple(await asyncio.to_thread(encode_prompt, tokenizer, request))
        asked, limit = request.sampling.max_tokens, tokenizer.context_length
        if len(self._prompt) + asked > limit:
            raise InvalidInput(
                f"this model's context is {limit} tokens; the messages take {len(self._prompt)} and"
                f" max_tokens asks for {asked} more. Shorten the messages or lower max_tokens",
                field="messages",
                code="context_length_exceeded",
            )
        if len(request.generated) >= asked:
            raise InvalidInput(
                f"the answer so far has {len(request.generated)} tokens already; max_tokens is {asked}",
                field="generated",
            )
        self._text = TextStream(tokenizer, self._prompt, request.sampling.stop)
        for token in request.generated:
            self._text.feed([token], None)
        self._engine.add(Job(request.id, self._prompt, request.sampling, request.generated, request.tenant))
        if request.sampling.constraint and (error := (await self._steps.get()).error):
            raise error
        return self._text

    def deliver(self, step: Step) -> None:
        self._steps.put_nowait(step)

    def close(self) -> None:
        self._engine.release(self)
        self._steps.put_nowait(Step(self.request.id))  # wakes an iteration that still waits

    async def __aiter__(self) -> AsyncIterator[TokenEvent]:
        try:
            text = self._text or await self.prepare()
            tokenizer = await self._engine.tokenizer()
            produced = len(self.request.generated)
            while self._engine.runs(self.request.id):
                step = await self._steps.get()
                if step.error:
                    raise step.error
                shown, reason = text.feed(step.token_ids, step.finish_reason)
                produced += len(step.token_ids)
                if step.token_ids or reason:
                    usage = Usage(len(self._prompt), produced)
                    yield TokenEvent(step.token_ids, shown, usage, reason, _logprobs(tokenizer, step))
                if reason:
                    return
        finally:
            self.close()


def _logprobs(tokenizer: Tokenizer, step: Step) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(
            tokenizer.token_bytes(one.token_id),
            one.logprob,
            tuple(TokenLogprob(tokenizer.token_bytes(token), logprob) for token, logprob in one.top),
        )
        for one in step.likelihoods
    )


def refusal(error: Exception) -> WarungError:
    """What the caller is told; a library's own message may hold paths of this machine."""
    if isinstance(error, WarungError):
        return error
    log.error("the model library refused a request", exc_info=error)
    return InvalidInput("the engine refused this request; the server's log has the details")
