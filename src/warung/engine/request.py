"""What a caller asks of an engine and what comes back; plain values, no model and no wire."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from warung.errors import InvalidInput

MAX_SEED = 2**63 - 1
# Below this, logits divided by the temperature leave the range of a 32-bit float: it means greedy.
_LEAST_TEMPERATURE = 1e-5
# Likewise: a 32-bit float must still tell it from 0.
_LEAST_TOP_P = 1e-6


class FinishReason(StrEnum):
    """Why a generation ended: the model or a stop string said so, or the token limit was reached."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


def _random_seed() -> int:
    return secrets.randbelow(MAX_SEED + 1)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are chosen. `temperature` 0 is greedy; `seed` fixes every draw of the request.

    Raises InvalidInput naming the field that is out of range.
    """

    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = field(default_factory=_random_seed)
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(self.max_tokens >= 1, "max_tokens", "must be at least 1", self.max_tokens)
        _require(0 <= self.temperature <= 2, "temperature", "must lie between 0 and 2", self.temperature)
        _require(_LEAST_TOP_P <= self.top_p <= 1, "top_p", "must lie between 0.000001 and 1", self.top_p)
        _require(0 <= self.seed <= MAX_SEED, "seed", "must lie between 0 and 2^63 - 1", self.seed)
        _require(all(self.stop), "stop", "must not hold an empty string", list(self.stop))

    @property
    def greedy(self) -> bool:
        return self.temperature < _LEAST_TEMPERATURE


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidInput(f"{name} {rule}, not {value}", field=name)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One answer asked for. `id` is unique among the engine's running requests.

    `answer_prefix` is text that the answer has already begun with: the model goes on from it, and it is
    not repeated in the output.
    """

    id: str
    messages: Sequence[ChatMessage]
    sampling: SamplingParams
    answer_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, as the model's own tokenizer counts them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """What one engine step brought for one request.

    `text` holds whole UTF-8 characters only and no part of a stop string; it may be empty.
    `finish_reason` comes with the last event and only there; `usage` counts up to this event.
    """

    token_ids: tuple[int, ...]
    text: str
    usage: Usage
    finish_reason: FinishReason | None = None
