"""A number's grammar holds exactly the numbers between its bounds: here it is read as a pattern."""

import re
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from warung.engine.openvino.numbers import FAR, integer_between, number_between

BOUNDS = st.integers(-1200, 1200)


def matches(written: str | None, text: str) -> bool:
    """The notation of numbers is that of patterns, but for quotes and blanks."""
    return written is not None and bool(
        re.fullmatch(written.replace(".", r"\.").replace('"', "").replace(" ", ""), text)
    )


@given(least=BOUNDS, most=BOUNDS)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_whole_numbers_between_bounds(least: int, most: int) -> None:
    written = integer_between(least, most)
    assert (written is None) is (least > most)
    for number in range(-1300, 1300):
        assert matches(written, str(number)) is (least <= number <= most)
    assert not any(matches(written, text) for text in ("", "-", "-0", "00", "007", "1.5", "+1"))


@given(
    least=st.none() | BOUNDS.map(lambda cents: Decimal(cents).scaleb(-2)),
    most=st.none() | BOUNDS.map(lambda cents: Decimal(cents).scaleb(-2)),
    above=st.booleans(),
    below=st.booleans(),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_numbers_with_places_between_bounds(
    least: Decimal | None, most: Decimal | None, *, above: bool, below: bool
) -> None:
    written = number_between(least, most, above=above, below=below)
    for cents in range(-1300, 1300):
        number = Decimal(cents).scaleb(-2)
        within = (least is None or least < number or (least == number and not above)) and (
            most is None or number < most or (most == number and not below)
        )
        assert matches(written, f"{number:.2f}") is within
        if not cents % 100:
            assert matches(written, str(cents // 100)) is within
    assert not any(matches(written, text) for text in ("", "-0", "00", "1.", ".5", "01.00", "1.5.0"))


def test_bounds_that_floats_do_not_hold_are_brought_nearer() -> None:
    written = integer_between(-(10**30), 10**30)
    assert matches(written, str(FAR))
    assert matches(written, str(-FAR))
    assert not matches(written, str(FAR + 1))
    assert integer_between(10**20, 10**30) is None


def test_bounds_of_too_many_places_have_no_numbers() -> None:
    assert number_between(Decimal("1e-12"), None) is None
    assert matches(number_between(Decimal("1e-9"), None), "0.000000001")
