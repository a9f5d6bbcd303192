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
        ("10.000 mAh, 10,000mAh", "10000 mAh, 10000 mAh"),
        ("1.500.000", "1500000"),
        ("1,5 liter, 2.4 GHz", "1,5 liter, 2.4 GHz"),
    ],
)
def test_units_stand_apart_and_clitics_go(text: str, words: str) -> None:
    assert prepared(text) == words
