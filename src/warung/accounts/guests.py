"""Callers without an account: who they are from one request to the next, and how much they may ask."""

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from warung.errors import Forbidden, TooManyRequests

COOKIE = "warung_guest"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_COOKIE_DAYS = 30
_ADDRESSES_REMEMBERED = 100_000


class RateLimiter:
    """A token bucket per name: `per_minute` at once, refilled evenly. Names unseen for long are forgotten."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, when

    def spend(self, name: str) -> None:
        """Take one token. Raises TooManyRequests with the seconds until the next one."""
        now = self._clock()
        left, since = self._buckets.pop(name, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        if left < 1:
            self._buckets[name] = (left, now)
            wait = int((1 - left) * 60 / self._per_minute) + 1
            raise TooManyRequests(
                f"guests may ask {self._per_minute} questions a minute; try again in {wait} s",
                code="guest_limit",
                retry_after_seconds=wait,
            )
        self._buckets[name] = (left - 1, now)
        if len(self._buckets) > _ADDRESSES_REMEMBERED:
            del self._buckets[next(iter(self._buckets))]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `headers` belong on the response; `spend` takes one question from the caller's allowance."""

    owner: str
    spend: Callable[[], None]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Guests:
    """Knows guests by a random cookie, and stores only its hash."""

    def __init__(self, *, enabled: bool, per_minute: int) -> None:
        self._enabled = enabled
        self._limiter = RateLimiter(per_minute)

    def caller(self, request: Request) -> Caller:
        """Raises Forbidden when the operator has turned guests off."""
        if not self._enabled:
            raise Forbidden("guests may not use the assistant here; sign in first", code="guests_disabled")
        address = request.client.host if request.client else "unknown"
        known = _known_token(request)
        token = known or secrets.token_urlsafe(24)
        owner = "guest:" + hashlib.sha256(token.encode()).hexdigest()[:32]
        return Caller(
            owner, lambda: self._limiter.spend(address), {} if known else _set_cookie(request, token)
        )

    def welcome(self, request: Request) -> Mapping[str, str]:
        """Headers that make a guest known before the first question, so that no answer to it can be lost."""
        if not self._enabled or _known_token(request):
            return {}
        return _set_cookie(request, secrets.token_urlsafe(24))


def _known_token(request: Request) -> str | None:
    token = request.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else None


def _set_cookie(request: Request, token: str) -> Mapping[str, str]:
    secure = "; Secure" if request.url.scheme == "https" else ""
    age = _COOKIE_DAYS * 24 * 3600
    return {"Set-Cookie": f"{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"}
