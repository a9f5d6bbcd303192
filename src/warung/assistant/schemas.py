"""What a shopper sends to the assistant, and its whole answers on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from warung.database.text import storable
from warung.products.cards import ProductCard
from warung.search.cursor import MAX_CHARACTERS
from warung.search.request import MAX_OFFERS, SearchResult, Step
from warung.search.schemas import FacetCounts, FoundCard, SearchAnswer

_Location = Annotated[
    str | None, Field(description='where the shopper is, "lat,lng"; default: the account\'s place')
]


class ChatRequest(BaseModel):
    """POST /api/chat. Without `conversation_id` a conversation is opened, without `session_id` a session."""

    model_config = ConfigDict(extra="forbid")

    message: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
        AfterValidator(storable),
        Field(description="the question"),
    ]
    conversation_id: Annotated[str | None, Field(max_length=64)] = None
    location: _Location = None
    stream: bool = False
    session_id: str | None = None


class AiSearchRequest(BaseModel):
    """POST /api/products/ai-search. The cursor is that of the answer before, to the same question."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
        AfterValidator(storable),
        Field(description="the question"),
    ]
    location: _Location = None
    limit: Annotated[int, Field(ge=1, le=20)] = 5
    cursor: Annotated[str | None, Field(max_length=2 * MAX_CHARACTERS)] = None
    facets: Annotated[str, Field(max_length=100, description="names with commas, or all")] = ""
    offers: Annotated[
        int, Field(ge=0, le=MAX_OFFERS, description="other suppliers' offers with each product")
    ] = 3


class AnsweredCard(FoundCard):
    """`reason` tells, out of facts, why it is shown."""

    reason: str


class AiSearchAnswer(BaseModel):
    """`reading` tells whether a model had a part in what was understood, or the rules alone."""

    answer: str
    products: list[AnsweredCard]
    exact: int
    total: int
    facets: FacetCounts
    next_cursor: str | None
    understood: dict[str, Any]
    relaxed: list[Step]
    corrected: dict[str, str]
    did_you_mean: str | None
    reading: Literal["rules", "model"]

    @classmethod
    def made(cls, found: SearchResult, *, reasons: Sequence[str], **own: Any) -> Self:
        """From what was found, with a reason for each card."""
        answer = SearchAnswer.of(found)
        return cls(
            products=[
                AnsweredCard(**dict(card), reason=reason)
                for card, reason in zip(answer.products, reasons, strict=True)
            ],
            **answer.model_dump(exclude={"products", "understood"}),
            **own,
        )


class ChatAnswer(BaseModel):
    """The plain answer; `composed` tells that the server put it into words, not the model, `relaxed` what of
    the question gave way to find anything."""

    conversation_id: str
    session_id: str
    answer: str
    products: list[ProductCard]
    understood: dict[str, Any]
    relaxed: list[Step]
    composed: bool
    usage: dict[str, int] | None
