"""A warung to measure streams with, whose answers are as long and as quick as the question says.

Run by streams.py: python -m benchmarks.stream_server PORT. Its settings come from the environment; a model in
MODEL_REPO_ID answers all other questions.
"""

import math
import sys
import time
from dataclasses import dataclass

import uvicorn

from warung.app import create_app
from warung.cli import listen
from warung.engine.build import build_engine
from warung.engine.engine import Engine, EngineState, Generation
from warung.engine.features import Feature
from warung.engine.process import RunnerProcess
from warung.engine.request import FinishReason, GenerationRequest
from warung.engine.scripted import FEATURES, MODEL_ID, ByteTokenizer, echo
from warung.engine.text import Tokenizer
from warung.engine.worker import Job, Step, ThreadedEngine
from warung.options import engine_options
from warung.server import Server
from warung.settings import load_settings
from warung.telemetry import configure_logs

_LOOK_EVERY_SECONDS = 0.02
_MOST_REQUESTS = 4096
_WORD = tuple(b" rain")


def question(pause_seconds: float, gap_seconds: float = 0) -> str:
    """Asks for a first token after the pause and for others a gap apart. After an endless pause comes none,
    nor to those who ask later."""
    return f"speak {pause_seconds} {gap_seconds}"


def _times(text: str) -> tuple[float, float] | None:
    """The pause and the gap, if this is such a question."""
    if not text.startswith("speak "):
        return None
    pause, gap = map(float, text.split()[1:])
    return pause, gap


@dataclass(slots=True)
class _Speech:
    left: int
    due: float
    gap: float


class Speaker:
    """A Runner that says one word over and over. Like a model it steps all answers at the same moments."""

    features = FEATURES
    version = MODEL_ID

    def __init__(self) -> None:
        self._speeches: dict[str, _Speech] = {}

    def load(self) -> Tokenizer:
        return ByteTokenizer()

    @property
    def busy(self) -> bool:
        return bool(self._speeches)

    def add(self, job: Job) -> None:
        pause, gap = _times(echo(ByteTokenizer().decode(job.prompt))) or (0, 0)
        if math.isfinite(pause):
            due = time.monotonic() + pause
            if gap:
                due = math.ceil(due / gap) * gap
            self._speeches[job.id] = _Speech(job.sampling.max_tokens - len(job.generated), due, gap)

    def abort(self, request_id: str) -> None:
        self._speeches.pop(request_id, None)

    def step(self) -> list[Step]:
        wait = min(speech.due for speech in self._speeches.values()) - time.monotonic()
        time.sleep(max(0, min(wait, _LOOK_EVERY_SECONDS)))
        now = time.monotonic()
        return [self._say(name, one) for name, one in list(self._speeches.items()) if one.due <= now]

    def _say(self, request_id: str, speech: _Speech) -> Step:
        token = (_WORD[-speech.left % len(_WORD)],)
        speech.left -= 1
        speech.due += speech.gap
        if speech.left > 0:
            return Step(request_id, token)
        del self._speeches[request_id]
        return Step(request_id, token, FinishReason.LENGTH)

    def close(self) -> None:
        self._speeches.clear()


class Divided:
    """An Engine whose speaker answers what is for it, and the model everything else."""

    def __init__(self, model: Engine, speaker: Engine) -> None:
        self.model_id = model.model_id
        self.resumes_tokens = True
        self._model = model
        self._speaker = speaker

    @property
    def features(self) -> frozenset[Feature]:
        return self._model.features

    async def version(self) -> str:
        return await self._model.version()

    def start(self) -> None:
        self._model.start()
        self._speaker.start()

    def state(self) -> EngineState:
        return self._model.state()

    async def submit(self, request: GenerationRequest) -> Generation:
        is_speech = _times(str(request.messages[-1].content)) is not None
        return await (self._speaker if is_speech else self._model).submit(request)

    def abort(self, request_id: str) -> None:
        self._model.abort(request_id)
        self._speaker.abort(request_id)

    async def close(self) -> None:
        await self._model.close()
        await self._speaker.close()


def main(port: int) -> None:
    settings = load_settings(load_model_at_start=True)
    configure_logs(log_format="json", level="warning")
    engine: Engine = ThreadedEngine(MODEL_ID, RunnerProcess(Speaker, FEATURES), max_requests=_MOST_REQUESTS)
    if "model_repo_id" in settings.model_fields_set:
        engine = Divided(build_engine(engine_options(settings)), engine)
    app = create_app(settings, engine=engine)
    with listen("127.0.0.1", port) as listener:
        config = uvicorn.Config(app, log_config=None, access_log=False)
        Server(config, drain=app.state.drain, end_streams=app.state.end_streams).run(sockets=[listener])


if __name__ == "__main__":
    # By its name, so that the engine's process finds the speaker where it is told to look.
    from benchmarks.stream_server import main as run

    run(int(sys.argv[1]))
