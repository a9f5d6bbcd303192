"""How often a caller may ask; in this process's memory."""

import time
from collections.abc import Callable

from warung.errors import TooManyRequests

_NAMES_REMEMBERED = 100_000


class RateLimiter:
    """A token bucket per name: `per_minute` at once, refilled evenly. Names unseen for long are forgotten."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, when

    def spend(self, name: str) -> None:
        """Take one token. Raises TooManyRequests with the seconds until the next one."""
        now = self._clock()
        left, since = self._buckets.pop(name, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        if left < 1:
            self._buckets[name] = (left, now)
            wait = int((1 - left) * 60 / self._per_minute) + 1
            raise TooManyRequests(
                f"guests may ask {self._per_minute} questions a minute; try again in {wait} s",
                code="guest_limit",
                retry_after_seconds=wait,
            )
        self._buckets[name] = (left - 1, now)
        if len(self._buckets) > _NAMES_REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
