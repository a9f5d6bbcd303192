"""The tables of the streams, for a terminal and as docs/benchmarks-streams.md; measures nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from benchmarks import page
from benchmarks.durability import Delays
from benchmarks.goals import Goal, goal
from benchmarks.idle_readers import IdleReaders
from benchmarks.page import Rows, Section, goal_section
from benchmarks.stream_probes import Attaching, FanOut, Work

_DURABILITY_COLUMNS = (*("store", "streams", "p50 ms", "p99 ms", "over memory p50 ms", "over memory p99 ms"),)
_ATTACHING_COLUMNS = ("store", "alone p50 ms", "p99 ms", "beside 8 streams p50 ms", "p99 ms")
_WORK_COLUMNS = ("store", "streams", "events/s", "server's µs an event")
_FAN_OUT_COLUMNS = ("store", "readers", "events/s", "deliveries/s", "server's µs a delivery")
_IDLE_COLUMNS = (
    *("store", "readers", "tokens/s before", "with them", "after", "slowed by"),
    *("server's RSS MB before", "with them", "keep-alives heard"),
)

_EXTRA_P99_AT_MOST_MS = 1
_ATTACHING_P99_AT_MOST_MS = 20
_RSS_AT_MOST_MB = 500
_SLOWED_BY_AT_MOST_PERCENT = 5
_GOAL_STORE, _GOAL_STREAMS = "normal", 8


@dataclass(slots=True)
class StoreResult:
    """What was measured of one store; `problem` says why there is nothing."""

    name: str
    title: str
    problem: str | None = None
    delays: dict[int, Delays] = field(default_factory=dict[int, Delays])
    alone: Attaching | None = None
    beside: Attaching | None = None
    work: list[Work] = field(default_factory=list[Work])
    fan_outs: list[FanOut] = field(default_factory=list[FanOut])
    idle: IdleReaders | None = None


@dataclass(frozen=True, slots=True)
class StreamReport:
    """A whole run. The first store is memory, with which the others are compared."""

    date: str
    machine: dict[str, str]
    steps: int
    step_seconds: float
    model: str
    busy_cores_before: float
    results: Sequence[StoreResult]

    def goals(self) -> list[Goal]:
        return [*self._durability_goals(), *self._attaching_goals(), *self._idle_goals()]

    def over_memory(self, result: StoreResult, streams: int) -> Delays | None:
        """What the store adds, percentile by percentile."""
        base, own = self.results[0].delays.get(streams), result.delays.get(streams)
        if not base or not own:
            return None
        return Delays(streams, own.p50_seconds - base.p50_seconds, own.p99_seconds - base.p99_seconds)

    def _durability_goals(self) -> Iterator[Goal]:
        for result in self.results:
            if result.name == _GOAL_STORE:
                extra = self.over_memory(result, _GOAL_STREAMS)
                value = extra.p99_seconds * 1000 if extra else None
                what = f"{result.title}: a token's way to its readers, p99 over memory's, ms"
                yield goal(what, str(_GOAL_STREAMS), "≤", _EXTRA_P99_AT_MOST_MS, value)

    def _attaching_goals(self) -> Iterator[Goal]:
        for result in self.results:
            for streams, figures in (("0", result.alone), ("8", result.beside)):
                value = figures.p99_seconds * 1000 if figures else None
                what = f"{result.title}: from connecting to the first event of 1,000 stored, p99 ms"
                yield goal(what, streams, "≤", _ATTACHING_P99_AT_MOST_MS, value)

    def _idle_goals(self) -> Iterator[Goal]:
        for result in self.results:
            if idle := result.idle:
                what = f"{result.title}: server's RSS with {idle.readers} idle readers, MB"
                yield goal(what, str(idle.streams), "≤", _RSS_AT_MOST_MB, idle.rss_mb)
                what = f"{result.title}: model slowed by {idle.readers} idle readers, %"
                yield goal(what, str(idle.streams), "≤", _SLOWED_BY_AT_MOST_PERCENT, idle.slowdown * 100)


def show(report: StreamReport, console: Console) -> None:
    page.show(sections(report), _notes(report), console)


def markdown(report: StreamReport) -> str:
    return page.markdown(
        "Streams",
        f"Measured on {report.date} by `python -m benchmarks.streams --markdown`, which writes this page.",
        report.machine,
        _notes(report),
        sections(report),
    )


def sections(report: StreamReport) -> list[Section]:
    """In the order of the page."""
    results = report.results
    return [
        goal_section(report.goals()),
        Section("What storing costs", _DURABILITY_COLUMNS, _durability_rows(report)),
        Section("Coming back", _ATTACHING_COLUMNS, [row for r in results for row in _attaching_rows(r)]),
        Section("The server's work", _WORK_COLUMNS, [_work_row(r, w) for r in results for w in r.work]),
        Section(
            "Many readers of one stream",
            _FAN_OUT_COLUMNS,
            [_fan_out_row(r, f) for r in results for f in r.fan_outs],
        ),
        Section("Idle readers", _IDLE_COLUMNS, [_idle_row(r, r.idle) for r in results if r.idle]),
        Section("Not measured", ("store", "why"), [(r.title, r.problem) for r in results if r.problem]),
    ]


def _notes(report: StreamReport) -> str:
    return (
        "**What storing costs**: from the moment a step's tokens are handed to the event loop until the"
        f" readers have them, committed; broker and store in one process, {report.steps} steps"
        f" {report.step_seconds * 1000:.0f} ms apart, each a token for every stream, stored by one commit."
        " **Coming back**: over HTTP, a new connection each time, to an ended session of 1,000 events; the 8"
        " streams make 50 steps/s. **The server's work**: processor time of the server's process, all its"
        " threads, over the events that left it; the engine has a process of its own and makes 60 steps/s, or"
        " as many as it can. **Many readers**: of one stream whose engine goes as fast as it can."
        f" **Idle readers**: each has a stream of its own that waits for its first token, beside"
        f" {report.model} on OpenVINO in a process of its own, which writes 8 answers at once. Before the run"
        f" the machine was busy with {report.busy_cores_before:.2f} cores."
    )


def _durability_rows(report: StreamReport) -> Rows:
    rows: Rows = []
    for result in report.results:
        for streams, own in sorted(result.delays.items()):
            extra = report.over_memory(result, streams) if result is not report.results[0] else None
            over = (_ms(extra.p50_seconds), _ms(extra.p99_seconds)) if extra else ("", "")
            rows.append((result.title, str(streams), _ms(own.p50_seconds), _ms(own.p99_seconds), *over))
    return rows


def _attaching_rows(result: StoreResult) -> Rows:
    if not result.alone or not result.beside:
        return []
    both = (result.alone, result.beside)
    return [(result.title, *(_ms(s) for one in both for s in (one.p50_seconds, one.p99_seconds)))]


def _work_row(result: StoreResult, work: Work) -> tuple[str, ...]:
    per_event = f"{work.seconds_per_event * 1e6:.0f}"
    return result.title, str(work.streams), f"{work.events_per_second:.0f}", per_event


def _fan_out_row(result: StoreResult, fan_out: FanOut) -> tuple[str, ...]:
    return (
        result.title,
        str(fan_out.readers),
        f"{fan_out.events_per_second:.0f}",
        f"{fan_out.events_per_second * fan_out.readers:.0f}",
        f"{fan_out.seconds_per_delivery * 1e6:.0f}",
    )


def _idle_row(result: StoreResult, idle: IdleReaders) -> tuple[str, ...]:
    rates = (f"{rate:.1f}" for rate in (idle.before, idle.during, idle.after))
    slowed = f"{idle.slowdown * 100:.1f} %"
    memory = (f"{idle.rss_mb_before:.0f}", f"{idle.rss_mb:.0f}")
    return result.title, str(idle.readers), *rates, slowed, *memory, str(idle.pings)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"
