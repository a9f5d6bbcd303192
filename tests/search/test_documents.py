import pytest

from warung.search.documents import prepared


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RAM 16GB", "RAM 16 GB"),
        ("ram16 gb", "ram 16 gb"),
        ("ram16gb ssd512gb", "ram 16 gb ssd 512 gb"),
        ("14inch 5000mAh", "14 inch 5000 mAh"),
        ("PS4 A54 WH-1000XM4", "PS4 A54 WH-1000XM4"),
        ("sepatunya, harganya", "sepatu, harga"),
        ("punya hanya", "punya hanya"),
        ("16gbx", "16gbx"),
    ],
)
def test_units_stand_apart_and_clitics_go(text: str, words: str) -> None:
    assert prepared(text) == words
