"""Sign-ins: opaque tokens that are handed out, rotated and revoked; knows no route and no profile."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from warung.accounts.passwords import Passwords
from warung.accounts.principal import Principal
from warung.accounts.repository import LoginRepository, UserRepository
from warung.accounts.user import Tokens, User
from warung.audit.repository import AuditRepository
from warung.database.session import Database
from warung.database.types import utc_now
from warung.errors import Unauthorized

ACCESS_PREFIX = "wra_"
REFRESH_PREFIX = "wrr_"

StallOf = Callable[[str], int | None]
"""The stall that an account runs, by the account's id."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    access_seconds: int = 900
    refresh_seconds: int = 30 * 24 * 3600


class Logins:
    """A login has one good access token and one good refresh token at a time; both die with it."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        stall_of: StallOf,
        lifetimes: Lifetimes | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._stall_of = stall_of
        self._lifetimes = lifetimes or Lifetimes()
        self._now = now

    def log_in(self, email: str, password: str) -> Tokens:
        """Raises Unauthorized for a wrong password and for an unknown e-mail, which nobody can tell apart."""
        with self._database.reading() as session:
            known = UserRepository(session).credentials(email)
        right = self._passwords.is_right(password, known.password_hash if known else None)
        if known and right:
            with self._database.transaction() as session:
                # The account may have gone, or its password been changed, while this one was checked.
                if UserRepository(session).hold(known.user_id) == known:
                    logins = LoginRepository(session)
                    logins.forget_expired(known.user_id, self._now())
                    return self._issue(logins, logins.open(known.user_id, self._now()))
        raise Unauthorized("e-mail or password is wrong", code="wrong_credentials")

    def refresh(self, token: str) -> Tokens:
        """New tokens for a refresh token, which is good once (RFC 9700, section 4.14.2).

        Raises Unauthorized for one that is not good; one that was used before ends its login, since a thief
        may have either of the two.
        """
        now = self._now()
        with self._database.transaction() as session:
            logins = LoginRepository(session)
            held = logins.hold_by_refresh(_digest(token))
            if held and held[0].revoked_at is None:
                login, shown = held
                if shown.used_at is not None:
                    login.revoked_at = now
                    user = f"user:{login.user_id}"
                    AuditRepository(session).add(user, "login.reused_token", user, login_id=login.id)
                elif shown.expires_at > now:
                    shown.used_at = now
                    logins.drop_access(login.id)
                    return self._issue(logins, login.id)
        raise Unauthorized(
            "the refresh token is unknown, used, expired or revoked: sign in again", code="invalid_token"
        )

    def log_out(self, access_token: str) -> None:
        """End the token's login."""
        with self._database.transaction() as session:
            LoginRepository(session).revoke_by_access(_digest(access_token), self._now())

    def log_out_everywhere(self, user_id: str, *, but: str | None = None) -> None:
        """End all of the account's logins; `but`: the access token of one that stays."""
        with self._database.transaction() as session:
            self.revoke_all(LoginRepository(session), user_id, but=but)

    def revoke_all(self, logins: LoginRepository, user_id: str, *, but: str | None = None) -> None:
        """The same inside the caller's transaction."""
        logins.revoke_all(user_id, self._now(), but_digest=None if but is None else _digest(but))

    def principal(self, access_token: str) -> Principal | None:
        """Who shows this token; None when it is not good."""
        with self._database.reading() as session:
            user = LoginRepository(session).user_of_access(_digest(access_token), self._now())
        return self._principal_of(user) if user else None

    def _principal_of(self, user: User) -> Principal:
        stall = self._stall_of(user.id) if user.role == "supplier" else None
        return Principal(f"user:{user.id}", user.role, user.id, stall, user.ai_access_enabled, user.location)

    def _issue(self, logins: LoginRepository, login_id: str) -> Tokens:
        access = ACCESS_PREFIX + secrets.token_urlsafe(32)
        refresh = REFRESH_PREFIX + secrets.token_urlsafe(32)
        now, lifetimes = self._now(), self._lifetimes
        in_access, in_refresh = (
            now + timedelta(seconds=seconds)
            for seconds in (lifetimes.access_seconds, lifetimes.refresh_seconds)
        )
        logins.add_token(login_id, "access", _digest(access), in_access)
        logins.add_token(login_id, "refresh", _digest(refresh), in_refresh)
        return Tokens(access, refresh, lifetimes.access_seconds)


def _digest(token: str) -> str:
    # 256 random bits need no slow hash, and looking one up takes no time that tells of the others.
    return hashlib.sha256(token.encode()).hexdigest()
