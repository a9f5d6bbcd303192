"""One suite on every engine; the two real ones run the packaged SmolLM2."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.conformance import EngineConformance, Subject
from warung.engine.build import EngineOptions, build_engine
from warung.engine.scripted import scripted_engine
from warung.engine.worker import ThreadedEngine

pytestmark = pytest.mark.asyncio(loop_scope="session")  # an engine belongs to the loop it was started on

TALE = (
    "Once upon a time a cat named Kopi sold café lattes 👍🏽 in Jakarta, and everybody came to its stall. "
    * 9
)


def scripted_answer(prompt: str) -> str:
    """Something to say to each of the suite's questions."""
    last = re.split("user: ", prompt)[-1]
    if "France" in last:
        return "Paris, as café owners know: 👍"
    return f"You said: {last[-80:]} {TALE}"


def engine_of(name: str, model_file: Path) -> ThreadedEngine:
    if name == "scripted":
        return scripted_engine(scripted_answer)
    engine = build_engine(EngineOptions(name, str(model_file)))
    assert isinstance(engine, ThreadedEngine)
    return engine


@pytest_asyncio.fixture(
    scope="session", loop_scope="session", params=["scripted", "openvino", "transformers"]
)
async def subject(request: pytest.FixtureRequest, model_file: Path) -> AsyncGenerator[Subject]:
    engine = engine_of(request.param, model_file)
    engine.start()
    yield Subject(engine, await engine.tokenizer(), samples=request.param != "scripted")
    await engine.close()


class TestEngine(EngineConformance):
    pass
