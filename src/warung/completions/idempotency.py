"""The header Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): its check, and which session it
means; knows no store."""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header

from warung.errors import Conflict, InvalidInput

_NAME = "Idempotency-Key"
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_SESSION_ID = re.compile(r"key-[0-9a-f]{64}")


class InvalidKey(InvalidInput):
    """400 in every dialect, as the draft has it."""

    status = 400
    default_code = "invalid_idempotency_key"


class KeyReused(Conflict):
    """The caller's key names another request; 422 in every dialect, as the draft has it."""

    status = 422
    default_code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            f"this {_NAME} was sent with another request; send a new key with each new request", field=_NAME
        )


def _checked(
    key: Annotated[
        str | None, Header(alias=_NAME, description="the same key and request again get the same answer")
    ] = None,
) -> str | None:
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidKey(
            f"{_NAME} must be 1 to 255 printable ASCII characters, such as a UUID, or left out", field=_NAME
        )
    return key


IdempotencyKey = Annotated[str | None, Depends(_checked)]
"""A route's parameter: the header, checked. Raises InvalidKey."""


def session_of(owner: str, key: str) -> str:
    """The session that the owner's key names. A key has no line break, so no two pairs have the same text."""
    return "key-" + hashlib.sha256(f"{owner}\n{key}".encode()).hexdigest()


def is_of_key(session_id: str) -> bool:
    return _SESSION_ID.fullmatch(session_id) is not None
