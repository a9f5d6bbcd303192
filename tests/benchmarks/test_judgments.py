"""The judged set is what it promises: enough queries, each with an answer, each judged product seeded."""

from collections import Counter
from functools import cache

import pytest

from benchmarks.judgments import (
    ProductKey,
    Query,
    judgments,
    load_hand_judgments,
    load_queries,
    products,
)
from warung.products.schemas import ProductDraft
from warung.seed.catalogue import build_catalogue


@cache
def _products() -> dict[ProductKey, ProductDraft]:
    return dict(products(build_catalogue()))


@cache
def _judgments() -> dict[str, dict[ProductKey, int]]:
    return judgments(build_catalogue())


def _query(text: str) -> Query:
    return next(query for query in load_queries() if query.text == text)


def test_there_are_enough_queries_of_every_kind_and_none_twice() -> None:
    queries = load_queries()
    kinds = Counter(query.kind for query in queries)

    assert len(queries) >= 500
    assert len({query.text for query in queries}) == len(queries)
    assert set(kinds) == {"plain", "synonym", "typo", "english", "long", "affix"}
    assert min(kinds.values()) >= 30


def test_both_halves_have_as_many_of_each_kind() -> None:
    halves = Counter((query.kind, query.half) for query in load_queries())

    for kind in {kind for kind, _ in halves}:
        assert abs(halves[kind, "open"] - halves[kind, "held"]) <= 1


def test_every_query_has_an_answer_and_no_more_than_a_page_of_a_hundred() -> None:
    for text, grades in _judgments().items():
        assert 1 <= sum(grade >= 2 for grade in grades.values()) <= 100, text


def test_every_query_has_a_product_that_is_just_what_was_asked_for_or_says_why_not() -> None:
    without = [text for text, grades in _judgments().items() if 3 not in grades.values()]

    # No seeded desk for children folds.
    assert without == ["cari meja belajar anak yang bisa dilipat"]


def test_hand_judgments_name_queries_and_products_that_exist() -> None:
    by_hand = load_hand_judgments()
    texts = {query.text for query in load_queries()}

    assert len(by_hand) >= 60
    assert by_hand.keys() <= texts
    for text, grades in by_hand.items():
        assert grades.keys() <= _products().keys(), text
        assert set(grades.values()) <= {0, 1, 2, 3}, text


def test_a_query_is_judged_by_rules_or_by_hand() -> None:
    by_hand = load_hand_judgments()

    for query in load_queries():
        assert any(query.rules) or query.text in by_hand, query.text


def test_every_alternative_of_a_rule_fits_a_product() -> None:
    named = list({product.name: product for product in _products().values()}.values())

    for query in load_queries():
        for alternative in (terms for rule in query.rules for terms in rule):
            alone = Query(query.text, query.kind, query.half, ((alternative,), (), ()))
            assert any(alone.grade(product) for product in named), (query.text, alternative)


@pytest.mark.parametrize(
    ("text", "name", "grade"),
    [
        ("laptop bekas", "Laptop Bekas Dell Latitude 7490 Core i5-8350U 8GB 256GB", 3),
        ("lemari es", "Kulkas 2 Pintu Sharp 198 Liter", 3),
        ("lemari es", "Freezer Box RSA 100 Liter", 1),
        ("lemari es", "Lemari Pakaian 2 Pintu Natural", 0),
    ],
)
def test_a_rule_grades_as_a_shopper_would(text: str, name: str, grade: int) -> None:
    product = next(product for product in _products().values() if product.name == name)

    assert _query(text).grade(product) == grade
