"""The shipped fake: an engine that says what it is told, byte by byte; for tests and dry runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from warung.engine.constraint import Tool
from warung.engine.features import Feature
from warung.engine.request import ChatMessage, FinishReason
from warung.engine.text import Tokenizer
from warung.engine.worker import Job, Likelihood, Step, ThreadedEngine

MODEL_ID = "scripted"
TURN = "\x02"  # ends every rendered message
ANSWER = "assistant: "
FEATURES = frozenset({Feature.LOGPROBS, Feature.TOP_LOGPROBS, Feature.CONTINUATION})

Script = Callable[[str], str]
"""From the rendered prompt to the whole answer."""


def echo(prompt: str) -> str:
    """Answer with the last message, so that a dry run shows what would have been asked."""
    return prompt.rsplit(TURN, 2)[-2].partition(": ")[2]


class ByteTokenizer:
    """Every UTF-8 byte is a token, so that a character may arrive in pieces."""

    context_length = 32_768
    control_tokens: frozenset[str] = frozenset()

    def encode(self, text: str) -> list[int]:
        return list(text.encode("utf-8", "replace"))

    def decode(self, token_ids: Sequence[int]) -> str:
        return bytes(token_ids).decode("utf-8", "replace")

    knows_tools = False

    def token_bytes(self, token_id: int) -> bytes:
        return bytes([token_id])

    def render(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> str:
        assert not tools, "this template knows none"  # noqa: S101  an invariant, not a check
        return "".join(f"{m.role}: {m.content}{TURN}" for m in messages) + ANSWER


@dataclass(slots=True)
class _Answer:
    left: list[int]
    ends_with: FinishReason
    alternatives: int | None


class ScriptedRunner:
    """Gives each request the next byte of its answer at every step.

    `before_step` runs on the model's thread before each step: a test blocks or raises there. `features` are
    those it claims to have: whatever is asked for, it says what it was told.
    """

    def __init__(
        self,
        script: Script,
        before_step: Callable[[], None] | None = None,
        features: frozenset[Feature] = FEATURES,
    ) -> None:
        self.features = features
        self._script = script
        self._before_step = before_step
        self._answers: dict[str, _Answer] = {}

    @property
    def version(self) -> str:
        return MODEL_ID

    def load(self) -> Tokenizer:
        return ByteTokenizer()

    @property
    def busy(self) -> bool:
        return bool(self._answers)

    def add(self, job: Job) -> None:
        tokenizer = ByteTokenizer()
        sampling = job.sampling
        answer = tokenizer.encode(self._script(tokenizer.decode(job.prompt)))
        ends_with = FinishReason.LENGTH if len(answer) > sampling.max_tokens else FinishReason.STOP
        left = answer[len(job.generated) : sampling.max_tokens]
        self._answers[job.id] = _Answer(left, ends_with, sampling.logprobs)

    def abort(self, request_id: str) -> None:
        self._answers.pop(request_id, None)

    def step(self) -> list[Step]:
        if self._before_step:
            self._before_step()
        return [self._next(request_id) for request_id in list(self._answers)]

    def _next(self, request_id: str) -> Step:
        answer = self._answers[request_id]
        tokens = (answer.left.pop(0),) if answer.left else ()
        likelihoods = (
            () if answer.alternatives is None else tuple(_certain(token, answer) for token in tokens)
        )
        if answer.left:
            return Step(request_id, tokens, likelihoods=likelihoods)
        del self._answers[request_id]
        return Step(request_id, tokens, answer.ends_with, likelihoods=likelihoods)

    def close(self) -> None:
        self._answers.clear()


def _certain(token: int, answer: _Answer) -> Likelihood:
    """What is told was certain."""
    return Likelihood(token, 0.0, ((token, 0.0),) if answer.alternatives else ())


def scripted_engine(
    script: Script = echo,
    before_step: Callable[[], None] | None = None,
    *,
    features: frozenset[Feature] = FEATURES,
) -> ThreadedEngine:
    """An engine that answers by `script`, at once and without a model."""
    return ThreadedEngine(MODEL_ID, ScriptedRunner(script, before_step, features))
