"""A keyed source of chance that gives the same draws on every machine; knows nothing of what it draws."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws that depend on `key` alone.

    Only `Random.random()` is used: of the random module, it alone is promised to repeat in later Pythons.
    """

    def __init__(self, key: str) -> None:
        self._random = random.Random(key)

    def fraction(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.fraction() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of `items`, which must not be empty."""
        return items[self.whole(0, len(items) - 1)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of `items` in a drawn order (Durstenfeld, Algorithm 235, CACM 1964)."""
        drawn = list(items)
        for last in range(len(drawn) - 1, 0, -1):
            other = self.whole(0, last)
            drawn[last], drawn[other] = drawn[other], drawn[last]
        return drawn
