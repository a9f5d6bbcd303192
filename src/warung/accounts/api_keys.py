"""The operator's API keys: who calls /v1."""

import hashlib
from collections.abc import Sequence

from starlette.requests import Request

from warung.errors import Unauthorized

OPEN_OWNER = "local"


class ApiKeys:
    """Without any key everybody is the one owner "local"; else each key is an owner of its own."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._owners = {_digest(key): f"key:{_digest(key)[:32]}" for key in keys}

    def owner(self, request: Request) -> str:
        """Raises Unauthorized without a known key in `Authorization: Bearer`."""
        if not self._owners:
            return OPEN_OWNER
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        owner = self._owners.get(_digest(key.strip())) if scheme.lower() == "bearer" else None
        if owner is None:
            raise Unauthorized(
                "this server needs an API key: send 'Authorization: Bearer <key>' with one of API_KEYS",
                code="invalid_api_key",
            )
        return owner


def _digest(key: str) -> str:
    # Looking a hash up takes no time that depends on how much of a guessed key was right.
    return hashlib.sha256(key.encode()).hexdigest()
