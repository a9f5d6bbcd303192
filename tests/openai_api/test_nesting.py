import pytest

from warung.openai_api.nesting import MAX_LEVELS, is_too_deep


def lists(levels: int) -> object:
    value: object = "a"
    for number in range(levels):
        value = [1, value] if number % 2 else {"a": 1, "b": value}
    return value


def test_the_deepest_part_decides() -> None:
    assert not is_too_deep(lists(MAX_LEVELS))
    assert is_too_deep(lists(MAX_LEVELS + 1))
    assert is_too_deep([1, "a", lists(MAX_LEVELS)])


def test_a_value_too_deep_for_the_stack_is_measured_too() -> None:
    assert is_too_deep(lists(20_000))


@pytest.mark.parametrize("value", [None, 1, "[[[[", [1] * 1000, {"a": {}, "b": {}}])
def test_what_is_broad_is_not_deep(value: object) -> None:
    assert not is_too_deep(value)
