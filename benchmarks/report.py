"""The tables, for a terminal and as docs/benchmarks.md; measures nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from benchmarks import page
from benchmarks.goals import Goal, goals
from benchmarks.measure import Figures, Result
from benchmarks.page import Rows, Section, goal_section

_SPEED_COLUMNS = (
    *("server", "weights", "streams", "tokens/s", "slowest-quickest"),
    *("first token s", "inter-token p50 ms", "p99 ms"),
)
_COST_COLUMNS = ("server", "versions", "load s", "RSS MB", "client cores", "others' cores")
_PROBE_COLUMNS = ("server", "what", "measured")


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. `machine` is what machine.describe() says."""

    date: str
    machine: dict[str, str]
    tokens: int
    repeats: int
    busy_cores_before: float
    results: Sequence[Result]

    def goals(self) -> list[Goal]:
        return goals({result.name: result for result in self.results})


def sections(report: Report) -> list[Section]:
    """In the order of the page."""
    speed = [row for result in report.results for row in _speed_rows(result)]
    probes = [row for result in report.results for row in _probe_rows(result)]
    costs = [_cost_row(result) for result in report.results if not result.problem]
    return [
        Section("Speed", _SPEED_COLUMNS, speed),
        goal_section(report.goals()),
        Section("Long prompts", _PROBE_COLUMNS, probes),
        Section("Costs", _COST_COLUMNS, costs),
    ]


def show(report: Report, console: Console) -> None:
    page.show(sections(report), _notes(report), console)


def markdown(report: Report) -> str:
    return page.markdown(
        "Benchmarks",
        f"Measured on {report.date} by `python -m benchmarks.engine --markdown`, which writes this page.",
        report.machine,
        _notes(report),
        sections(report),
    )


def _notes(report: Report) -> str:
    figures = [f for result in report.results for f in result.figures.values()]
    shortest = min((f.prompt_tokens[0] for f in figures), default=0)
    longest = max((f.prompt_tokens[1] for f in figures), default=0)
    short = sum(f.short_answers for f in figures)
    return (
        f"Greedy, prompts of {shortest}-{longest} tokens that all begin differently, up to"
        f" {report.tokens} new tokens; medians of {report.repeats} repeats. Tokens are counted by the"
        f" servers; {short} answers were shorter than asked. tokens/s is all new tokens over the time from"
        " the first question to the last token, reading the prompts included. The rows called bare are the"
        " model libraries in one process, without HTTP; all others were asked over HTTP, each server alone,"
        " by a client on the same machine. Before the run the machine was busy with"
        f" {report.busy_cores_before:.2f} cores."
    )


def _speed_rows(result: Result) -> Rows:
    if result.problem:
        return [(result.title, result.weights, "", result.problem, "", "", "", "")]
    return [_speed_row(result, result.figures[streams]) for streams in sorted(result.figures)]


def _speed_row(result: Result, figures: Figures) -> tuple[str, ...]:
    return (
        result.title,
        result.weights,
        str(figures.streams),
        f"{figures.tokens_per_second:.1f}",
        f"{figures.slowest_tokens_per_second:.1f}-{figures.quickest_tokens_per_second:.1f}",
        f"{figures.first_token_seconds:.2f}",
        f"{figures.gap_p50_seconds * 1000:.0f}",
        f"{figures.gap_p99_seconds * 1000:.0f}",
    )


def _probe_rows(result: Result) -> Rows:
    rows: Rows = []
    if shared := result.shared_prefix:
        what = f"first token behind {shared.prefix_tokens} tokens, new and known"
        rows.append((result.title, what, f"{shared.first_seconds:.2f} s, {shared.second_seconds:.2f} s"))
    if read := result.interruption:
        before, during, worst = (
            f"{seconds * 1000:.0f}"
            for seconds in (read.alone_p50_seconds, read.during_p50_seconds, read.during_p99_seconds)
        )
        what = (
            f"inter-token of {read.streams} streams, p50 before; p50, p99 while {read.prompt_tokens} tokens"
            " are read"
        )
        rows.append((result.title, what, f"{before} ms; {during} ms, {worst} ms"))
    return rows


def _cost_row(result: Result) -> tuple[str, ...]:
    return (
        result.title,
        ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        f"{result.load_seconds:.1f}",
        f"{result.rss_mb:.0f}",
        f"{result.client_cores:.2f}",
        f"{result.others_cores:.2f}",
    )
