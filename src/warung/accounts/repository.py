"""Reads and writes accounts, sign-ins and tokens inside its caller's transaction; knows no password."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Select, and_, delete, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warung.accounts.models import LoginRow, TokenRow, UserRow
from warung.accounts.user import AccountRole, User
from warung.errors import Conflict
from warung.geo import Coordinates

TokenKind = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account's key and its password's hash; None where it has no password."""

    user_id: str
    password_hash: str | None


class UserRepository:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, values: Mapping[str, object]) -> User:
        """`values` by column. Raises Conflict when the e-mail has an account."""
        row = UserRow(**values)
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError:
            raise Conflict(
                "there is an account with this e-mail: sign in, or take another", field="email"
            ) from None
        return _as_user(row)

    def find(self, user_id: str) -> User | None:
        row = self._session.get(UserRow, user_id)
        return _as_user(row) if row else None

    def find_by_email(self, email: str) -> User | None:
        row = self._session.scalar(_by_email(email))
        return _as_user(row) if row else None

    def credentials(self, email: str) -> Credentials | None:
        row = self._session.scalar(_by_email(email))
        return Credentials(row.id, row.password_hash) if row else None

    def password_hash(self, user_id: str) -> str | None:
        row = self._session.get(UserRow, user_id)
        return row.password_hash if row else None

    def hold(self, user_id: str) -> Credentials | None:
        """The same, and nobody else changes the account until the transaction's end."""
        row = self._held(user_id)
        return Credentials(row.id, row.password_hash) if row else None

    def change(self, user_id: str, values: Mapping[str, object]) -> tuple[User, User] | None:
        """What it was and what it is; None when there is no such account."""
        row = self._held(user_id)
        if row is None:
            return None
        before = _as_user(row)
        for column, value in values.items():
            setattr(row, column, value)
        self._session.flush()
        return before, _as_user(row)

    def remove(self, user_id: str) -> bool:
        """Whether there was one; what belongs to it goes by the tables' cascades."""
        gone = self._session.scalar(delete(UserRow).where(UserRow.id == user_id).returning(UserRow.id))
        return gone is not None

    def page(self, equal: Mapping[str, str], before: tuple[datetime, str] | None, limit: int) -> list[User]:
        """The latest first; `equal` are values of "role" and "email", `before` the moment and the id of the
        last one seen."""
        latest = (UserRow.created_at.desc(), UserRow.id.desc())
        wanted = select(UserRow).filter_by(**equal).order_by(*latest).limit(limit)
        if before:
            at, user_id = before
            earlier = and_(UserRow.created_at == at, UserRow.id < user_id)
            wanted = wanted.where(or_(UserRow.created_at < at, earlier))
        return [_as_user(row) for row in self._session.scalars(wanted)]

    def emails(self, role: AccountRole) -> list[str]:
        found = select(UserRow.email).where(UserRow.role == role).order_by(UserRow.email)
        return [email for email in self._session.scalars(found) if email is not None]

    def _held(self, user_id: str) -> UserRow | None:
        return self._session.get(UserRow, user_id, with_for_update=True, populate_existing=True)


class LoginRepository:
    """Tokens are known by their digests alone."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, user_id: str, now: datetime) -> str:
        row = LoginRow(user_id=user_id, created_at=now)
        self._session.add(row)
        self._session.flush()
        return row.id

    def add_token(self, login_id: str, kind: TokenKind, digest: str, expires_at: datetime) -> None:
        self._session.add(TokenRow(login_id=login_id, kind=kind, digest=digest, expires_at=expires_at))

    def user_of_access(self, digest: str, now: datetime) -> User | None:
        """Whose access token this is, as long as it is good."""
        row = self._session.scalar(
            select(UserRow)
            .join(LoginRow, LoginRow.user_id == UserRow.id)
            .join(TokenRow, TokenRow.login_id == LoginRow.id)
            .where(TokenRow.digest == digest, TokenRow.kind == "access")
            .where(TokenRow.expires_at > now, LoginRow.revoked_at.is_(None))
        )
        return _as_user(row) if row else None

    def hold_by_refresh(self, digest: str) -> tuple[LoginRow, TokenRow] | None:
        """The token and its login, which nobody else changes until the transaction's end."""
        found = select(TokenRow.login_id).where(TokenRow.digest == digest, TokenRow.kind == "refresh")
        login_id = self._session.scalar(found)
        if login_id is None:
            return None
        login = self._session.get(LoginRow, login_id, with_for_update=True)
        # Read once more: the one who held the login before may have used it.
        token = self._session.get(TokenRow, digest, populate_existing=True)
        return (login, token) if login and token else None

    def drop_access(self, login_id: str) -> None:
        self._session.execute(
            delete(TokenRow).where(TokenRow.login_id == login_id, TokenRow.kind == "access")
        )

    def revoke_by_access(self, digest: str, now: datetime) -> None:
        login = select(TokenRow.login_id).where(TokenRow.digest == digest, TokenRow.kind == "access")
        self._session.execute(
            update(LoginRow)
            .where(LoginRow.id == login.scalar_subquery(), LoginRow.revoked_at.is_(None))
            .values(revoked_at=now)
        )

    def revoke_all(self, user_id: str, now: datetime, *, but_digest: str | None = None) -> None:
        """`but_digest`: the access token whose login stays."""
        wanted = update(LoginRow).where(LoginRow.user_id == user_id, LoginRow.revoked_at.is_(None))
        if but_digest is not None:
            kept = select(TokenRow.login_id).where(TokenRow.digest == but_digest)
            wanted = wanted.where(LoginRow.id.not_in(kept))
        self._session.execute(wanted.values(revoked_at=now))

    def forget_expired(self, user_id: str, now: datetime) -> None:
        """Clear away the account's expired tokens, and logins that have none left."""
        own = select(LoginRow.id).where(LoginRow.user_id == user_id)
        self._session.execute(delete(TokenRow).where(TokenRow.login_id.in_(own), TokenRow.expires_at <= now))
        has_token = exists().where(TokenRow.login_id == LoginRow.id)
        self._session.execute(delete(LoginRow).where(LoginRow.user_id == user_id, ~has_token))


def _by_email(email: str) -> Select[UserRow]:
    return select(UserRow).where(UserRow.email == email)


def _as_user(row: UserRow) -> User:
    location = None if row.lat is None or row.lng is None else Coordinates(row.lat, row.lng)
    return User(
        id=row.id,
        name=row.name,
        email=row.email,
        phone=row.phone,
        location=location,
        role=cast("AccountRole", row.role),  # the table's CHECK allows nothing else
        ai_access_enabled=row.ai_access_enabled,
        created_at=row.created_at,
    )
