from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from accounts.people import PASSWORD, House, open_house
from marketplace import BANDUNG, JAKARTA
from warung.accounts.models import LoginRow, TokenRow, UserRow
from warung.accounts.user import User
from warung.audit.service import AuditService
from warung.conversations.models import ConversationRow, MessageRow
from warung.conversations.service import ConversationService
from warung.database.session import Database
from warung.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthorized

EMAIL = "sari@example.com"
NEW_PASSWORD = "teh botol 99"  # noqa: S105  made up


@pytest.fixture
def house(database: Database) -> House:
    return open_house(database)


def count(database: Database, table: type[object]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def actions(database: Database) -> list[tuple[str, str, str]]:
    entries = AuditService(database).page()[0]
    return [(entry.actor, entry.action, entry.target) for entry in entries]


def test_an_account_is_found_as_it_was_registered(house: House) -> None:
    user = house.accounts.register(
        name="Sari", email=EMAIL, password=PASSWORD, phone="0812-3456", location=BANDUNG, role="supplier"
    )
    assert house.accounts.find(user.id) == user
    assert (user.location, user.phone, user.role) == (BANDUNG, "0812-3456", "supplier")


@pytest.mark.parametrize("allowed", [True, False])
def test_the_operator_decides_whether_new_accounts_may_ask(database: Database, allowed: bool) -> None:
    house = open_house(database, ai_access_for_new=allowed)
    assert house.register().ai_access_enabled is allowed


def test_of_many_who_register_one_email_at_once_one_gets_it(house: House, database: Database) -> None:
    def register(_number: int) -> User | None:
        try:
            return house.register()
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        registered = list(pool.map(register, range(8)))
    assert sum(user is not None for user in registered) == 1
    assert count(database, UserRow) == 1


def test_what_is_not_named_in_a_change_stays(house: House) -> None:
    user = house.accounts.register(
        name="Sari", email=EMAIL, password=PASSWORD, phone="0812-3456", location=JAKARTA
    )
    changed = house.accounts.change(user.id, {"name": "Sari Dewi"})
    assert (changed.name, changed.phone, changed.location) == ("Sari Dewi", "0812-3456", JAKARTA)
    changed = house.accounts.change(user.id, {"location": None, "phone": None})
    assert (changed.name, changed.phone, changed.location) == ("Sari Dewi", None, None)
    assert house.accounts.find(user.id) == changed


def test_a_new_password_ends_all_other_logins(house: House) -> None:
    user = house.register()
    here, there = (house.logins.log_in(EMAIL, PASSWORD) for _ in range(2))
    house.accounts.change_password(user.id, PASSWORD, NEW_PASSWORD, here.access)
    assert house.logins.principal(here.access)
    assert house.logins.principal(there.access) is None
    with pytest.raises(Unauthorized):
        house.logins.log_in(EMAIL, PASSWORD)
    assert house.logins.log_in(EMAIL, NEW_PASSWORD)


def test_the_old_password_must_be_right(house: House) -> None:
    user = house.register()
    with pytest.raises(Forbidden) as refusal:
        house.accounts.change_password(user.id, NEW_PASSWORD, NEW_PASSWORD, "wra_")
    assert refusal.value.field == "old_password"
    assert house.logins.log_in(EMAIL, PASSWORD)


def test_a_deleted_account_takes_all_that_is_its_own_along(house: House, database: Database) -> None:
    user, other = house.register(), house.register("budi@example.com")
    conversations = ConversationService(database)
    conversations.ask(f"user:{user.id}", "s1", "laptop?")
    kept = conversations.ask(f"user:{other.id}", "s2", "kulkas?")
    tokens = house.logins.log_in(EMAIL, PASSWORD)
    house.accounts.delete(user.id)
    assert house.logins.principal(tokens.access) is None
    assert [count(database, table) for table in (LoginRow, TokenRow)] == [0, 0]
    assert [count(database, table) for table in (ConversationRow, MessageRow)] == [1, 1]
    assert conversations.history(kept, f"user:{other.id}")
    with pytest.raises(NotFound):
        house.accounts.find(user.id)
    with pytest.raises(NotFound):
        house.accounts.delete(user.id)
    assert house.register().id != user.id


def test_pages_hold_every_account_once_the_latest_first(house: House) -> None:
    users = [house.register(f"{number}@example.com") for number in range(7)]
    seen: list[User] = []
    cursor = None
    while True:
        users_there, cursor = house.accounts.page(limit=3, cursor=cursor)
        seen += users_there
        if cursor is None:
            break
    assert seen == sorted(users, key=lambda user: (user.created_at, user.id), reverse=True)
    supplier = house.register("budi@example.com", "supplier")
    assert house.accounts.page({"role": "supplier"})[0] == [supplier]
    assert house.accounts.page({"email": "budi@example.com"})[0] == [supplier]
    assert house.accounts.page({"email": "budi@example.com", "role": "shopper"})[0] == []


@pytest.mark.parametrize("cursor", ["", "x", "2026-01-01~x", "~", "9999999~\x00"])
def test_a_cursor_must_be_one(house: House, cursor: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        house.accounts.page(cursor=cursor)
    assert refusal.value.field == "cursor"


def test_an_operator_changes_access_and_role_and_the_log_tells(house: House, database: Database) -> None:
    user = house.register()
    house.accounts.manage("user:o", user.id, {"ai_access_enabled": False, "role": "supplier"})
    found = house.accounts.find(user.id)
    assert (found.ai_access_enabled, found.role) == (False, "supplier")
    (entry,) = AuditService(database).page({"target": f"user:{user.id}"})[0]
    assert (entry.actor, entry.action) == ("user:o", "user.change")
    assert entry.details == {"ai_access_enabled": [True, False], "role": ["shopper", "supplier"]}
    house.accounts.manage("user:o", user.id, {})
    assert len(actions(database)) == 1


def test_a_refused_change_leaves_neither_itself_nor_an_entry(house: House, database: Database) -> None:
    operator = house.accounts.make_operator("boss@example.com", PASSWORD)
    with pytest.raises(Forbidden, match="warung operators"):
        house.accounts.manage("user:o", operator.id, {"role": "shopper", "ai_access_enabled": False})
    assert house.accounts.find(operator.id) == operator
    assert actions(database) == [("command line", "operator.add", f"user:{operator.id}")]
    assert not house.accounts.manage("user:o", operator.id, {"ai_access_enabled": False}).ai_access_enabled
    with pytest.raises(NotFound):
        house.accounts.manage("user:o", "nobody", {"role": "shopper"})


def test_who_registered_the_operators_email_first_is_locked_out(house: House) -> None:
    user = house.register("boss@example.com")
    thiefs = house.logins.log_in("boss@example.com", PASSWORD)
    operator = house.accounts.make_operator("boss@example.com", NEW_PASSWORD)
    assert (operator.id, operator.role) == (user.id, "operator")
    assert house.logins.principal(thiefs.access) is None
    with pytest.raises(Unauthorized):
        house.logins.log_in("boss@example.com", PASSWORD)
    principal = house.logins.principal(house.logins.log_in("boss@example.com", NEW_PASSWORD).access)
    assert principal
    assert principal.role == "operator"


def test_an_operator_is_one_until_removed(house: House, database: Database) -> None:
    house.accounts.make_operator("boss@example.com", PASSWORD)
    tokens = house.logins.log_in("boss@example.com", PASSWORD)
    assert house.accounts.operators() == ["boss@example.com"]
    house.accounts.remove_operator("boss@example.com")
    assert house.accounts.operators() == []
    principal = house.logins.principal(tokens.access)
    assert principal
    assert principal.role == "shopper"
    assert [action for _, action, _ in actions(database)] == ["operator.remove", "operator.add"]
    with pytest.raises(Conflict):
        house.accounts.remove_operator("boss@example.com")
    with pytest.raises(NotFound):
        house.accounts.remove_operator("nobody@example.com")
