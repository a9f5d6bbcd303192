import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Future
from contextvars import Context
from typing import Any, TypeVarTuple

import pytest

from warung.engine.constraint import Regex
from warung.engine.engine import EngineState, EngineStatus, EngineUnavailable
from warung.engine.features import Feature
from warung.engine.request import ChatMessage, FinishReason, GenerationRequest, SamplingParams, TokenEvent
from warung.engine.scripted import ByteTokenizer
from warung.engine.text import Tokenizer
from warung.engine.worker import Job, Step, ThreadedEngine, ThreadedGeneration
from warung.errors import InvalidInput, NotSupported, TooManyRequests, WarungError

Ts = TypeVarTuple("Ts")

NEVER_SECONDS = 20  # longer than anything here takes; ends a test that would hang


class Panic(BaseException):
    """What a library in Rust raises: no Exception."""


class HandRunner:
    """A model that writes "x": it loads and steps when, and as often as, the test lets it."""

    features = frozenset({Feature.REGEX})
    version = "hand"

    def __init__(self) -> None:
        self.may_load = threading.Event()
        self.may_load.set()
        self.tickets = threading.Semaphore(0)
        self.free = False  # steps need no ticket
        self.load_errors: list[Exception] = []
        self.step_error: BaseException | None = None
        self.refused: dict[str, Exception] = {}
        self.left: dict[str, int] = {}
        self.steps: list[set[str]] = []  # who ran in each step
        self.aborted: list[str] = []
        self.closed = 0
        self.in_step = threading.Event()

    def load(self) -> Tokenizer:
        assert self.may_load.wait(NEVER_SECONDS)
        if self.load_errors:
            raise self.load_errors.pop(0)
        return ByteTokenizer()

    @property
    def busy(self) -> bool:
        return bool(self.left)

    def add(self, job: Job) -> None:
        assert job.prompt
        if job.id in self.refused:
            raise self.refused[job.id]
        self.left[job.id] = job.sampling.max_tokens - len(job.generated)

    def abort(self, request_id: str) -> None:
        self.aborted.append(request_id)
        self.left.pop(request_id, None)

    def step(self) -> list[Step]:
        self.in_step.set()
        if not self.free:
            assert self.tickets.acquire(timeout=NEVER_SECONDS)
        self.in_step.clear()
        if self.step_error:
            raise self.step_error
        self.steps.append(set(self.left))
        return [self._one(request_id) for request_id in list(self.left)]

    def _one(self, request_id: str) -> Step:
        self.left[request_id] -= 1
        if self.left[request_id]:
            return Step(request_id, (120,))
        del self.left[request_id]
        return Step(request_id, (120,), FinishReason.LENGTH)

    def close(self) -> None:
        self.closed += 1
        self.left.clear()


def request(name: str, max_tokens: int = 3, **fields: Any) -> GenerationRequest:
    generated = fields.pop("generated", ())
    sampling = SamplingParams(max_tokens=max_tokens, **fields)
    return GenerationRequest(name, [ChatMessage("user", "hi")], sampling, generated=generated)


async def events_of(generation: ThreadedGeneration) -> list[TokenEvent]:
    async with asyncio.timeout(NEVER_SECONDS):
        return [event async for event in generation]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(NEVER_SECONDS):
        while not holds():  # noqa: ASYNC110  # what happens in the model's thread sets no asyncio.Event
            await asyncio.sleep(0)


@pytest.fixture
def runner() -> HandRunner:
    return HandRunner()


Close = Callable[[ThreadedEngine], ThreadedEngine]


@pytest.fixture
async def closing(runner: HandRunner) -> AsyncGenerator[Close]:
    """Engines to be closed when the test has ended, however it ended."""
    engines: list[ThreadedEngine] = []

    def keep(engine: ThreadedEngine) -> ThreadedEngine:
        engines.append(engine)
        return engine

    yield keep
    runner.free = True
    runner.may_load.set()
    runner.tickets.release(1000)
    for engine in engines:
        await engine.close()


@pytest.fixture
def engine(runner: HandRunner, closing: Close) -> ThreadedEngine:
    return closing(ThreadedEngine("hand", runner, max_requests=4))


async def ready(engine: ThreadedEngine) -> ThreadedEngine:
    engine.start()
    async with asyncio.timeout(NEVER_SECONDS):
        await engine.tokenizer()
    return engine


