import pytest

from warung.search.affixes import root


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("memotong", {"potong"}, "potong"),
        ("menyapu", {"sapu"}, "sapu"),
        ("mengecat", {"cat", "kecat"}, "kecat"),
        ("menulis", {"tulis"}, "tulis"),
        ("pembersih", {"bersih"}, "bersih"),
        ("bersepeda", {"sepeda"}, "sepeda"),
        ("sepatuku", {"sepatu"}, "sepatu"),
        ("buku2", {"buku"}, "buku"),
        ("sepatu", {"sepatu"}, None),
        ("dia", {"a"}, None),
    ],
)
def test_the_likeliest_root_that_is_known(word: str, known: set[str], expected: str | None) -> None:
    assert root(word, known.__contains__) == expected
