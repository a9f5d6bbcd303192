"""Reads what the index found back from the database, so that nothing stale is shown; knows no order."""

from collections.abc import Iterator
from itertools import islice

from warung.products.product import Product
from warung.products.service import ProductService
from warung.search.matching import Matcher
from warung.search.ranking import Hit


def read_back(
    products: ProductService, hits: Iterator[Hit], matcher: Matcher, at_once: int
) -> Iterator[tuple[Hit, Product]]:
    """Those hits whose products exist and fit at this moment, read `at_once` at a time."""
    while batch := list(islice(hits, at_once)):
        rows = products.find([hit.product_id for hit in batch])
        for hit in batch:
            product = rows.get(hit.product_id)
            if product is not None and matcher.fits(product):
                yield hit, product