async def test_a_request_from_idle_to_its_end(engine: ThreadedEngine, runner: HandRunner) -> None:
    assert engine.state().status is EngineStatus.IDLE
    runner.free = True
    events = await events_of(await engine.submit(request("a")))
    assert [event.text for event in events] == ["x", "x", "x"]
    assert [event.finish_reason for event in events] == [None, None, FinishReason.LENGTH]
    assert [event.usage.completion_tokens for event in events] == [1, 2, 3]
    state = engine.state()
    assert (state.status, state.running, state.error) == (EngineStatus.READY, 0, None)


async def test_the_model_is_loaded_once(engine: ThreadedEngine, runner: HandRunner) -> None:
    runner.load_errors = []
    runner.free = True
    threads = threading.active_count()
    engine.start()
    engine.start()
    assert threading.active_count() == threads + 1
    await asyncio.gather(*[events_of(await engine.submit(request(name))) for name in "abc"])


async def test_requests_while_the_model_loads_wait_for_it(engine: ThreadedEngine, runner: HandRunner) -> None:
    runner.may_load.clear()
    runner.free = True
    generations = [await engine.submit(request(name)) for name in "abc"]
    state = engine.state()
    assert (state.status, state.running) == (EngineStatus.LOADING, 3)
    reading = [asyncio.create_task(events_of(generation)) for generation in generations]
    runner.may_load.set()
    assert [len(events) for events in await asyncio.gather(*reading)] == [3, 3, 3]


async def test_a_load_that_fails_is_told_to_all_who_wait(engine: ThreadedEngine, runner: HandRunner) -> None:
    runner.may_load.clear()
    runner.load_errors = [EngineUnavailable("model m is too large")]
    generations = [await engine.submit(request(name)) for name in "abc"]
    reading = [asyncio.create_task(events_of(generation)) for generation in generations[:2]]
    runner.may_load.set()
    outcomes = await asyncio.gather(*reading, return_exceptions=True)
    outcomes.append((await asyncio.gather(events_of(generations[2]), return_exceptions=True))[0])
    assert [type(outcome) for outcome in outcomes] == [EngineUnavailable] * 3
    assert {str(outcome) for outcome in outcomes} == {"model m is too large"}
    state = engine.state()
    assert (state.status, state.error, state.running) == (EngineStatus.FAILED, "model m is too large", 0)
    with pytest.raises(EngineUnavailable, match="too large"):
        await engine.submit(request("d"))
    with pytest.raises(EngineUnavailable, match="too large"):
        await engine.tokenizer()


async def test_an_error_nobody_expected_is_told_without_its_details(
    engine: ThreadedEngine, runner: HandRunner
) -> None:
    runner.load_errors = [ValueError("shape mismatch in\n/srv/models/secret")]
    with pytest.raises(EngineUnavailable):
        await ready(engine)
    error = engine.state().error
    assert error
    assert error.startswith("the model worker died (ValueError)")
    assert "\n" not in error
    assert "secret" not in error


async def test_loading_is_tried_again_after_a_while(runner: HandRunner, closing: Close) -> None:
    now = [0.0]
    runner.load_errors = [EngineUnavailable("no network")]
    runner.free = True
    engine = closing(ThreadedEngine("hand", runner, retry_load_after_seconds=30, clock=lambda: now[0]))
    with pytest.raises(EngineUnavailable):
        await ready(engine)
    now[0] = 30
    with pytest.raises(EngineUnavailable):
        await engine.submit(request("early"))
    now[0] = 31
    assert len(await events_of(await engine.submit(request("late")))) == 3
    assert (engine.state().status, engine.state().error) == (EngineStatus.READY, None)


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), Panic("out of memory")])
async def test_a_step_that_raises_ends_everything_and_says_so(
    engine: ThreadedEngine, runner: HandRunner, error: BaseException
) -> None:
    reading = [asyncio.create_task(events_of(await engine.submit(request(name)))) for name in "ab"]
    await ready(engine)
    runner.step_error = error
    runner.free = True
    runner.tickets.release()
    outcomes = await asyncio.gather(*reading, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {EngineUnavailable}
    assert all("the model worker died" in str(outcome) for outcome in outcomes)
    state = engine.state()
    assert (state.status, state.running) == (EngineStatus.FAILED, 0)
    with pytest.raises(EngineUnavailable, match="the model worker died"):
        await engine.submit(request("c"))


async def test_a_dead_worker_comes_back(runner: HandRunner, closing: Close) -> None:
    now = [0.0]
    engine = closing(ThreadedEngine("hand", runner, retry_load_after_seconds=30, clock=lambda: now[0]))
    runner.free, runner.step_error = True, RuntimeError("lost the device")
    with pytest.raises(EngineUnavailable):
        await events_of(await engine.submit(request("a")))
    runner.step_error = None
    now[0] = 31
    assert len(await events_of(await engine.submit(request("a")))) == 3


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (NotSupported("no such sampling", field="top_p"), NotSupported),
        (RuntimeError("/srv/models/secret"), InvalidInput),
    ],
)
async def test_a_request_that_the_model_refuses_ends_alone(
    engine: ThreadedEngine, runner: HandRunner, refusal: Exception, told: type[WarungError]
) -> None:
    runner.refused, runner.free = {"odd": refusal}, True
    odd, even = [await engine.submit(request(name)) for name in ("odd", "even")]
    outcomes = await asyncio.gather(events_of(odd), events_of(even), return_exceptions=True)
    assert isinstance(outcomes[0], told)
    assert "secret" not in outcomes[0].message
    assert isinstance(outcomes[1], list)
    assert len(outcomes[1]) == 3
    assert engine.state().running == 0


