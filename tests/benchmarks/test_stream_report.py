"""The goals of the streams, and their tables."""

import io

from rich.console import Console

from benchmarks.durability import Delays
from benchmarks.idle_readers import IdleReaders
from benchmarks.stream_probes import Attaching, FanOut, Work
from benchmarks.stream_report import StoreResult, StreamReport, markdown, show


def memory() -> StoreResult:
    return StoreResult("memory", "memory", delays={8: Delays(8, 0.0002, 0.0004)})


def sqlite(p99_ms: float = 1.2) -> StoreResult:
    return StoreResult("normal", "SQLite, NORMAL", delays={8: Delays(8, 0.0005, p99_ms / 1000)})


def report(*results: StoreResult) -> StreamReport:
    return StreamReport("2026-01-02", {"processor": "Abacus"}, 60, 0.01, "tiny", 0.05, results)


def reached(report: StreamReport) -> dict[str, bool | None]:
    return {f"{goal.what} ({goal.streams})": goal.reached for goal in report.goals()}


def test_what_storing_costs_is_what_is_added_to_memorys_time() -> None:
    goal = "SQLite, NORMAL: a token's way to its readers, p99 over memory's, ms (8)"
    assert reached(report(memory(), sqlite(p99_ms=1.2)))[goal] is True
    assert reached(report(memory(), sqlite(p99_ms=1.5)))[goal] is False
    assert reached(report(StoreResult("memory", "memory"), sqlite()))[goal] is None


def test_coming_back_has_a_goal_for_every_store_alone_and_beside_others() -> None:
    kept = memory()
    kept.alone, kept.beside = Attaching(0.001, 0.02), Attaching(0.001, 0.021)
    what = "memory: from connecting to the first event of 1,000 stored, p99 ms"
    assert reached(report(kept)) == {f"{what} (0)": True, f"{what} (8)": False}


def test_idle_readers_have_goals_where_they_were_measured() -> None:
    kept = sqlite()
    before = len(report(memory(), kept).goals())
    kept.idle = IdleReaders(2000, 8, before=100, during=90, after=80, rss_mb_before=300, rss_mb=501, pings=9)
    goals = report(memory(), kept).goals()[before:]
    assert [(goal.value, goal.reached) for goal in goals] == [(501, False), (0, True)]
    kept.idle = IdleReaders(2000, 8, before=100, during=94, after=100, rss_mb_before=300, rss_mb=499, pings=9)
    assert [goal.reached for goal in report(memory(), kept).goals()[before:]] == [True, False]


def test_the_page_tells_date_machine_goals_and_figures() -> None:
    kept = sqlite()
    kept.alone = kept.beside = Attaching(0.001, 0.002)
    kept.work = [Work(16, 940.4, 0.000151)]
    kept.fan_outs = [FanOut(10, 1200, 0.000078)]
    page = markdown(report(memory(), kept))
    assert "Measured on 2026-01-02" in page
    assert "- processor: Abacus" in page
    assert "60 steps 10 ms apart" in page
    assert (
        "| SQLite, NORMAL: a token's way to its readers, p99 over memory's, ms | 8 | ≤ 1 | 0.80 | yes |"
        in page
    )
    assert "| memory | 8 | 0.20 | 0.40 |  |  |" in page
    assert "| SQLite, NORMAL | 8 | 0.50 | 1.20 | 0.30 | 0.80 |" in page
    assert "| SQLite, NORMAL | 1.00 | 2.00 | 1.00 | 2.00 |" in page
    assert "| SQLite, NORMAL | 16 | 940 | 151 |" in page
    assert "| SQLite, NORMAL | 10 | 1200 | 12000 | 78 |" in page


def test_what_is_missing_is_said() -> None:
    missing = StoreResult("redis", "Redis", problem="not installed: apt-get install redis-server")
    page = markdown(report(memory(), missing))
    assert "## Not measured" in page
    assert "| Redis | not installed: apt-get install redis-server |" in page
    assert (
        "| Redis: from connecting to the first event of 1,000 stored, p99 ms | 0 | ≤ 20 | not measured |  |"
        in page
    )
    assert "## Idle readers" not in page


def test_the_terminal_shows_the_same() -> None:
    console = Console(file=io.StringIO(), width=200)
    show(report(memory(), sqlite()), console)
    assert isinstance(console.file, io.StringIO)
    assert "What storing costs" in console.file.getvalue()
    assert "0.80" in console.file.getvalue()
