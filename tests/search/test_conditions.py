import pytest

from warung.products.schemas import Condition
from warung.search.conditions import ConditionWords, read_condition


@pytest.mark.parametrize(
    ("words", "condition", "taken"),
    [
        ("bekas", "used", 1),
        ("second hand", "used", 2),
        ("kondisi masih segel", "new", 3),
        ("baru segel", "new", 2),
        ("bukan bekas", "new", 2),
        ("jangan yang second", "new", 3),
        ("baru atau bekas", None, 3),
        ("bekas / baru", None, 3),
        ("baru atau merah", "new", 1),
    ],
)
def test_conditions(words: str, condition: Condition | None, taken: int) -> None:
    assert read_condition(["hp", *words.split()], 1) == ConditionWords(condition, taken)


@pytest.mark.parametrize("words", ["merah", "yang baru lahir", "the new balance", "bukan samsung", "yang"])
def test_other_words_name_no_condition(words: str) -> None:
    assert read_condition(["hp", *words.split()], 1) is None


def test_at_the_beginning_baru_means_just_now() -> None:
    assert read_condition(["baru", "pulang"], 0) is None
    assert read_condition(["baru"], 0) == ConditionWords("new", 1)