async def test_a_constraint_that_cannot_be_followed_is_refused_at_once(
    engine: ThreadedEngine, runner: HandRunner
) -> None:
    runner.refused = {"odd": InvalidInput("no such pattern", field="structured_outputs")}
    await ready(engine)
    with pytest.raises(InvalidInput, match="no such pattern"):
        await engine.submit(request("odd", constraint=Regex("([")))
    assert engine.state().running == 0
    runner.free = True
    assert len(await events_of(await engine.submit(request("even", constraint=Regex("x"))))) == 3


async def test_what_the_model_cannot_do_is_refused_by_name(engine: ThreadedEngine) -> None:
    with pytest.raises(InvalidInput) as caught:
        await engine.submit(request("a", top_k=4))
    assert (caught.value.field, caught.value.code) == ("top_k", "unsupported_field")
    assert engine.state().status is EngineStatus.IDLE


async def test_a_cut_answer_counts_what_it_began_with(engine: ThreadedEngine, runner: HandRunner) -> None:
    runner.free = True
    begun = request("a", 5, generated=(120, 120, 120))
    events = await events_of(await engine.submit(begun))
    assert "".join(event.text for event in events) == "xx"
    assert [event.usage.completion_tokens for event in events] == [4, 5]


async def test_an_answer_as_long_as_it_may_be_cannot_go_on(engine: ThreadedEngine) -> None:
    await ready(engine)
    with pytest.raises(InvalidInput) as caught:
        await engine.submit(request("a", 3, generated=(120, 120, 120)))
    assert caught.value.field == "generated"


async def test_a_cut_answer_stops_at_a_stop_string_that_it_had_begun(
    engine: ThreadedEngine, runner: HandRunner
) -> None:
    runner.free = True
    begun = request("a", 9, generated=(65, 120, 120), stop=("xxxx",))
    events = await events_of(await engine.submit(begun))
    assert "".join(event.text for event in events) == ""
    assert events[-1].finish_reason is FinishReason.STOP


async def test_the_queue_is_bounded(engine: ThreadedEngine) -> None:
    await ready(engine)
    generations = [await engine.submit(request(name)) for name in "abcd"]
    with pytest.raises(TooManyRequests) as caught:
        await engine.submit(request("e"))
    assert caught.value.retry_after_seconds
    assert engine.state().running == 4
    generations[0].close()
    generations[0].close()
    assert engine.state().running == 3
    await engine.submit(request("e"))
    with pytest.raises(TooManyRequests):
        await engine.submit(request("f"))


async def test_an_id_is_taken_while_it_runs(engine: ThreadedEngine, runner: HandRunner) -> None:
    await ready(engine)
    generation = await engine.submit(request("a"))
    with pytest.raises(InvalidInput, match="running already"):
        await engine.submit(request("a"))
    runner.free = True
    runner.tickets.release()
    assert len(await events_of(generation)) == 3
    assert len(await events_of(await engine.submit(request("a")))) == 3


