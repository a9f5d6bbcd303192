import pytest

from warung.search.headwords import headwords


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("Laptop Gaming Asus", "laptop"),
        ("Kipas Pendingin HP", "kipas"),
        ("Asus Laptop Gaming", "Asus Laptop Gaming"),
        ("Tas Laptop 14 inch", "tas"),
        ("Meja Laptop Lipat", "meja"),
        ("Smart TV Sharp", "smart tv"),
        ("Flexible Keyboard Covers", "covers"),
        ("Philips SlimShell for iPod", "Philips SlimShell"),
        ("Meja lipat untuk laptop", "meja lipat"),
        ("Laptop Asus bonus tas", "laptop"),
        ("Casing + tempered glass iPhone", "casing"),
        ("for you", "for you"),
        ("", ""),
    ],
)
def test_an_accessory_is_not_what_it_goes_with(name: str, head: str) -> None:
    assert headwords(name) == head


def test_a_name_that_begins_with_its_brand_begins_with_no_goods() -> None:
    assert headwords("HP LaserJet Pro", "HP") == "HP LaserJet Pro"
