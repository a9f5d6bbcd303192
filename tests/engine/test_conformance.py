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


def scripted(_model_file: Path) -> Subject:
    return Subject(scripted_engine(scripted_answer), samples=False)


def real(name: str, model_file: Path) -> Subject:
    engine = build_engine(EngineOptions(name, str(model_file)))
    assert isinstance(engine, ThreadedEngine)
    return Subject(engine)


def openvino(model_file: Path) -> Subject:
    return real("openvino", model_file)


def transformers(model_file: Path) -> Subject:
    return real("transformers", model_file)


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=[scripted, openvino, transformers])
async def subject(request: pytest.FixtureRequest, model_file: Path) -> AsyncGenerator[Subject]:
    subject: Subject = request.param(model_file)
    yield subject
    await subject.engine.close()


class TestEngine(EngineConformance):
    pass
