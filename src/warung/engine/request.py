"""What a caller asks of an engine and what comes back; plain values, no model and no wire."""

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from warung.engine.constraint import Constraint, Tool
from warung.errors import InvalidInput

MAX_SEED = 2**63 - 1
# Below this, logits divided by the temperature leave the range of a 32-bit float: it means greedy.
_LEAST_TEMPERATURE = 1e-5
# Likewise: a 32-bit float must still tell it from 0.
_LEAST_TOP_P = 1e-6
MAX_TOP_K = 1_000_000
MOST_REPETITION_PENALTY = 10.0
_LEAST_REPETITION_PENALTY = 0.01
_MOST_LOGPROBS = 20
_MOST_BIAS = 100


class FinishReason(StrEnum):
    """Why a generation ended: the model or a stop string said so, or the token limit was reached."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model made; `arguments` is a JSON object, as JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a conversation; `role` is system, user, assistant or tool.

    An assistant's turn may hold `tool_calls`; a tool's turn answers the call with `tool_call_id`.
    """

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


def _random_seed() -> int:
    return secrets.randbelow(MAX_SEED + 1)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are chosen. `temperature` 0 is greedy; `seed` fixes every draw of the request.

    `top_k` 0 keeps all tokens; `min_p` drops those less likely than that share of the likeliest. Presence and
    frequency penalties count the answer's tokens, `repetition_penalty` (Keskar et al., 2019) all tokens.
    `logprobs` is the number of likeliest tokens told beside each chosen one, None tells nothing.

    Raises InvalidInput naming the field that is out of range.
    """

    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int = field(default_factory=_random_seed)
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] = field(default_factory=dict[int, float])
    logprobs: int | None = None
    stop: tuple[str, ...] = ()
    constraint: Constraint | None = None

    def __post_init__(self) -> None:
        _require(self.max_tokens >= 1, "max_tokens", "must be at least 1", self.max_tokens)
        _require(0 <= self.temperature <= 2, "temperature", "must lie between 0 and 2", self.temperature)
        _require(_LEAST_TOP_P <= self.top_p <= 1, "top_p", "must lie between 0.000001 and 1", self.top_p)
        _require(0 <= self.top_k <= MAX_TOP_K, "top_k", f"must lie between 0 and {MAX_TOP_K}", self.top_k)
        _require(0 <= self.min_p <= 1, "min_p", "must lie between 0 and 1", self.min_p)
        _require(0 <= self.seed <= MAX_SEED, "seed", "must lie between 0 and 2^63 - 1", self.seed)
        for name in ("presence_penalty", "frequency_penalty"):
            _require(-2 <= getattr(self, name) <= 2, name, "must lie between -2 and 2", getattr(self, name))
        _require(
            _LEAST_REPETITION_PENALTY <= self.repetition_penalty <= MOST_REPETITION_PENALTY,
            "repetition_penalty",
            f"must lie between {_LEAST_REPETITION_PENALTY} and {MOST_REPETITION_PENALTY}",
            self.repetition_penalty,
        )
        for token, bias in self.logit_bias.items():
            _require(token >= 0, "logit_bias", "must name tokens by numbers from 0 on", token)
            _require(
                abs(bias) <= _MOST_BIAS,
                "logit_bias",
                f"must lie between -{_MOST_BIAS} and {_MOST_BIAS}",
                bias,
            )
        _require(
            0 <= (self.logprobs or 0) <= _MOST_LOGPROBS,
            "top_logprobs",
            f"must lie between 0 and {_MOST_LOGPROBS}",
            self.logprobs,
        )
        _require(all(self.stop), "stop", "must not hold an empty string", list(self.stop))

    @property
    def greedy(self) -> bool:
        return self.temperature < _LEAST_TEMPERATURE

    @property
    def penalised(self) -> bool:
        return bool(self.presence_penalty or self.frequency_penalty or self.repetition_penalty != 1)


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidInput(f"{name} {rule}, not {value}", field=name)


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One answer asked for. `id` is unique among the engine's running requests.

    `answer_prefix` is text that the answer has already begun with: the model goes on from it, and it is
    not repeated in the output. `generated` are the tokens of an answer that was cut: it goes on as if it had
    not been, and `max_tokens` and the usage count them. Requests of one `tenant` alone share what was
    computed for equal beginnings, so that nobody can learn from the time an answer takes what others asked.
    """

    id: str
    messages: Sequence[ChatMessage]
    sampling: SamplingParams
    answer_prefix: str = ""
    tools: tuple[Tool, ...] = ()
    generated: tuple[int, ...] = ()
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, as the model's own tokenizer counts them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token's own bytes and the natural logarithm of its probability, before any field changed it; `top`
    are the likeliest ones in its place."""

    token: bytes
    logprob: float
    top: tuple["TokenLogprob", ...] = ()


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """What one engine step brought for one request.

    `text` holds whole UTF-8 characters only and no part of a stop string; it may be empty.
    `finish_reason` comes with the last event and only there; `usage` counts up to this event. `logprobs`
    are those of `token_ids`, when they were asked for.
    """

    token_ids: tuple[int, ...]
    text: str
    usage: Usage
    finish_reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
