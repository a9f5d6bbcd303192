"""A message of a conversation as the rest of the house sees it; knows no table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Role = Literal["user", "assistant"]
Status = Literal["complete", "failed", "cancelled"]
ROLES: tuple[Role, ...] = ("user", "assistant")
STATUSES: tuple[Status, ...] = ("complete", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Message:
    """`products` are the cards (JSON) shown with an answer; `status` tells how an answer ended."""

    id: int
    role: Role
    content: str
    products: Sequence[dict[str, Any]] | None
    status: Status | None
    created_at: datetime
