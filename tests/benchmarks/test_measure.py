"""The figures made of arrival times."""

import math

import pytest

from benchmarks.measure import Answer, Burst, Figures, percentile


def answer(*arrivals: float, sent: float = 0, tokens: int | None = None) -> Answer:
    return Answer(sent, arrivals, len(arrivals) if tokens is None else tokens, prompt_tokens=72)


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, p) for p in (0, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7.0], 99) == 7
    assert math.isnan(percentile([], 50))


def test_the_rate_of_a_burst_counts_the_servers_tokens_over_the_whole_time() -> None:
    burst = Burst((answer(1, 2, sent=0, tokens=6), answer(1, 5, sent=1, tokens=4)))
    assert burst.tokens_per_second == 10 / 5


def test_gaps_are_told_apart_by_when_they_ended() -> None:
    stream = answer(1, 2, 4, 8)
    assert stream.gaps_seconds() == [1, 2, 4]
    assert stream.gaps_seconds(since=3, until=4) == [2]
    assert stream.first_token_seconds == 1


def test_figures_are_medians_over_repeats_and_count_short_answers() -> None:
    bursts = [Burst((answer(1, 1 + step, sent=0),)) for step in (1, 3, 7)]
    figures = Figures.of(bursts, asked_tokens=3)
    assert figures.tokens_per_second == pytest.approx(2 / 4)
    assert (figures.slowest_tokens_per_second, figures.quickest_tokens_per_second) == (2 / 8, 2 / 2)
    assert (figures.gap_p50_seconds, figures.gap_p99_seconds) == (3, 7)
    assert figures.short_answers == 3
    assert figures.prompt_tokens == (72, 72)
