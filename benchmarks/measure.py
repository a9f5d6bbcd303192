"""What was measured, and the figures made of it; knows no server and no table."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """One stream: when it was asked and when each piece of text came, in seconds of one clock.

    `tokens` is the server's own count; a piece of text may hold several of them.
    """

    sent: float
    arrivals: tuple[float, ...]
    tokens: int
    prompt_tokens: int

    @property
    def first_token_seconds(self) -> float:
        return self.arrivals[0] - self.sent

    def gaps_seconds(self, since: float = -math.inf, until: float = math.inf) -> list[float]:
        """The waits between pieces that ended in this time."""
        pairs = zip(self.arrivals, self.arrivals[1:], strict=False)
        return [after - before for before, after in pairs if since <= after <= until]


@dataclass(frozen=True, slots=True)
class Burst:
    """Streams begun together."""

    answers: tuple[Answer, ...]

    @property
    def tokens_per_second(self) -> float:
        """All tokens, over the time from the first question to the last token: reading prompts included."""
        begun = min(answer.sent for answer in self.answers)
        ended = max(answer.arrivals[-1] for answer in self.answers)
        return sum(answer.tokens for answer in self.answers) / (ended - begun)


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of the table: medians over repeats; the percentiles are over all streams of all repeats."""

    streams: int
    tokens_per_second: float
    slowest_tokens_per_second: float
    quickest_tokens_per_second: float
    first_token_seconds: float
    gap_p50_seconds: float
    gap_p99_seconds: float
    prompt_tokens: tuple[int, int]
    short_answers: int

    @classmethod
    def of(cls, bursts: Sequence[Burst], *, asked_tokens: int) -> "Figures":
        """`asked_tokens` is the length that answers should have reached."""
        answers = [answer for burst in bursts for answer in burst.answers]
        rates = [burst.tokens_per_second for burst in bursts]
        gaps = [gap for answer in answers for gap in answer.gaps_seconds()]
        lengths = [answer.prompt_tokens for answer in answers]
        return cls(
            streams=len(bursts[0].answers),
            tokens_per_second=statistics.median(rates),
            slowest_tokens_per_second=min(rates),
            quickest_tokens_per_second=max(rates),
            first_token_seconds=statistics.median(answer.first_token_seconds for answer in answers),
            gap_p50_seconds=percentile(gaps, 50),
            gap_p99_seconds=percentile(gaps, 99),
            prompt_tokens=(min(lengths), max(lengths)),
            short_answers=sum(answer.tokens < asked_tokens for answer in answers),
        )


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """Times to the first token of two questions behind the same long text, medians."""

    prefix_tokens: int
    first_seconds: float
    second_seconds: float

    @property
    def ratio(self) -> float:
        return self.second_seconds / self.first_seconds


@dataclass(frozen=True, slots=True)
class Interruption:
    """The waits between tokens of running streams, before and while a long prompt is read."""

    prompt_tokens: int
    streams: int
    alone_p50_seconds: float
    during_p50_seconds: float
    during_p99_seconds: float

    @property
    def ratio(self) -> float:
        return self.during_p99_seconds / self.alone_p50_seconds


@dataclass(slots=True)
class Result:
    """One server, or one bare library. `problem` says why there are no figures."""

    name: str
    title: str
    weights: str
    versions: dict[str, str] = field(default_factory=dict[str, str])
    problem: str | None = None
    load_seconds: float = 0
    rss_mb: float = 0
    client_cores: float = 0
    others_cores: float = 0
    figures: dict[int, Figures] = field(default_factory=dict[int, Figures])
    shared_prefix: SharedPrefix | None = None
    interruption: Interruption | None = None


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values don't exceed; nan when there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
