"""Measures how well and how fast shopping language is understood: python -m benchmarks.language."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from benchmarks import machine, page
from benchmarks.labelled import FIELDS, LabelledQuery, file_names, read
from benchmarks.measure import percentile
from benchmarks.page import Rows, Section
from warung.gazetteer.places import Gazetteer
from warung.products.categories import load_categories
from warung.search.query import QueryParser

_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks-search-language.md"
_REPEATS = 5


def main(
    markdown: Annotated[bool, typer.Option("--markdown", help="Write the docs page too.")] = False,
    misses: Annotated[bool, typer.Option("--misses", help="Show what differs in each query.")] = False,
) -> None:
    """Exact match by file and by field, and the parser's time a query."""
    parser = QueryParser(Gazetteer.load(), load_categories())
    files = {name: read(name) for name in file_names()}
    sections = [
        Section("Exact match", ("file", "queries", "exact", "%"), _matches(parser, files)),
        Section("By field", ("field", "set in", "of these exact", "wrong anywhere"), _fields(parser, files)),
        Section(
            "Time a query", ("queries", "p50 \u00b5s", "p99 \u00b5s", "max \u00b5s"), _times(parser, files)
        ),
    ]
    notes = (
        "Exact: every filter is as labelled, the text too where the label has one. queries.tsv grows with the"
        " parser; the others were written without sight of it. At first sight of queries-open.tsv 93.8 % were"
        f" exact; it has been tuned on since. A time is the least of {_REPEATS} readings."
    )
    page.show(sections, notes, page.console())
    if misses:
        _show_misses(parser, files)
    if markdown:
        origin = (
            f"Measured on {datetime.now(UTC).date()} by `python -m benchmarks.language --markdown`, which"
            " writes this page."
        )
        text = page.markdown("Shopping language", origin, machine.describe(), notes, sections)
        _PAGE.write_text(text, encoding="utf-8")


def _matches(parser: QueryParser, files: dict[str, list[LabelledQuery]]) -> Rows:
    rows: Rows = []
    for name, queries in files.items():
        exact = sum(not query.misses(parser.parse(query.message)) for query in queries)
        rows.append((name, str(len(queries)), str(exact), f"{100 * exact / len(queries):.1f}"))
    return rows


def _fields(parser: QueryParser, files: dict[str, list[LabelledQuery]]) -> Rows:
    labelled, right, wrong = Counter[str](), Counter[str](), Counter[str]()
    for query in (query for queries in files.values() for query in queries):
        missed = query.misses(parser.parse(query.message))
        wrong.update(missed.keys())
        labelled.update(query.sets)
        right.update(query.sets - missed.keys())
    return [(name, str(labelled[name]), str(right[name]), str(wrong[name])) for name in FIELDS]


def _times(parser: QueryParser, files: dict[str, list[LabelledQuery]]) -> Rows:
    messages = [query.message for queries in files.values() for query in queries]
    micros = [min(_micros(parser, message) for _ in range(_REPEATS)) for message in messages]
    figures = (percentile(micros, 50), percentile(micros, 99), max(micros))
    return [(str(len(messages)), *(f"{figure:.0f}" for figure in figures))]


def _micros(parser: QueryParser, message: str) -> float:
    begun = perf_counter()
    parser.parse(message)
    return (perf_counter() - begun) * 1e6


def _show_misses(parser: QueryParser, files: dict[str, list[LabelledQuery]]) -> None:
    for name, queries in files.items():
        for query in queries:
            for what, (wanted, found) in query.misses(parser.parse(query.message)).items():
                typer.echo(f"{name}: {query.message!r}: {what} wanted {wanted!r}, found {found!r}")


if __name__ == "__main__":
    typer.run(main)
