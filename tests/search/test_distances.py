import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.search.distances import Radius, read_radius


@pytest.mark.parametrize(
    ("words", "radius"),
    [
        ("radius 10 km", Radius(10, 3, here=False, sure=True)),
        ("dalam radius 2,5km", Radius(2.5, 3, here=False, sure=True)),
        ("within 5 miles", Radius(8.047, 3, here=False, sure=True)),
        ("radius 500 meter dari rumah", Radius(0.5, 5, here=True, sure=True)),
        ("maksimal 3 km dari sini", Radius(3, 5, here=True, sure=False)),
        ("3 km from here", Radius(3, 4, here=True, sure=False)),
        ("jarak 50 km", Radius(50, 3, here=False, sure=False)),
    ],
)
def test_distances(words: str, radius: Radius) -> None:
    assert read_radius(words.split(), 0) == radius


@pytest.mark.parametrize(
    "words", ["radius", "radius 10", "dalam 2 cm", "radius 0 km", "radius 99999 km", "dalam 5 m"]
)
def test_no_distance_to_search_within(words: str) -> None:
    assert read_radius(words.split(), 0) is None


@given(st.lists(st.sampled_from(["radius", "dalam", "5", "km", "5km", "m", "dari", "sini", "maks", "jarak"])))
def test_it_takes_words_that_are_there(words: list[str]) -> None:
    for start in range(len(words)):
        radius = read_radius(words, start)
        assert radius is None or (radius.km > 0 and 0 < radius.words <= len(words) - start)
