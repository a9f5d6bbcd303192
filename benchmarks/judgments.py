"""The Indonesian judged set: shoppers' queries, and how well seeded products answer them; knows no search.

`judged/queries.tsv` has a row for each query: its kind, its half ("open" to tune on, "held" for the score
that counts) and a rule for each grade, of which the first that fits wins. A rule is alternatives parted by
";", an alternative terms that must all hold: `word` or `two_words` stand in the product's name, `-word` does
not, `@slug` is its category.

`judged/hand.tsv` grades single products where a rule is too coarse. It wins over the rules; a query without
rules gives every product that it does not name a 0. One article was judged once, for all stalls that sell it.

Grades: 3 is what was asked for, 2 a good substitute, 1 related, 0 the rest. At most 100 products have a 2 or
a 3, so recall@100 over those can reach 1.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

from warung.products.schemas import ProductDraft
from warung.seed.catalogue import Catalogue

Kind = Literal["plain", "synonym", "typo", "english", "long", "affix"]
Half = Literal["open", "held"]
ProductKey = tuple[str, str]
"""The supplier's external id and the supplier's own code (SKU) of the product."""

_FOLDER = Path(__file__).parent / "judged"
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on a product."""

    category: str | None
    words: str
    negated: bool

    def holds(self, category: str, name: str) -> bool:
        """`name` is the product's, as `_words` writes it."""
        if self.category is not None:
            return self.category == category
        return (self.words in name) != self.negated


Alternative = tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """`rules` are the alternatives of the grades 3, 2 and 1; all three are empty where hands alone judged."""

    text: str
    kind: Kind
    half: Half
    rules: tuple[tuple[Alternative, ...], ...]

    def grade(self, product: ProductDraft) -> int:
        """What the rules alone say, 0 to 3."""
        name = _words(product.name)
        for grade, alternatives in zip((3, 2, 1), self.rules, strict=True):
            if any(all(term.holds(product.category, name) for term in terms) for terms in alternatives):
                return grade
        return 0


def load_queries() -> tuple[Query, ...]:
    """All queries in the order of the file; ValueError names a row that can't be read."""
    return tuple(_query(row) for row in _rows("queries.tsv"))


def load_hand_judgments() -> dict[str, dict[ProductKey, int]]:
    """The grades given product by product, for each query that has some."""
    judged: defaultdict[str, dict[ProductKey, int]] = defaultdict(dict)
    for row in _rows("hand.tsv"):
        judged[row["query"]][row["external_id"], row["sku"]] = int(row["grade"])
    return dict(judged)


def judgments(catalogue: Catalogue) -> dict[str, dict[ProductKey, int]]:
    """For each query its products with a grade of 1 or more."""
    by_hand = load_hand_judgments()
    shelf = dict(products(catalogue))
    return {query.text: _graded(query, by_hand.get(query.text, {}), shelf) for query in load_queries()}


def products(catalogue: Catalogue) -> Iterator[tuple[ProductKey, ProductDraft]]:
    """Every product of every stall, under the key by which it is judged."""
    for supplier in catalogue.suppliers:
        for product in supplier.products:
            yield (supplier.draft.external_id, product.sku), product


def _graded(
    query: Query, by_hand: dict[ProductKey, int], shelf: dict[ProductKey, ProductDraft]
) -> dict[ProductKey, int]:
    articles = {product.name: product for product in shelf.values()}
    by_rule = {name: query.grade(product) for name, product in articles.items()}
    grades = {key: by_hand.get(key, by_rule[product.name]) for key, product in shelf.items()}
    return {key: grade for key, grade in grades.items() if grade > 0}


def _query(row: dict[str, str]) -> Query:
    if row["kind"] not in get_args(Kind) or row["half"] not in get_args(Half):
        raise ValueError(
            f"queries.tsv: {row['query']!r} has no known kind and half: {row['kind']}, {row['half']}"
        )
    rules = tuple(_rule(row[grade]) for grade in ("exact", "substitute", "related"))
    return Query(row["query"], cast("Kind", row["kind"]), cast("Half", row["half"]), rules)


def _rule(text: str) -> tuple[Alternative, ...]:
    return tuple(tuple(map(_term, part.split())) for part in text.split(";") if part.strip())


def _term(text: str) -> Term:
    if text.startswith("@"):
        return Term(text[1:], "", negated=False)
    return Term(None, _words(text), negated=text.startswith("-"))


@cache
def _words(text: str) -> str:
    """`text`'s words with a space on both sides of each, so that a part of a word is not found."""
    return f" {' '.join(_WORD.findall(text.lower().replace('_', ' ')))} "


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
