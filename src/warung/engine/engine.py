"""The seam between those who want text and those who run models; knows neither of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from warung.engine.features import Feature
from warung.engine.request import GenerationRequest, TokenEvent
from warung.errors import Unavailable


class EngineUnavailable(Unavailable):
    """The model can't answer: it failed to load, or its worker died."""

    default_code = "engine_unavailable"


class EngineStatus(StrEnum):
    IDLE = "idle"  # not asked to load yet
    LOADING = "loading"
    READY = "ready"
    STUCK = "stuck"  # ready, but no step has ended for too long
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineState:
    """A snapshot for /health. `running` counts requests accepted and not ended, `capacity` how many there may
    be; `error` is one line."""

    status: EngineStatus
    model_id: str
    error: str | None = None
    running: int = 0
    capacity: int = 1


class Generation(Protocol):
    """One accepted request: iterate its events once; `close` gives its place back, at any time, twice too."""

    def __aiter__(self) -> AsyncIterator[TokenEvent]: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """Tokens in, tokens out."""

    @property
    def model_id(self) -> str: ...

    @property
    def features(self) -> frozenset[Feature]:
        """What it can do beyond plain text; `submit` refuses the rest by name."""
        ...

    @property
    def resumes_tokens(self) -> bool:
        """Whether a cut answer goes on from its tokens, as if it had not been; else from its text."""
        ...

    async def version(self) -> str:
        """Names the weights that answer, once they are loaded: another version would go on otherwise.

        Raises EngineUnavailable when they can't be.
        """
        ...

    def start(self) -> None:
        """Begin to load, in the background; does nothing when loading or loaded."""
        ...

    def state(self) -> EngineState: ...

    async def submit(self, request: GenerationRequest) -> Generation:
        """Accept a request, loading the model first if need be.

        Raises InvalidInput for what the engine can't do (code unsupported_field), TooManyRequests when the
        queue is full, EngineUnavailable when the model failed, and InvalidInput (code
        context_length_exceeded) when prompt and max_tokens don't fit. While the model is still loading, the
        last two are raised by the iteration instead.
        """
        ...

    def abort(self, request_id: str) -> None:
        """Stop a request within one step; its iteration ends. Unknown ids are ignored."""
        ...

    async def close(self) -> None: ...
