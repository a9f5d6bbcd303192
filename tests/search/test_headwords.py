import pytest

from warung.search.headwords import headwords


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("Laptop Gaming Asus", "Laptop Gaming Asus"),
        ("Tas Laptop 14 inch", "tas"),
        ("Flexible Keyboard Covers", "covers"),
        ("Philips SlimShell for iPod", "Philips SlimShell"),
        ("Meja lipat untuk laptop", "Meja lipat"),
        ("Laptop Asus bonus tas", "Laptop Asus"),
        ("Casing + tempered glass iPhone", "casing"),
        ("for you", "for you"),
        ("", ""),
    ],
)
def test_an_accessory_is_not_what_it_goes_with(name: str, head: str) -> None:
    assert headwords(name) == head
