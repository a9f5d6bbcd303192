"""From a request to its principal; knows no table."""

from collections.abc import Callable, Mapping

from starlette.requests import Request

from warung.accounts.principal import ANONYMOUS, Principal
from warung.errors import Unauthorized

Reader = Callable[[str], Principal | None]
"""Whose credential this is; None when it is unknown, expired or revoked."""


def bearer(request: Request) -> str | None:
    """The credential of `Authorization: Bearer` (RFC 6750, section 2.1): None without the header, empty for
    another scheme."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, credential = header.partition(" ")
    return credential.strip() if scheme.lower() == "bearer" else ""


class Authentication:
    """Reads `Authorization: Bearer` (RFC 6750). Credentials of one kind share a prefix, such as "wrs_"."""

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self._readers = dict(readers)

    def __call__(self, request: Request) -> Principal:
        """ANONYMOUS without a credential. Raises Unauthorized for one that is not, or no longer, good."""
        credential = bearer(request)
        if credential is None:
            return ANONYMOUS
        for prefix, read in self._readers.items():
            if credential.startswith(prefix):
                if principal := read(credential):
                    return principal
                break
        raise Unauthorized(
            "the credential in 'Authorization: Bearer' is unknown, expired or revoked: sign in again",
            code="invalid_credential",
        )
