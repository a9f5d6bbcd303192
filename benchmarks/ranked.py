"""How well a ranking answers judged queries: NDCG@10 and recall@100; knows no search."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

Judgments = Mapping[str, Mapping[Any, int]]
"""For each query the grades (0 to 3) of the products that were judged."""

Search = Callable[[str], Sequence[Hashable]]

DEPTH = 100
_SHOWN = 10
_BEST = 3
_GOOD = 2


@dataclass(frozen=True, slots=True)
class Score:
    """Means over `queries`. `condensed` leaves unjudged products out of the ranking before it is read, `ndcg`
    takes them for bad; `recall` is of grades 2 and 3 among the first 100, over queries that have some."""

    queries: int
    ndcg: float
    condensed: float
    recall: float


def score(search: Search, judgments: Judgments) -> Score:
    """Queries without any grade above 0 are left out."""
    ndcg: list[float] = []
    condensed: list[float] = []
    recall: list[float] = []
    for query, grades in judgments.items():
        if not any(grades.values()):
            continue
        ranking = search(query)[:DEPTH]
        ideal = _gain(sorted(grades.values(), reverse=True))
        ndcg.append(_gain([grades.get(key, 0) for key in ranking]) / ideal)
        condensed.append(_gain([grades[key] for key in ranking if key in grades]) / ideal)
        if good := {key for key, grade in grades.items() if grade >= _GOOD}:
            recall.append(len(good.intersection(ranking)) / len(good))
    return Score(len(ndcg), _mean(ndcg), _mean(condensed), _mean(recall))


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / _BEST / math.log2(rank + 1) for rank, grade in enumerate(grades[:_SHOWN], start=1))


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
