"""What the house does with accounts; knows no route and no token."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from warung.accounts.logins import Logins
from warung.accounts.passwords import Passwords
from warung.accounts.repository import LoginRepository, UserRepository
from warung.accounts.user import AccountRole, User
from warung.audit.repository import AuditRepository
from warung.database.session import Database
from warung.errors import Conflict, Forbidden, NotFound
from warung.geo import Coordinates
from warung.paging import cut, malformed

_AT_THE_CONSOLE = "command line"


class AccountService:
    """E-mails are in lower case."""

    def __init__(
        self, database: Database, passwords: Passwords, logins: Logins, *, ai_access_for_new: bool = True
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._logins = logins
        self._ai_access_for_new = ai_access_for_new

    def register(
        self,
        *,
        name: str,
        email: str,
        password: str,
        role: AccountRole = "shopper",
        phone: str | None = None,
        location: Coordinates | None = None,
    ) -> User:
        """Raises Conflict when the e-mail has an account, InvalidInput for a password that is too short."""
        values = {
            "name": name,
            "email": email,
            "password_hash": self._passwords.hash(password),
            "role": role,
            "phone": phone,
            "ai_access_enabled": self._ai_access_for_new,
            **_place(location),
        }
        with self._database.transaction() as session:
            return UserRepository(session).add(values)

    def find(self, user_id: str) -> User:
        """Raises NotFound."""
        with self._database.reading() as session:
            user = UserRepository(session).find(user_id)
        if user is None:
            raise _unknown()
        return user

    def change(self, user_id: str, changes: Mapping[str, object]) -> User:
        """`changes` of "name", "phone" and "location" (Coordinates or None). Raises NotFound."""
        values = dict(changes)
        if "location" in values:
            location = values.pop("location")
            values |= _place(location if isinstance(location, Coordinates) else None)
        with self._database.transaction() as session:
            changed = UserRepository(session).change(user_id, values)
        if changed is None:
            raise _unknown()
        return changed[1]

    def change_password(self, user_id: str, old: str, new: str, access_token: str) -> None:
        """All other logins of the account end. Raises InvalidInput when `old` is wrong or `new` unusable."""
        with self._database.reading() as session:
            hashed = UserRepository(session).password_hash(user_id)
        if not self._passwords.is_right(old, hashed):
            raise _wrong_old_password()
        new_hash = self._passwords.hash(new)
        with self._database.transaction() as session:
            users = UserRepository(session)
            held = users.hold(user_id)
            if held is None or held.password_hash != hashed:  # changed, or gone, meanwhile
                raise _wrong_old_password()
            users.change(user_id, {"password_hash": new_hash})
            self._logins.revoke_all(LoginRepository(session), user_id, but=access_token)
            _note(AuditRepository(session), user_id, "user.change_password")

    def delete(self, user_id: str) -> None:
        """The account with all that belongs to it. Raises NotFound."""
        with self._database.transaction() as session:
            if not UserRepository(session).remove(user_id):
                raise _unknown()
            _note(AuditRepository(session), user_id, "user.delete")

    def page(
        self, equal: Mapping[str, str] | None = None, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[User], str | None]:
        """The latest accounts first; `equal` are values of "role" and "email". Raises InvalidInput for a
        cursor that is none."""
        before = None if cursor is None else _read(cursor)
        with self._database.reading() as session:
            users = UserRepository(session).page(equal or {}, before, limit + 1)
        return cut(users, limit, _cursor)

    def manage(self, actor: str, user_id: str, changes: Mapping[str, object]) -> User:
        """An operator's `changes` of "ai_access_enabled" and "role". Raises NotFound, and Forbidden for
        the role of an operator."""
        with self._database.transaction() as session:
            changed = UserRepository(session).change(user_id, changes)
            if changed is None:
                raise _unknown()
            before, after = changed
            if before.role == "operator" != after.role:
                raise Forbidden("operators are made and unmade by the command 'warung operators'")
            told = {name: [getattr(before, name), getattr(after, name)] for name in changes}
            if told:
                AuditRepository(session).add(actor, "user.change", f"user:{user_id}", **told)
            return after

    def make_operator(self, email: str, password: str) -> User:
        """Make the e-mail's account an operator's, or a new one, and end its logins.

        Its password becomes `password`: whoever registered the e-mail first may not be its owner.
        Raises InvalidInput for a password that is too short.
        """
        values = {"role": "operator", "password_hash": self._passwords.hash(password)}
        with self._database.transaction() as session:
            users = UserRepository(session)
            known = users.credentials(email)
            changed = users.change(known.user_id, values) if known else None
            new = {"name": email.partition("@")[0], "email": email, "ai_access_enabled": True, **values}
            user = changed[1] if changed else users.add(new)
            self._logins.revoke_all(LoginRepository(session), user.id)
            AuditRepository(session).add(_AT_THE_CONSOLE, "operator.add", f"user:{user.id}")
            return user

    def remove_operator(self, email: str) -> User:
        """Make the operator a shopper, from the next request on.

        Raises NotFound when the e-mail has no account, Conflict when it is no operator's.
        """
        with self._database.transaction() as session:
            users = UserRepository(session)
            user = users.find_by_email(email)
            changed = users.change(user.id, {"role": "shopper"}) if user else None
            if changed is None:
                raise NotFound(f"there is no account with the e-mail {email}", field="email")
            if changed[0].role != "operator":
                raise Conflict(f"{email} is no operator", field="email")
            AuditRepository(session).add(_AT_THE_CONSOLE, "operator.remove", f"user:{changed[1].id}")
            return changed[1]

    def operators(self) -> list[str]:
        """The e-mails of all operators, in order."""
        with self._database.reading() as session:
            return UserRepository(session).emails("operator")


def _place(location: Coordinates | None) -> dict[str, object]:
    return {"lat": location and location.lat, "lng": location and location.lng}


def _note(audit: AuditRepository, user_id: str, action: str) -> None:
    audit.add(f"user:{user_id}", action, f"user:{user_id}")


def _cursor(user: User) -> str:
    at = user.created_at.replace(tzinfo=None)  # always UTC, whose "+" isn't safe in URLs
    return f"{at.isoformat()}~{user.id}"


def _read(cursor: str) -> tuple[datetime, str]:
    at, _, user_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC), str(UUID(user_id))
    except ValueError:
        raise malformed() from None


def _unknown() -> NotFound:
    return NotFound("there is no such account")


def _wrong_old_password() -> Forbidden:
    return Forbidden("old_password is wrong", field="old_password", code="wrong_password")
