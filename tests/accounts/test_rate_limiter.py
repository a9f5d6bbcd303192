import itertools
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warung.accounts.rate_limiter import RateLimiter
from warung.errors import TooManyRequests


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def try_to_spend(limiter: RateLimiter, name: str = "a") -> bool:
    try:
        limiter.spend(name)
    except TooManyRequests:
        return False
    return True


def test_the_bucket_refills_evenly_and_not_beyond_its_size() -> None:
    clock = Clock()
    limiter = RateLimiter(6, clock)
    assert [try_to_spend(limiter) for _ in range(7)] == [True] * 6 + [False]
    clock.seconds = 9.9
    assert not try_to_spend(limiter)
    clock.seconds = 10.1
    assert [try_to_spend(limiter) for _ in range(2)] == [True, False]
    clock.seconds = 100_000
    assert [try_to_spend(limiter) for _ in range(7)] == [True] * 6 + [False]


waits = st.lists(st.floats(0, 40, allow_nan=False), min_size=1, max_size=120)


@given(st.integers(1, 30), waits)
def test_no_window_ever_holds_more_than_the_bucket_and_its_refill(
    per_minute: int, pauses: list[float]
) -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute, clock)
    taken: list[float] = []
    for pause in pauses:
        clock.seconds += pause
        if try_to_spend(limiter):
            taken.append(clock.seconds)
    for first, last in itertools.combinations(range(len(taken)), 2):
        window_seconds = taken[last] - taken[first]
        assert last - first + 1 <= per_minute + window_seconds * per_minute / 60 + 1e-6


@given(st.integers(1, 1000), st.floats(0, 0.059, allow_nan=False))
def test_who_waits_as_told_is_let_in_and_not_told_to_wait_for_long(per_minute: int, pause: float) -> None:
    clock = Clock()
    limiter = RateLimiter(per_minute, clock)
    for _ in range(per_minute):
        limiter.spend("a")
    clock.seconds = pause  # less than one token takes, however many there are
    with pytest.raises(TooManyRequests) as refusal:
        limiter.spend("a")
    wait_seconds = refusal.value.retry_after_seconds
    assert wait_seconds is not None
    assert 1 <= wait_seconds <= 60 / per_minute + 1
    clock.seconds += wait_seconds
    limiter.spend("a")


def test_a_refusal_costs_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(1, clock)
    limiter.spend("a")
    for second in range(60):
        clock.seconds = second
        assert not try_to_spend(limiter)
    clock.seconds = 60
    assert try_to_spend(limiter)


def test_a_flood_of_addresses_does_not_fill_the_memory() -> None:
    limiter = RateLimiter(1, Clock())
    for number in range(100_000):
        limiter.spend(f"{number}")
    assert not try_to_spend(limiter, "0")  # asked again, and so the latest
    for number in range(100_000, 150_000):
        limiter.spend(f"{number}")
    assert not try_to_spend(limiter, "0")
    assert not try_to_spend(limiter, "50001")
    assert try_to_spend(limiter, "50000")  # all that were seen last before the latest 100,000 are forgotten


def test_a_refusal_says_its_rule() -> None:
    limiter = RateLimiter(1, Clock(), rule="one cup a minute", code="cup_limit")
    limiter.spend("a")
    with pytest.raises(TooManyRequests, match="one cup a minute; try again in 61 s") as refusal:
        limiter.spend("a")
    assert refusal.value.code == "cup_limit"


def test_threads_share_one_bucket() -> None:
    limiter = RateLimiter(50, Clock())
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(try_to_spend, [limiter] * 4000))
    finally:
        sys.setswitchinterval(interval)
    assert sum(taken) == 50
