import pytest

from warung.gazetteer.places import Gazetteer
from warung.search.exclusions import read_exclusion
from warung.search.words import split_words


def excluded(message: str, *, goods_follow: bool = False) -> list[str] | None:
    words = [word.text for word in split_words(message)]
    found = read_exclusion(words, 0, Gazetteer.load(), goods_follow=goods_follow)
    return found and [" ".join(words[item.start : item.stop]) for item in found.items]


@pytest.mark.parametrize(
    ("message", "items"),
    [
        ("bukan samsung", ["samsung"]),
        ("selain asus, acer dan dell", ["asus", "acer", "dell"]),
        ("kecuali oppo sama vivo murah", ["oppo", "vivo"]),
        ("jangan yang warna merah", ["merah"]),
        ("bukan di jakarta selatan", ["jakarta selatan"]),
        ("bukan asus, kamera bagus", ["asus"]),
        ("bukan asus, acer", ["asus", "acer"]),
    ],
)
def test_what_is_excluded(message: str, items: list[str]) -> None:
    assert excluded(message) == items


@pytest.mark.parametrize("message", ["asus", "bukan", "selain itu", "bukan cuma asus", "tanpa kabel"])
def test_nothing_is_excluded(message: str) -> None:
    assert not excluded(message)


def test_before_the_goods_a_comma_ends_the_list() -> None:
    assert excluded("ga mau plastik, ember", goods_follow=True) == ["plastik"]
