"""What a shopper sends to the assistant, and its whole answer on the wire."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from warung.database.text import storable
from warung.products.cards import ProductCard


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
    location: Annotated[
        str | None, Field(description='where the shopper is, "lat,lng"; default: the account\'s place')
    ] = None
    stream: bool = False
    session_id: str | None = None


class ChatAnswer(BaseModel):
    """The plain answer; `composed` tells that the server put it into words, not the model."""

    conversation_id: str
    session_id: str
    answer: str
    products: list[ProductCard]
    understood: dict[str, Any]
    composed: bool
    usage: dict[str, int] | None
