"""Tables, for a terminal and for a page of the docs; knows no figure."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.goals import Goal

Rows = list[tuple[str, ...]]

_WIDTH = 160  # where no terminal tells its own
_GOAL_COLUMNS = ("goal", "streams", "wanted", "measured", "reached")


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    columns: Sequence[str]
    rows: Rows

    def markdown(self) -> str:
        ruler = ["---"] + ["---:"] * (len(self.columns) - 1)
        return f"## {self.title}\n\n{_lines([self.columns, ruler, *self.rows])}"


def goal_section(goals: Iterable[Goal]) -> Section:
    return Section("Goals", _GOAL_COLUMNS, [_goal_row(goal) for goal in goals])


def _goal_row(goal: Goal) -> tuple[str, ...]:
    value = "not measured" if goal.value is None else f"{goal.value:.2f}"
    reached = {True: "yes", False: "no", None: ""}[goal.reached]
    return goal.what, goal.streams, goal.wanted, value, reached


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _WIDTH)


def show(sections: Iterable[Section], notes: str, console: Console) -> None:
    """Those without rows are left out."""
    for section in filter(_has_rows, sections):
        table = Table(title=section.title, title_justify="left")
        for number, column in enumerate(section.columns):
            table.add_column(column, justify="left" if number == 0 else "right")
        for row in section.rows:
            table.add_row(*row)
        console.print(table)
    console.print(notes)


def markdown(
    title: str, origin: str, machine: dict[str, str], notes: str, sections: Iterable[Section]
) -> str:
    """`origin` is a sentence; `machine` is what machine.describe() says."""
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    tables = "\n".join(section.markdown() for section in filter(_has_rows, sections))
    return f"# {title}\n\n{origin}\n\n{facts}\n\n{notes}\n\n{tables}"


def _has_rows(section: Section) -> bool:
    return bool(section.rows)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in rows)
