"""What the index holds of a product and how its text becomes terms; knows no query and no file."""

from functools import cache

from tantivy import Document, Filter, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from warung.products.categories import load_categories
from warung.products.product import Product
from warung.search.geo import spot
from warung.search.supplier_map import place_terms

# Raised with every change of the schema, the tokenizer or the documents: older indices are rebuilt.
VERSION = 2

TOKENIZER = "shop"
# What is near stands together in the files: a search within a radius then reads little of the rest.
SORTED_BY = "spot"
BOOSTS = {"name": 5.0, "tags": 2.0, "kind": 1.5, "description": 1.0}


def make_schema() -> Schema:
    """`kind` is the category's name as text; `state` marks the one document that is no product."""
    builder = SchemaBuilder()
    for field in BOOSTS:
        builder.add_text_field(field, tokenizer_name=TOKENIZER)
    builder.add_text_field("category", tokenizer_name="raw", fast=True, index_option="basic")
    builder.add_text_field("place", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("state", stored=True, tokenizer_name="raw", index_option="basic")
    # Signed, all of them: an unsigned fast field panics on a Python int.
    for field in ("id", "supplier", "price", "stock", SORTED_BY):
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
    document.add_text("kind", _category_names().get(product.category, product.category))
    for tag in product.tags:
        document.add_text("tags", tag)
    document.add_integer(SORTED_BY, spot(product.supplier.location))
    for term in place_terms(product.supplier.id, product.supplier.location):
        document.add_text("place", term)
    return document


@cache
def _category_names() -> dict[str, str]:
    return {category.slug: category.name for category in load_categories()}
