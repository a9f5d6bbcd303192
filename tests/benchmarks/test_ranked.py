import math

import pytest

from benchmarks.ranked import score

JUDGED = {"a": {"x": 3, "y": 0, "z": 2}, "nobody": {"x": 0}}


def test_an_ideal_order_scores_one_and_queries_without_a_good_product_are_left_out() -> None:
    best = score(lambda _query: ["x", "z", "y"], JUDGED)
    assert (best.queries, best.ndcg, best.condensed, best.recall) == (1, 1, 1, 1)


def test_an_unjudged_product_costs_ndcg_alone() -> None:
    found = score(lambda _query: ["unjudged", "x"], JUDGED)
    ideal = 1 + 2 / 3 / math.log2(3)
    assert found.ndcg == pytest.approx(1 / math.log2(3) / ideal)
    assert found.condensed == pytest.approx(1 / ideal)
    assert found.recall == 0.5


def test_what_comes_after_ten_or_a_hundred_has_no_say() -> None:
    late = score(lambda _query: [f"u{i}" for i in range(10)] + ["x"], JUDGED)
    assert (late.ndcg, late.recall) == (0, 0.5)
    too_late = score(lambda _query: [f"u{i}" for i in range(100)] + ["x", "z"], JUDGED)
    assert (too_late.condensed, too_late.recall) == (0, 0)
