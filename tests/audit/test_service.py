import pytest

from warung.audit.repository import AuditRepository
from warung.audit.service import AuditService
from warung.database.session import Database


class Oops(Exception):
    pass


def write(database: Database, *actions: str, actor: str = "user:1", target: str = "user:2") -> None:
    with database.transaction() as session:
        for action in actions:
            AuditRepository(session).add(actor, action, target, why="because", number=10**15)


def test_an_entry_keeps_what_it_was_told(database: Database) -> None:
    write(database, "user.change")
    (entry,) = AuditService(database).page()[0]
    assert (entry.actor, entry.action, entry.target) == ("user:1", "user.change", "user:2")
    assert entry.details == {"why": "because", "number": 10**15}
    assert entry.at.utcoffset() is not None


def test_an_entry_falls_with_its_deed(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            AuditRepository(session).add("user:1", "user.change", "user:2")
            raise Oops

    with pytest.raises(Oops):
        fail()
    assert AuditService(database).page()[0] == []


def test_pages_hold_every_entry_once_the_latest_first(database: Database) -> None:
    write(database, *(f"a{number}" for number in range(7)))
    service = AuditService(database)
    seen: list[str] = []
    cursor = None
    while True:
        entries, cursor = service.page(limit=3, cursor=cursor)
        seen += [entry.action for entry in entries]
        if cursor is None:
            break
    assert seen == ["a6", "a5", "a4", "a3", "a2", "a1", "a0"]


def test_filters_narrow_together(database: Database) -> None:
    write(database, "x", "y")
    write(database, "x", actor="user:9")
    write(database, "x", target="user:9")
    service = AuditService(database)
    assert len(service.page({"action": "x"})[0]) == 3
    assert len(service.page({"action": "x", "actor": "user:9"})[0]) == 1
    assert len(service.page({"action": "x", "target": "user:2"})[0]) == 2
    assert service.page({"action": "' OR 1=1 --"})[0] == []
