"""How often a caller may do something; in this process's memory."""

import threading
import time
from collections.abc import Callable

from warung.errors import TooManyRequests

_NAMES_REMEMBERED = 100_000


class RateLimiter:
    """A token bucket per name: `per_minute` at once, refilled evenly. Names unseen for long are forgotten.
    Safe to share between threads. A refusal says `rule` and has `code`.
    """

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        rule: str = "that was too often",
        code: str = TooManyRequests.default_code,
    ) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._rule = rule
        self._code = code
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, when

    def spend(self, name: str) -> None:
        """Take one token. Raises TooManyRequests with the seconds until the next one."""
        with self._lock:
            wait = self._take(name, self._clock())
        if wait:
            raise TooManyRequests(
                f"{self._rule}; try again in {wait} s", code=self._code, retry_after_seconds=wait
            )

    def _take(self, name: str, now: float) -> int:
        """0 when a token was taken, else the seconds until there is one."""
        left, since = self._buckets.pop(name, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        taken = left >= 1
        self._buckets[name] = (left - taken, now)
        if len(self._buckets) > _NAMES_REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
        return 0 if taken else int((1 - left) * 60 / self._per_minute) + 1
