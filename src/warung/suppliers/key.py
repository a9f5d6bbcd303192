"""A stall's keys: shown once, and known by their hash; knows no table."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

PREFIX = "wrs_"
_HINT_CHARACTERS = len(PREFIX) + 6


@dataclass(frozen=True, slots=True)
class SupplierKey:
    """What is kept of a key for its owner: `hint` is how it begins."""

    id: int
    hint: str
    created_at: datetime
    revoked_at: datetime | None


def new_credential() -> str:
    """256 random bits, so that a plain hash of them tells nothing."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()


def hint_of(credential: str) -> str:
    return credential[:_HINT_CHARACTERS]