async def test_an_abort_takes_effect_before_the_next_step(engine: ThreadedEngine, runner: HandRunner) -> None:
    await ready(engine)
    long, neighbour = [await engine.submit(request(name, 1000)) for name in ("long", "neighbour")]
    runner.tickets.release(2)
    await until(lambda: len(runner.steps) == 2 and runner.in_step.is_set())  # the third is under way
    engine.abort("long")
    assert engine.state().running == 1
    runner.tickets.release(5)
    await until(lambda: len(runner.steps) == 7)
    assert ["long" in step for step in runner.steps[2:]] == [True, False, False, False, False]
    assert all("neighbour" in step for step in runner.steps[1:])
    assert runner.aborted == ["long"]
    assert await events_of(long) == []
    neighbour.close()


async def test_an_abort_wakes_the_reader(engine: ThreadedEngine, runner: HandRunner) -> None:
    await ready(engine)
    generation = await engine.submit(request("a", 1000))
    reading = asyncio.create_task(events_of(generation))
    runner.tickets.release(2)
    await until(lambda: len(runner.steps) == 2)
    engine.abort("a")
    events = await reading
    assert len(events) <= 2
    assert not [event for event in events if event.finish_reason]
    engine.abort("a")
    engine.abort("unknown")


async def test_an_abort_while_the_model_loads_leaves_no_work_behind(
    engine: ThreadedEngine, runner: HandRunner
) -> None:
    runner.may_load.clear()
    gone, other = await engine.submit(request("gone")), await engine.submit(request("other"))
    reading = asyncio.create_task(events_of(gone))
    await asyncio.sleep(0)  # it waits for the tokenizer now
    engine.abort("gone")
    runner.free = True
    runner.may_load.set()
    assert await reading == []
    assert len(await events_of(other)) == 3
    assert not [step for step in runner.steps if "gone" in step]


async def test_an_abort_while_the_prompt_is_encoded_leaves_no_work_behind(closing: Close) -> None:
    encoding, may_encode = Future[None](), threading.Event()

    class SlowTokenizer(ByteTokenizer):
        def encode(self, text: str) -> list[int]:
            if "slow" in text:
                encoding.set_result(None)
                assert may_encode.wait(NEVER_SECONDS)
            return super().encode(text)

    class SlowRunner(HandRunner):
        def load(self) -> Tokenizer:
            return SlowTokenizer()

    slow_runner = SlowRunner()
    slow_runner.free = True
    engine = await ready(closing(ThreadedEngine("slow", slow_runner)))
    slow = GenerationRequest("slow", [ChatMessage("user", "slow")], SamplingParams())
    submitting = asyncio.create_task(engine.submit(slow))
    await asyncio.wrap_future(encoding)
    engine.abort("slow")
    may_encode.set()
    assert await events_of(await submitting) == []
    assert len(await events_of(await engine.submit(request("other")))) == 3
    assert not [step for step in slow_runner.steps if "slow" in step]


async def test_who_stops_reading_gives_the_place_back(engine: ThreadedEngine, runner: HandRunner) -> None:
    await ready(engine)
    generation = await engine.submit(request("a", 1000))
    runner.tickets.release(1)
    events = aiter(generation)
    await anext(events)
    assert engine.state().running == 1
    await events.aclose()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert engine.state().running == 0
    runner.tickets.release(1)
    runner.free = True
    assert len(await events_of(await engine.submit(request("b")))) == 3
    assert runner.aborted[0] == "a"
    assert sum("a" in step for step in runner.steps) <= 2


async def test_a_reader_that_is_cancelled_gives_the_place_back(engine: ThreadedEngine) -> None:
    await ready(engine)
    reading = asyncio.create_task(events_of(await engine.submit(request("a", 1000))))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert engine.state().running == 0


async def test_a_prompt_that_does_not_fit_is_refused(engine: ThreadedEngine, runner: HandRunner) -> None:
    await ready(engine)
    limit = ByteTokenizer.context_length
    with pytest.raises(InvalidInput, match=f"context is {limit} tokens") as caught:
        await engine.submit(request("a", limit))
    assert (caught.value.code, caught.value.field) == ("context_length_exceeded", "messages")
    assert engine.state().running == 0
    assert not runner.busy


