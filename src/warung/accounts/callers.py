"""Who asks the assistant: an account when a credential is shown, else a guest."""

from starlette.requests import Request

from warung.accounts.authentication import Authentication
from warung.accounts.guests import Caller, Guests
from warung.accounts.rate_limiter import RateLimiter
from warung.errors import Forbidden


class Callers:
    """Accounts may ask `per_minute` questions a minute each."""

    def __init__(self, authenticate: Authentication, guests: Guests, *, per_minute: int) -> None:
        self._authenticate = authenticate
        self._guests = guests
        rule = f"an account may ask {per_minute} questions a minute"
        self._limiter = RateLimiter(per_minute, rule=rule, code="account_limit")

    def __call__(self, request: Request) -> Caller:
        """Raises Unauthorized for a credential that is not good, Forbidden for one that may not ask."""
        principal = self._authenticate(request)
        if principal.role == "anonymous":
            return self._guests.caller(request)
        if principal.user_id is None:
            raise Forbidden("this is for accounts, not for a stall's key: sign in with e-mail and password")
        if not principal.ai_access:
            raise Forbidden("the operator has closed the assistant to you", code="ai_access_disabled")
        owner, location = principal.owner, principal.location
        return Caller(owner, lambda: self._limiter.spend(owner), location=location)
