"""All that is needed to make a completion, or to go on with one elsewhere; knows no engine and no store."""

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from warung.completions.chunk import ChunkWriter
from warung.engine.request import GenerationRequest

KIND = "completion"
ROUTE = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class CompletionPlan:
    """The completion's id is the request's; `created` in seconds since 1970."""

    request: GenerationRequest
    model: str
    session_id: str
    created: int
    count: int = 1
    include_usage: bool = False
    kind: Literal["completion"] = KIND

    @classmethod
    def from_json(cls, text: str) -> "CompletionPlan":
        """Raises ValueError."""
        return _ADAPTER.validate_json(text)

    def json(self) -> str:
        return _ADAPTER.dump_json(self).decode()

    @property
    def writer(self) -> ChunkWriter:
        return ChunkWriter(self.request.id, self.model, self.session_id, self.include_usage, self.created)


_ADAPTER = TypeAdapter(CompletionPlan)
