"""An account as the rest of the house sees it; knows no table."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from warung.geo import Coordinates

AccountRole = Literal["shopper", "supplier", "operator"]


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    email: str | None
    phone: str | None
    location: Coordinates | None
    role: AccountRole
    ai_access_enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in hands out: the only time that the tokens are seen."""

    access: str
    refresh: str
    expires_in_seconds: int
