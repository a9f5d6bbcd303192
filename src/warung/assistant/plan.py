"""All that is needed to answer a question, or to go on with its answer; knows no engine and no store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from warung.assistant.language import Language
from warung.completions.chunk import ChunkWriter
from warung.engine.request import GenerationRequest
from warung.products.cards import ProductCard
from warung.search.request import SearchRequest, Step

KIND = "answer"
ROUTE = "/api/chat"


@dataclass(frozen=True, slots=True)
class Offer:
    """What was found for a question, before the model says anything about it, and the question's language."""

    understood: Mapping[str, Any]
    opening: str
    cards: tuple[ProductCard, ...]
    conversation_id: str
    relaxed: tuple[Step, ...] = ()
    language: Language = "id"


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """The answer's id is the request's; `search` is what found the offer, `created` in seconds since 1970."""

    request: GenerationRequest
    offer: Offer
    search: SearchRequest
    owner: str
    model: str
    session_id: str
    created: int
    kind: Literal["answer"] = KIND

    @classmethod
    def from_json(cls, text: str) -> "AnswerPlan":
        """Raises ValueError."""
        return _ADAPTER.validate_json(text)

    def json(self) -> str:
        return _ADAPTER.dump_json(self).decode()

    @property
    def writer(self) -> ChunkWriter:
        return ChunkWriter(self.request.id, self.model, self.session_id, created=self.created)


_ADAPTER = TypeAdapter(AnswerPlan)
