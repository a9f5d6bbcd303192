"""Drafts of every kind that can be stored, for the tests of files."""

from hypothesis import strategies as st

from warung.products.categories import load_categories
from warung.products.schemas import ProductDraft

# "Cs" can't be encoded; control characters have no place in one line.
_LINE = st.characters(exclude_categories=("Cs", "Cc"))
_SIGNS = st.sampled_from("'=+-@|\\,;\"\t\r\n \uff1dab")


def _line(longest: int) -> st.SearchStrategy[str]:
    return st.text(_LINE | st.sampled_from("'=+-@|\\,;\""), min_size=1, max_size=longest).filter(str.strip)


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0") | _SIGNS, max_size=60)
_TAGS = _line(20).map(str.lower).filter(lambda tag: tag == tag.lower() and len(tag) <= 50)
_IMAGES = st.text("abc|\\'%=?", max_size=12).map(lambda path: f"https://toko.id/{path}")

DRAFTS = st.builds(
    ProductDraft,
    sku=_line(64),
    name=_line(200),
    description=TEXTS,
    price_rupiah=st.integers(0, 10**15),
    stock_quantity=st.integers(0, 10**9),
    category=st.sampled_from([category.slug for category in load_categories()]),
    tags=st.lists(_TAGS, max_size=4).map(tuple),
    brand=st.none() | _line(100),
    condition=st.sampled_from(["new", "used"]),
    weight_grams=st.none() | st.integers(1, 1_000_000),
    images=st.lists(_IMAGES, max_size=3).map(tuple),
)
DIFFERENT_DRAFTS = st.lists(DRAFTS, max_size=5, unique_by=lambda draft: draft.sku)


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
