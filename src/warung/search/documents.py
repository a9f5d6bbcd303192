"""What the index holds of a product and how its text becomes terms; knows no query and no file."""

from functools import cache, lru_cache
from itertools import chain

from tantivy import Document, Filter, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from warung.products.categories import load_categories
from warung.products.product import Product
from warung.search.geo import LEVELS, Cell
from warung.search.tokens import split_words

# Raised with every change of the schema, the tokenizer or the documents: older indices are rebuilt.
VERSION = 3

TOKENIZER = "shop"
# Taken as they are written: to filter by, and to count.
EXACT_FIELDS = ("category", "condition", "city", "brand_name")
BOOSTS = {"name": 5.0, "tags": 2.0, "kind": 1.5, "description": 1.0}
# What products are named by, as written, for spelling and completion: single words, and what begins a name,
# tags, brands and categories.
WORDS, PHRASES = "words", "phrases"
_LONGEST_PHRASE = 60


def make_schema() -> Schema:
    """`kind` is the category's name as text; `state` marks the one document that is no product."""
    builder = SchemaBuilder()
    for field in BOOSTS:
        builder.add_text_field(field, tokenizer_name=TOKENIZER)
    for field in EXACT_FIELDS:
        builder.add_text_field(field, tokenizer_name="raw", fast=True, index_option="basic")
    builder.add_text_field(WORDS, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(PHRASES, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("cell", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("state", stored=True, tokenizer_name="raw", index_option="basic")
    # Signed, all of them: an unsigned fast field panics on a Python int.
    for field in ("id", "supplier", "price", "stock"):
        builder.add_integer_field(field, indexed=True, fast=True)
    return builder.build()


def make_analyzer() -> TextAnalyzer:
    """Words and numbers, in lower case, without accents."""
    return (
        TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase()).filter(Filter.ascii_fold()).build()
    )


def make_document(product: Product) -> Document:
    document = Document()
    document.add_integer("id", product.id)
    document.add_integer("supplier", product.supplier.id)
    document.add_integer("price", product.price_rupiah)
    document.add_integer("stock", product.stock_quantity)
    document.add_text("name", product.name)
    document.add_text("description", product.description)
    document.add_text("category", product.category)
    document.add_text("condition", product.condition)
    document.add_text("city", product.supplier.city)
    if product.brand is not None:
        document.add_text("brand_name", product.brand)
    document.add_text("kind", _kind(product))
    for tag in product.tags:
        document.add_text("tags", tag)
    _add_names(document, product)
    for level in LEVELS:
        document.add_text("cell", Cell.of(product.supplier.location, level).term)
    return document


def _add_names(document: Document, product: Product) -> None:
    name = split_words(product.name)
    others = [_known_words(text) for text in (_kind(product), product.brand or "", *product.tags)]
    document.add_text(WORDS, " ".join(chain(name, *others)))
    for words in (name[:2], *others):
        if len(words) > 1 and len(phrase := " ".join(words)) <= _LONGEST_PHRASE:
            document.add_text(PHRASES, phrase)


@lru_cache(maxsize=4096)
def _known_words(text: str) -> list[str]:
    """Of what many products have in common."""
    return split_words(text)


def _kind(product: Product) -> str:
    return _category_names().get(product.category, product.category)


@cache
def _category_names() -> dict[str, str]:
    return {category.slug: category.name for category in load_categories()}
