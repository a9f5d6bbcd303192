"""Callers without an account: who they are from one request to the next."""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from warung.accounts.rate_limiter import RateLimiter
from warung.errors import Forbidden
from warung.geo import Coordinates

COOKIE = "warung_guest"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_COOKIE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `headers` belong on the response; `spend` takes one question from the caller's allowance;
    `location` is where an account says it is."""

    owner: str
    spend: Callable[[], None]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    location: Coordinates | None = None


class Guests:
    """Knows guests by a random cookie, and stores only its hash."""

    def __init__(self, *, enabled: bool, per_minute: int) -> None:
        self._enabled = enabled
        rule = f"guests may ask {per_minute} questions a minute"
        self._limiter = RateLimiter(per_minute, rule=rule, code="guest_limit")

    def caller(self, request: Request) -> Caller:
        """Raises Forbidden when the operator has turned guests off."""
        if not self._enabled:
            raise Forbidden("guests may not use the assistant here; sign in first", code="guests_disabled")
        known = _known_token(request)
        token = known or secrets.token_urlsafe(24)
        owner = "guest:" + hashlib.sha256(token.encode()).hexdigest()[:32]
        return Caller(
            owner,
            lambda: self._limiter.spend(address_of(request)),
            {} if known else _set_cookie(request, token),
        )

    def welcome(self, request: Request) -> Mapping[str, str]:
        """Headers that make a guest known before the first question, so that no answer to it can be lost."""
        if not self._enabled or _known_token(request):
            return {}
        return _set_cookie(request, secrets.token_urlsafe(24))


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _known_token(request: Request) -> str | None:
    token = request.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else None


def _set_cookie(request: Request, token: str) -> Mapping[str, str]:
    secure = "; Secure" if request.url.scheme == "https" else ""
    age = _COOKIE_DAYS * 24 * 3600
    return {"Set-Cookie": f"{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"}