async def test_stuck_is_ready_without_a_step_for_too_long(runner: HandRunner, closing: Close) -> None:
    now = [0.0]
    engine = closing(ThreadedEngine("hand", runner, stuck_after_seconds=300, clock=lambda: now[0]))
    runner.may_load.clear()
    waiting = asyncio.create_task(events_of(await engine.submit(request("slow to load", 2))))
    now[0] = 1000
    assert engine.state().status is EngineStatus.LOADING
    runner.may_load.set()
    await ready(engine)
    assert engine.state().status is EngineStatus.READY  # its time begins only now
    now[0] = 1301
    assert engine.state().status is EngineStatus.STUCK
    runner.tickets.release()
    await until(lambda: len(runner.steps) == 1)
    await until(lambda: engine.state().status is not EngineStatus.STUCK)
    assert engine.state() == EngineState(EngineStatus.READY, "hand", running=1, capacity=64)
    runner.tickets.release()
    assert len(await waiting) == 2


async def test_idle_is_not_stuck(runner: HandRunner, closing: Close) -> None:
    now = [0.0]
    runner.free = True
    engine = closing(ThreadedEngine("hand", runner, stuck_after_seconds=300, clock=lambda: now[0]))
    await events_of(await engine.submit(request("a")))
    now[0] = 10_000
    assert engine.state().status is EngineStatus.READY
    runner.free = False
    await engine.submit(request("b"))
    assert engine.state().status is EngineStatus.READY


async def test_closing_ends_the_requests_that_still_run(engine: ThreadedEngine, runner: HandRunner) -> None:
    await ready(engine)
    reading = asyncio.create_task(events_of(await engine.submit(request("a", 1000))))
    await until(runner.in_step.is_set)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    runner.tickets.release(2)
    await closing
    with pytest.raises(EngineUnavailable, match="closed"):
        await reading
    assert runner.closed == 1
    assert engine.state().running == 0


async def test_closing_while_the_model_loads(engine: ThreadedEngine, runner: HandRunner) -> None:
    runner.may_load.clear()
    reading = asyncio.create_task(events_of(await engine.submit(request("a"))))
    await asyncio.sleep(0)
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0)
    runner.may_load.set()
    await closing
    with pytest.raises(EngineUnavailable):
        await reading
    assert runner.closed == 1


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts what the model's thread hands over."""

    handed_over = 0

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if threading.current_thread().name.startswith("model "):
            self.handed_over += 1
        return super().call_soon_threadsafe(callback, *args, context=context)


def run_counting(test: Callable[[CountingLoop], Awaitable[None]]) -> None:
    loop = CountingLoop()

    async def main() -> None:
        await test(loop)

    with asyncio.Runner(loop_factory=lambda: loop) as aio:
        aio.run(main())


def test_a_step_is_handed_over_once_for_all_requests(runner: HandRunner) -> None:
    async def count(loop: CountingLoop) -> None:
        engine = await ready(ThreadedEngine("hand", runner))
        generations = [await engine.submit(request(str(n), 20)) for n in range(10)]
        runner.free = True
        runner.tickets.release()
        loaded = loop.handed_over
        await asyncio.gather(*map(events_of, generations))
        assert loaded == 1
        assert sum(len(step) for step in runner.steps) == 200
        assert loop.handed_over - loaded == len(runner.steps) < 40
        await engine.close()

    run_counting(count)


async def test_the_version_is_known_once_the_model_is_loaded() -> None:
    runner = HandRunner()
    runner.may_load.clear()
    engine = ThreadedEngine("hand", runner)
    asked = asyncio.create_task(engine.version())
    await asyncio.sleep(0)
    assert (engine.state().status, asked.done()) == (EngineStatus.LOADING, False)
    runner.may_load.set()
    assert await asked == "hand"
    await engine.close()


async def test_the_version_of_a_model_that_fails_to_load_is_not_to_be_had() -> None:
    runner = HandRunner()
    runner.load_errors = [EngineUnavailable("no such model")]
    engine = ThreadedEngine("hand", runner)
    with pytest.raises(EngineUnavailable, match="no such model"):
        await engine.version()
    await engine.close()


async def test_who_closes_late_does_not_end_a_later_request_of_the_same_id() -> None:
    runner = HandRunner()
    engine = ThreadedEngine("hand", runner)
    former = await engine.submit(request("a"))
    former.close()
    later = await engine.submit(request("a"))
    former.close()
    assert engine.state().running == 1
    later.close()
    assert engine.state().running == 0
    await engine.close()
