from threading import Barrier, Thread

import pytest
from pydantic import ValidationError

from warung.accounts.principal import ANONYMOUS, Principal
from warung.audit.service import AuditService
from warung.database.session import Database
from warung.errors import Conflict, Forbidden, NotFound, Unauthorized
from warung.synonyms import service as synonyms
from warung.synonyms.packaged import load_synonyms
from warung.synonyms.schemas import SynonymDraft, SynonymGroup
from warung.synonyms.service import SynonymService

OPERATOR = Principal("user:1", "operator", user_id="1")
BAKSO = SynonymDraft(words=("bakso", "baso"), finds=("mi bakso",))


def group(service: SynonymService, slug: str) -> SynonymGroup | None:
    return next((group for group in service.groups() if group.slug == slug), None)


def test_an_operator_writes_changes_and_deletes_a_group(database: Database) -> None:
    service = SynonymService(database)
    written = service.put("bakso", BAKSO, OPERATOR)
    assert group(SynonymService(database), "bakso") == group(service, "bakso") == written
    assert (written.packaged, written.changed, written.finds) == (False, False, ("mi bakso",))
    service.put("bakso", BAKSO.model_copy(update={"words": ("bakso", "pentol")}), OPERATOR)
    changed = group(service, "bakso")
    assert changed is not None
    assert changed.words == ("bakso", "pentol")
    service.remove("bakso", OPERATOR)
    assert group(service, "bakso") is None
    with pytest.raises(NotFound, match="bakso"):
        service.remove("bakso", OPERATOR)


def test_a_packaged_group_is_switched_off_and_comes_back(database: Database) -> None:
    service = SynonymService(database)
    before = group(service, "kulkas")
    assert before is not None
    assert (before.packaged, before.changed, before.enabled) == (True, False, True)
    off = SynonymDraft.model_validate(before.model_dump(include={"words"}) | {"enabled": False})
    assert service.put("kulkas", off, OPERATOR).changed
    after = group(service, "kulkas")
    assert after is not None
    assert (after.changed, after.enabled) == (True, False)
    service.remove("kulkas", OPERATOR)
    assert group(service, "kulkas") == before
    with pytest.raises(NotFound, match='"enabled": false'):
        service.remove("kulkas", OPERATOR)


def test_groups_stand_in_the_order_of_their_slugs_and_stay_the_same_object(database: Database) -> None:
    now = [0.0]
    service = SynonymService(database, lambda: now[0])
    groups = service.groups()
    assert [each.slug for each in groups] == sorted(load_synonyms())
    now[0] = 5.0
    assert service.groups() is groups


def test_a_change_shows_at_once_here_and_within_a_second_elsewhere(database: Database) -> None:
    now = [0.0]
    here, elsewhere = SynonymService(database), SynonymService(database, lambda: now[0])
    before = elsewhere.groups()
    here.put("bakso", BAKSO, OPERATOR)
    assert group(here, "bakso") is not None
    now[0] = 0.9
    assert elsewhere.groups() is before
    now[0] = 1.0
    assert group(elsewhere, "bakso") is not None


def test_what_an_operator_does_is_written_into_the_audit_log(database: Database) -> None:
    service = SynonymService(database)
    service.put("bakso", BAKSO, OPERATOR)
    service.remove("bakso", OPERATOR)
    entries, _ = AuditService(database).page()
    assert [(entry.actor, entry.action, entry.target) for entry in entries] == [
        ("user:1", "synonyms.delete", "synonyms:bakso"),
        ("user:1", "synonyms.change", "synonyms:bakso"),
    ]
    assert entries[1].details["words"] == ["bakso", "baso"]


def test_nobody_else_changes_anything(database: Database) -> None:
    service = SynonymService(database)
    service.put("bakso", BAKSO, OPERATOR)
    for caller, refusal in (
        (ANONYMOUS, Unauthorized),
        (Principal("user:2", "shopper", user_id="2"), Forbidden),
        (Principal("supplier:1", "supplier", supplier_id=1), Forbidden),
    ):
        with pytest.raises(refusal):
            service.put("bakso", SynonymDraft(words=("a", "b")), caller)
        with pytest.raises(refusal):
            service.remove("bakso", caller)
    kept = group(SynonymService(database), "bakso")
    assert kept is not None
    assert kept.words == BAKSO.words


def test_there_is_a_most_of_groups(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synonyms, "_MOST_GROUPS", 1)
    service = SynonymService(database)
    service.put("a", BAKSO, OPERATOR)
    service.put("a", BAKSO, OPERATOR)
    with pytest.raises(Conflict, match="delete one"):
        service.put("b", BAKSO, OPERATOR)
    assert group(service, "b") is None


def test_phrases_are_kept_in_lower_case_singly_spaced_and_once() -> None:
    draft = SynonymDraft(words=("  Lemari   ES ", "lemari es", "Kulkas"))
    assert draft.words == ("lemari es", "kulkas")


@pytest.mark.parametrize(
    "values",
    [
        {"words": []},
        {"words": ["a"]},
        {"words": ["a", "A"]},
        {"words": ["a", " "]},
        {"words": ["a", "!?"]},
        {"words": ["a", "b\nc"]},
        {"words": ["a", "b\0"]},
        {"words": ["a", "b" * 61]},
        {"words": [str(number) for number in range(31)]},
        {"words": ["a", "b"], "colour": "red"},
    ],
)
def test_a_group_that_says_nothing_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SynonymDraft.model_validate(values)


def test_one_word_may_find_others_one_way() -> None:
    assert SynonymDraft(words=("gadget",), finds=("hp",)).finds == ("hp",)


def test_two_operators_who_make_one_group_at_once_do_not_fail_badly(database: Database) -> None:
    """On SQLite the second waits for the first and writes over it."""
    results: list[object] = []
    both = Barrier(2)

    def put() -> None:
        both.wait()
        try:
            results.append(SynonymService(database).put("bakso", BAKSO, OPERATOR).slug)
        except Conflict as refused:
            results.append(refused.status)

    threads = [Thread(target=put) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "bakso" in results
    assert set(results) <= {"bakso", 409}
