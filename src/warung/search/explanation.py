"""Why products stand where they do, for operators, on the wire; knows no index."""

from typing import Any

from pydantic import BaseModel

from warung.products.product import Product
from warung.search.ranking import Hit, Parts, Weights


class Explained(BaseModel):
    """One product: `score` is `text` x (1 + `nearness` + `stock` + `price_fit` + `freshness`).

    `has_all_words` products come before those that only fill. `key` is what they are sorted by, ascending;
    `text_parts` Tantivy's own account of the text's score.
    """

    id: int
    name: str
    has_all_words: bool
    key: list[float]
    score: float
    text: float
    nearness: float
    stock: float
    price_fit: float
    freshness: float
    text_parts: dict[str, Any]

    @classmethod
    def of(cls, hit: Hit, product: Product, explained: tuple[Parts, dict[str, Any]]) -> "Explained":
        parts, text_parts = explained
        return cls(
            id=product.id,
            name=product.name,
            has_all_words=hit.key[0] == 0,
            key=list(hit.key),
            score=parts.score,
            text=parts.text,
            nearness=parts.nearness,
            stock=parts.stock,
            price_fit=parts.price_fit,
            freshness=parts.freshness,
            text_parts=text_parts,
        )


class Explanation(BaseModel):
    """`words` are those of the text as the index knows them; `at_least` of them must match, and `then_any`
    says that matches of any word follow."""

    words: list[str]
    at_least: int
    then_any: bool
    weights: Weights
    products: list[Explained]
