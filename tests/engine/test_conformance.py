"""One suite on every engine; all but the scripted one run the packaged SmolLM2, upstream's in a server of its
own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import openvino_genai
import pytest
import pytest_asyncio

from engine.conformance.basics import BasicsConformance
from engine.conformance.continuation import ContinuationConformance
from engine.conformance.refusal import RefusalConformance
from engine.conformance.sampling import SamplingConformance
from engine.conformance.shapes import ShapeConformance
from engine.conformance.subject import MAX_REQUESTS, Subject
from engine.upstream.fleet import WarungProcess, reach
from warung.engine.build import EngineOptions, build_engine
from warung.engine.engine import EngineStatus
from warung.engine.openvino.tokenizer import OpenVinoTokenizer
from warung.engine.scripted import ANSWER, MODEL_ID, TURN, ScriptedRunner
from warung.engine.worker import ThreadedEngine

pytestmark = pytest.mark.asyncio(loop_scope="session")  # an engine belongs to the loop it was started on

CONTEXT_LENGTH = 8192  # SmolLM2's
TALE = (
    "Once upon a time a cat named Kopi sold café lattes 👍🏽 in Jakarta, and everybody came to its stall. "
    * 9
)


def scripted_answer(prompt: str) -> str:
    """Something to say to each of the suite's questions; goes on from what is said already."""
    question, _, begun = prompt.rpartition(f"{TURN}{ANSWER}")
    if "France" in question:
        return "Paris, as café owners know: 👍"
    return f"You said: {question[-60:]} {TALE}".removeprefix(begun)


@asynccontextmanager
async def upstream(model_file: Path, folder: Path) -> AsyncGenerator[Subject]:
    with WarungProcess(folder, ENGINE="openvino", MODEL_REPO_ID=str(model_file)) as process:
        options = EngineOptions("auto", model_file.stem, MAX_REQUESTS, upstream_urls=[process.url])
        engine = build_engine(options)
        await reach(engine, EngineStatus.READY)
        tokenizer = OpenVinoTokenizer(openvino_genai.Tokenizer(model_file), CONTEXT_LENGTH)
        yield Subject(engine, tokenizer, tells_tokens=False)
        await engine.close()


@asynccontextmanager
async def in_process(name: str, model: Path) -> AsyncGenerator[Subject]:
    if name == "scripted":
        engine = ThreadedEngine(MODEL_ID, ScriptedRunner(scripted_answer), max_requests=MAX_REQUESTS)
    else:
        engine = build_engine(EngineOptions(name, str(model), MAX_REQUESTS))
    assert isinstance(engine, ThreadedEngine)
    engine.start()
    yield Subject(engine, await engine.tokenizer(), samples=name != "scripted")
    await engine.close()


@pytest_asyncio.fixture(
    scope="session", loop_scope="session", params=["scripted", "openvino", "transformers", "upstream"]
)
async def subject(
    request: pytest.FixtureRequest, model_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Subject]:
    name: str = request.param
    if name == "upstream":
        opened = upstream(model_file, tmp_path_factory.mktemp("upstream"))
    elif name == "transformers":
        opened = in_process(name, request.getfixturevalue("model_folder"))
    else:
        opened = in_process(name, model_file)
    async with opened as subject:
        yield subject


class TestEngine(
    BasicsConformance,
    SamplingConformance,
    ShapeConformance,
    ContinuationConformance,
    RefusalConformance,
):
    pass
