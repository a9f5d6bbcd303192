"""A model in a process of its own: the scripted one, and some that go wrong."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import psutil
import pytest

from warung.engine.constraint import Regex
from warung.engine.engine import EngineStatus, EngineUnavailable
from warung.engine.features import ALL_FEATURES
from warung.engine.process import RunnerProcess
from warung.engine.request import ChatMessage, GenerationRequest, SamplingParams
from warung.engine.scripted import MODEL_ID, ByteTokenizer, ScriptedRunner, echo
from warung.engine.text import Tokenizer
from warung.engine.worker import Job, Runner, Step, ThreadedEngine
from warung.errors import InvalidInput

WITHIN_SECONDS = 20


class Unlike(Exception):
    """An exception that can't be made anew from its message."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


class Odd(ScriptedRunner):
    """Goes wrong where `fault` says; dies at the first step of a request named "poison"."""

    def __init__(self, fault: str, note: Path) -> None:
        super().__init__(echo, features=ALL_FEATURES)
        self._fault = fault
        self._note = note
        self._jobs: set[str] = set()

    def load(self) -> Tokenizer:
        self._note.write_text(str(os.getpid()))
        if self._fault == "load":
            raise EngineUnavailable("no such model")
        if self._fault == "load oddly":
            raise Unlike("/srv", "secret")
        return super().load()

    def add(self, job: Job) -> None:
        if job.sampling.constraint:
            raise InvalidInput("no such pattern", field="structured_outputs")
        if job.id == "odd":
            raise Unlike("/srv", "secret")
        self._jobs.add(job.id)
        super().add(job)

    def step(self) -> list[Step]:
        if "poison" in self._jobs:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step()


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """Where the model's process writes its number."""
    return tmp_path / "pid"


def engine_of(note: Path, fault: str = "") -> ThreadedEngine:
    build = partial[Runner](Odd, fault, note)
    runner = RunnerProcess(build, ALL_FEATURES, ByteTokenizer)
    return ThreadedEngine("odd", runner, retry_load_after_seconds=-1)


@pytest.fixture
async def engine(note: Path) -> AsyncGenerator[ThreadedEngine]:
    made = engine_of(note)
    yield made
    await made.close()


def ask(name: str, content: str = "Halo", **sampling: object) -> GenerationRequest:
    params = SamplingParams(**{"max_tokens": 500, **sampling})  # pyright: ignore[reportArgumentType]
    return GenerationRequest(name, [ChatMessage("user", content)], params)


async def text_of(engine: ThreadedEngine, request: GenerationRequest) -> str:
    async with asyncio.timeout(WITHIN_SECONDS):
        return "".join([event.text async for event in await engine.submit(request)])


def process_of(note: Path) -> int:
    return int(note.read_text())


def is_alive(note: Path) -> bool:
    try:
        return psutil.Process(process_of(note)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_many_answer_at_once_in_another_process(engine: ThreadedEngine, note: Path) -> None:
    texts = [f"message {number} " * number for number in range(1, 20)]
    told = await asyncio.gather(*(text_of(engine, ask(str(n), text)) for n, text in enumerate(texts)))
    assert told == texts
    assert process_of(note) != os.getpid()
    assert engine.state().running == 0


async def test_a_request_that_is_refused_there_is_refused_here(engine: ThreadedEngine) -> None:
    assert await text_of(engine, ask("first")) == "Halo"
    neighbour = asyncio.create_task(text_of(engine, ask("neighbour", "la " * 100)))
    with pytest.raises(InvalidInput, match="no such pattern") as caught:
        await engine.submit(ask("shaped", constraint=Regex("(")))
    assert caught.value.field == "structured_outputs"
    with pytest.raises(InvalidInput, match="log has the details"):
        await text_of(engine, ask("odd"))
    assert await neighbour == "la " * 100


async def test_an_abort_reaches_it(engine: ThreadedEngine) -> None:
    generation = await engine.submit(ask("long", "la " * 2_000, max_tokens=20_000))
    async for _event in generation:
        generation.close()
    assert await text_of(engine, ask("next")) == "Halo"


async def test_a_process_that_dies_fails_its_requests_and_is_started_anew(
    engine: ThreadedEngine, note: Path
) -> None:
    assert await text_of(engine, ask("first")) == "Halo"
    dead = process_of(note)
    with pytest.raises(EngineUnavailable, match="status -9"):
        await text_of(engine, ask("poison"))
    assert engine.state().status is EngineStatus.FAILED
    assert await text_of(engine, ask("again")) == "Halo"
    assert process_of(note) != dead


async def test_a_process_that_dies_while_idle_is_missed(engine: ThreadedEngine, note: Path) -> None:
    assert await text_of(engine, ask("first")) == "Halo"
    os.kill(process_of(note), signal.SIGKILL)
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            if engine.state().status is EngineStatus.FAILED:
                break
            await asyncio.sleep(0.01)
    assert "status -9" in (engine.state().error or "")
    assert await text_of(engine, ask("again")) == "Halo"


@pytest.mark.parametrize(
    ("fault", "told"), [("load", "no such model"), ("load oddly", "the model worker died")]
)
async def test_a_model_that_fails_to_load_says_why(note: Path, fault: str, told: str) -> None:
    engine = engine_of(note, fault)
    with pytest.raises(EngineUnavailable, match=told) as caught:
        await text_of(engine, ask("first"))
    assert "secret" not in caught.value.message
    await engine.close()
    assert not is_alive(note)


async def test_closing_ends_it(note: Path) -> None:
    engine = engine_of(note)
    assert await text_of(engine, ask("first")) == "Halo"
    assert is_alive(note)
    await engine.close()
    assert not is_alive(note)


async def test_it_ends_when_its_server_is_gone(note: Path) -> None:
    """A server that is killed can't tell it."""
    engine = engine_of(note)
    assert await text_of(engine, ask("first")) == "Halo"
    runner = engine._runner  # pyright: ignore[reportPrivateUsage]
    assert isinstance(runner, RunnerProcess)
    runner._pipe.close()  # pyright: ignore[reportPrivateUsage]
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            if not is_alive(note):
                break
            await asyncio.sleep(0.01)
    await engine.close()


async def test_the_version_comes_over_from_its_process(engine: ThreadedEngine) -> None:
    assert await engine.version() == MODEL_ID
