"""An engine under test, and what every test of it asks and reads."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from warung.engine.constraint import Tool
from warung.engine.engine import Engine
from warung.engine.features import Feature
from warung.engine.request import (
    ChatMessage,
    FinishReason,
    GenerationRequest,
    SamplingParams,
    TokenEvent,
)
from warung.engine.text import Tokenizer

WITHIN_SECONDS = 60
MAX_REQUESTS = 8  # of every subject
STORY = "Tell me a long story about a cat that sells coffee in Jakarta."
QUESTIONS = [
    STORY,
    "What is the capital of France?",
    "Count from one to ten.",
    "Apa kabar? 👋🏽 Sebutkan dua buah yang manis, seperti café au lait. 漢字",
]

_ids = iter(range(1_000_000))


@dataclass(frozen=True, slots=True)
class Subject:
    """An engine for `MAX_REQUESTS`, its model's tokenizer, and what it can't do: `samples` is false where
    temperature and seed change nothing, `tells_tokens` where only their text is known."""

    engine: Engine
    tokenizer: Tokenizer
    samples: bool = True
    tells_tokens: bool = True

    def requires(self, *features: Feature) -> None:
        """Skips nothing silently: an engine without the feature must refuse it, which another test tries."""
        missing = [feature for feature in features if feature not in self.engine.features]
        if missing:
            pytest.skip(f"declared: no {', '.join(missing)}")

    def requires_tokens(self) -> None:
        """Likewise."""
        if not self.tells_tokens:
            pytest.skip("declared: tells no tokens")


@dataclass(frozen=True, slots=True)
class Answer:
    events: tuple[TokenEvent, ...]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events)

    @property
    def token_ids(self) -> tuple[int, ...]:
        return tuple(token for event in self.events for token in event.token_ids)

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.events[-1].finish_reason


def ask(
    content: str,
    max_tokens: int = 16,
    *,
    answer_prefix: str = "",
    tools: tuple[Tool, ...] = (),
    generated: tuple[int, ...] = (),
    **sampling: Any,
) -> GenerationRequest:
    """Greedy, unless a temperature is given."""
    fields: dict[str, Any] = {"temperature": 0, "seed": 1, **sampling}
    chosen = SamplingParams(max_tokens=max_tokens, **fields)
    messages = [ChatMessage("system", "You are helpful."), ChatMessage("user", content)]
    return GenerationRequest(f"request-{next(_ids)}", messages, chosen, answer_prefix, tools, generated)


async def answer(engine: Engine, request: GenerationRequest) -> Answer:
    async with asyncio.timeout(WITHIN_SECONDS):
        return Answer(tuple([event async for event in await engine.submit(request)]))


async def texts(engine: Engine, requests: Sequence[GenerationRequest]) -> list[str]:
    return [one.text for one in await asyncio.gather(*[answer(engine, request) for request in requests])]
