"""What warung must reach, and whether it did; knows figures, not how they were measured."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.measure import Result

Results = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Goal:
    """`value` is None where something wasn't measured."""

    what: str
    streams: str
    wanted: str
    value: float | None
    reached: bool | None


@dataclass(frozen=True, slots=True)
class _Rate:
    """`subject`'s total tokens/s must be so many times `peer`'s."""

    subject: str
    peer: str
    streams: tuple[int, ...]
    at_least: float


_RATES = (
    _Rate("warung-openvino", "bare-openvino", (1, 8, 16), 0.9),
    _Rate("warung-openvino", "bare-openvino-defaults", (1, 8, 16), 0.9),
    _Rate("warung-openvino", "vllm", (8, 16), 1.5),
    _Rate("warung-openvino", "transformers-serve", (8, 16), 3),
    _Rate("warung-openvino", "llama", (8, 16), 2),
    _Rate("warung-openvino-quick", "bare-openvino-defaults", (1, 8, 16), 0.9),
    _Rate("warung-openvino-quick", "vllm", (8, 16), 1.5),
    _Rate("warung-openvino-quick", "transformers-serve", (8, 16), 3),
    _Rate("warung-openvino-quick", "llama", (8, 16), 2),
    _Rate("warung-transformers", "bare-loop", (8, 16), 1.2),
    _Rate("warung-transformers", "vllm", (8, 16), 1),
    _Rate("warung-transformers", "bare-generate", (1,), 1.1),
)
_ENGINES = ("warung-openvino", "warung-openvino-quick", "warung-transformers")
_SHARED_PREFIX_AT_MOST = 0.15
_INTERRUPTION_AT_MOST = 4


def goals(results: Results) -> list[Goal]:
    """The goals of all pairs that were asked for, in the order of the list above."""
    return [*_rate_goals(results), *_latency_goals(results)]


def _rate_goals(results: Results) -> Iterator[Goal]:
    for rate in _RATES:
        if rate.subject not in results or rate.peer not in results:
            continue
        subject, peer = results[rate.subject], results[rate.peer]
        for streams in rate.streams:
            mine, theirs = subject.figures.get(streams), peer.figures.get(streams)
            value = mine.tokens_per_second / theirs.tokens_per_second if mine and theirs else None
            what = f"{subject.title}: tokens/s over {peer.title}"
            yield goal(what, str(streams), "≥", rate.at_least, value)


def _latency_goals(results: Results) -> Iterator[Goal]:
    for result in (results[name] for name in _ENGINES if name in results):
        shared = result.shared_prefix.ratio if result.shared_prefix else None
        what = f"{result.title}: first token behind a known text over behind a new one"
        yield goal(what, "1", "≤", _SHARED_PREFIX_AT_MOST, shared)
        interruption = result.interruption.ratio if result.interruption else None
        what = f"{result.title}: inter-token p99 while a long prompt is read over p50 before"
        yield goal(what, "7 + 1", "≤", _INTERRUPTION_AT_MOST, interruption)


def goal(what: str, streams: str, sign: str, bound: float, value: float | None) -> Goal:
    """`sign` is ≥ or ≤."""
    reached = None if value is None else value >= bound if sign == "≥" else value <= bound
    return Goal(what, streams, f"{sign} {bound:g}", value, reached)
