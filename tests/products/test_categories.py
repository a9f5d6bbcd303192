"""The category list: complete, consistent and usable for naming a head noun."""

import pytest

from warung.products.categories import Category, check_categories, load_categories


def category_of(alias: str) -> str | None:
    return next((c.slug for c in load_categories() if alias in c.aliases), None)


def test_enough_categories_each_with_a_name_a_group_and_aliases() -> None:
    categories = load_categories()
    assert len(categories) >= 24
    assert all(c.name and c.group and len(c.aliases) >= 8 for c in categories)
    assert len({c.name for c in categories}) == len(categories)
    assert load_categories() is categories


@pytest.mark.parametrize(
    ("alias", "slug"),
    [
        ("laptop", "laptop"),
        ("notebook", "laptop"),
        ("macbook", "laptop"),
        ("tas laptop", "aksesori-laptop"),
        ("cooling pad", "aksesori-laptop"),
        ("charger laptop", "aksesori-laptop"),
        ("hp", "ponsel"),
        ("iphone", "ponsel"),
        ("casing hp", "aksesori-ponsel"),
        ("kemeja", "pakaian"),
        ("kemeja batik", "batik"),
        ("rice cooker", "elektronik-dapur"),
        ("kampas rem", "suku-cadang-motor"),
        ("beras", "sembako"),
        ("kopi", "kopi-teh"),
    ],
)
def test_things_name_their_category(alias: str, slug: str) -> None:
    assert category_of(alias) == slug


@pytest.mark.parametrize(
    "word", ["gaming", "murah", "baru", "bekas", "jakarta", "hitam", "kok", "ban", "charger"]
)
def test_adjectives_places_and_ambiguous_words_name_none(word: str) -> None:
    assert category_of(word) is None


@pytest.mark.parametrize(
    ("categories", "complaint"),
    [
        ((Category("a", "A", "g", ("x",)), Category("a", "B", "g", ("y",))), "listed twice"),
        ((Category("a", "A", "g", ("x",)), Category("b", "B", "g", ("x",))), "'a' and 'b'"),
        ((Category("a", "A", "g", ("x", "x")),), "'a' and 'a'"),
        ((Category("a", "A", "g", ("Tas Laptop",)),), "lower case"),
        ((Category("a", "A", "g", ("tas  laptop",)),), "singly spaced"),
    ],
)
def test_a_contradictory_list_is_refused(categories: tuple[Category, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_categories(categories)
