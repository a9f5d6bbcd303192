"""The shipped fake: an engine that says what it is told, byte by byte; for tests and dry runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from warung.engine.request import ChatMessage, FinishReason, SamplingParams
from warung.engine.text import Tokenizer
from warung.engine.worker import Step, ThreadedEngine

MODEL_ID = "scripted"
TURN = "\x02"  # ends every rendered message
ANSWER = "assistant: "

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

    def render(self, messages: Sequence[ChatMessage]) -> str:
        return "".join(f"{m.role}: {m.content}{TURN}" for m in messages) + ANSWER


@dataclass(slots=True)
class _Answer:
    left: list[int]
    ends_with: FinishReason


class ScriptedRunner:
    """Gives each request the next byte of its answer at every step.

    `before_step` runs on the model's thread before each step: a test blocks or raises there.
    """

    def __init__(self, script: Script, before_step: Callable[[], None] | None = None) -> None:
        self._script = script
        self._before_step = before_step
        self._answers: dict[str, _Answer] = {}

    def load(self) -> Tokenizer:
        return ByteTokenizer()

    @property
    def busy(self) -> bool:
        return bool(self._answers)

    def add(self, request_id: str, prompt: Sequence[int], sampling: SamplingParams) -> None:
        tokenizer = ByteTokenizer()
        answer = tokenizer.encode(self._script(tokenizer.decode(prompt)))
        ends_with = FinishReason.LENGTH if len(answer) > sampling.max_tokens else FinishReason.STOP
        self._answers[request_id] = _Answer(answer[: sampling.max_tokens], ends_with)

    def abort(self, request_id: str) -> None:
        self._answers.pop(request_id, None)

    def step(self) -> list[Step]:
        if self._before_step:
            self._before_step()
        return [self._next(request_id) for request_id in list(self._answers)]

    def _next(self, request_id: str) -> Step:
        answer = self._answers[request_id]
        tokens = (answer.left.pop(0),) if answer.left else ()
        if answer.left:
            return Step(request_id, tokens)
        del self._answers[request_id]
        return Step(request_id, tokens, answer.ends_with)

    def close(self) -> None:
        self._answers.clear()


def scripted_engine(script: Script = echo, before_step: Callable[[], None] | None = None) -> ThreadedEngine:
    """An engine that answers by `script`, at once and without a model."""
    return ThreadedEngine(MODEL_ID, ScriptedRunner(script, before_step))
