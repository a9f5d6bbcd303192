"""What the index holds of a product and how its text becomes terms; knows no query and no file."""

import re
from functools import cache, lru_cache
from itertools import chain
from zlib import crc32

from tantivy import Document, Filter, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from warung.products.categories import load_categories
from warung.products.product import Product
from warung.search.geo import spot
from warung.search.headwords import headwords
from warung.search.supplier_map import place_terms
from warung.search.tokens import split_words, ungrouped

# Raised with every change of the schema, the tokenizer or the documents: older indices are rebuilt.
VERSION = 5

TOKENIZER = "shop"
# What is near stands together in the files: a search within a radius then reads little of the rest.
SORTED_BY = "spot"
# Taken as they are written: to filter by, and to count.
EXACT_FIELDS = ("category", "condition", "city", "brand_name")
# What products are named by, as written, for spelling and completion: single words, and what begins a name,
# tags, brands and categories.
WORDS, PHRASES = "words", "phrases"
_LONGEST_PHRASE = 60
# Few and round, for shoppers and not for the queries that measure them (benchmarks/relevance.py).
# What a product is counts most: who looks for "hp" wants phones before what goes with them.
# docs/benchmarks-relevance.md has every field at half and double its weight.
BOOSTS = {
    "name": 1.5,
    "head": 2.0,
    "tags": 1.0,
    "kind": 1.0,
    "brand": 1.0,
    "description": 1.5,
    "details": 1.0,
}

_SECONDS_A_DAY = 86_400
# A number and its unit are two words, however they are written; so are a kind of memory and its size.
_UNIT = re.compile(
    r"(?<![^\W\d_])(\d+)(gb|tb|mb|inch|inci|mah|ml|kg|gr|cm|mm|watt|hz|liter|pcs)(?![^\W_])"
    r"|(?<![^\W_])(ram|rom|ssd|hdd)(?=\d)",
    re.IGNORECASE,
)
_CLITIC = re.compile(r"(?<=[^\W\d_]{4})nya(?![^\W_])", re.IGNORECASE)


def make_schema() -> Schema:
    """`kind` is the category's name as text, `head` the words of the name that say what the product is,
    `details` the description from its second line on, `updated` the day of the last change since 1970;
    `state` marks the one document that is no product."""
    builder = SchemaBuilder()
    for field in BOOSTS:
        builder.add_text_field(field, tokenizer_name=TOKENIZER)
    for field in EXACT_FIELDS:
        builder.add_text_field(field, tokenizer_name="raw", fast=True, index_option="basic")
    builder.add_text_field(WORDS, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(PHRASES, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("place", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("state", stored=True, tokenizer_name="raw", index_option="basic")
    # Signed, all of them: an unsigned fast field panics on a Python int.
    for field in ("id", "supplier", "price", "stock", "updated", "category_number", SORTED_BY):
        builder.add_integer_field(field, indexed=True, fast=True)
    return builder.build()


def make_analyzer() -> TextAnalyzer:
    """Words and numbers, in lower case, without accents and English endings; for text that is `prepared`.

    Tantivy has no Indonesian stemmer. The English one leaves nearly all Indonesian words alone, and cuts
    the others ("kuning") in texts and questions alike.
    """
    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase()).filter(Filter.ascii_fold())
    return builder.filter(Filter.stemmer("english")).build()


def prepared(text: str) -> str:
    """Numbers in one and apart from their units, and words without the Indonesian -nya."""
    return _CLITIC.sub("", _UNIT.sub(_apart, ungrouped(text)))


def _apart(found: re.Match[str]) -> str:
    return f"{found[3]} " if found[3] else f"{found[1]} {found[2]}"


def make_document(product: Product) -> Document:
    document = Document()
    document.add_integer("id", product.id)
    document.add_integer("supplier", product.supplier.id)
    document.add_integer("price", product.price_rupiah)
    document.add_integer("stock", product.stock_quantity)
    document.add_integer("updated", int(product.updated_at.timestamp()) // _SECONDS_A_DAY)
    name = prepared(product.name)
    description, _, details = prepared(product.description).partition("\n")
    document.add_text("name", name)
    document.add_text("head", headwords(name, product.brand))
    document.add_text("brand", product.brand or "")
    document.add_text("description", description)
    document.add_text("details", details)
    document.add_text("category", product.category)
    document.add_integer("category_number", category_number(product.category))
    document.add_text("condition", product.condition)
    document.add_text("city", product.supplier.city)
    if product.brand is not None:
        document.add_text("brand_name", product.brand)
    document.add_text("kind", _kind(product))
    for tag in product.tags:
        document.add_text("tags", tag)
    _add_names(document, product)
    document.add_integer(SORTED_BY, spot(product.supplier.location))
    for term in place_terms(product.supplier.id, product.supplier.location):
        document.add_text("place", term)
    return document


def category_number(slug: str) -> int:
    """The same in every version; the index hands out numbers of many products at once, but no text."""
    return crc32(slug.encode())


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
