"""Measures warung's search over a million made-up products: python -m benchmarks.search."""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from tantivy import Query

from benchmarks import machine, page
from benchmarks.goals import Goal, goal
from benchmarks.measure import percentile
from benchmarks.page import Section
from benchmarks.postgres import PostgresMissing
from benchmarks.search_catalogue import make_catalogue, touch
from benchmarks.search_peers import PEERS
from benchmarks.search_questions import make_questions, make_synonyms
from benchmarks.servers import ROOT
from warung.database.session import Database
from warung.products.service import ProductService
from warung.search.facets import Facet
from warung.search.index import ProductIndex
from warung.search.refresher import IndexRefresher
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService

_PAGE = ROOT / "docs" / "benchmarks-search.md"
_CORES = 2
_UPDATES, _WARM = 20, 100
_FACETS = frozenset(Facet)

Figures = dict[str, float]

console = Console(stderr=True, highlight=False)


def main(
    *,
    products: Annotated[int, typer.Option(min=100)] = 1_000_000,
    questions: Annotated[int, typer.Option(min=10)] = 300,
    peers: Annotated[str, typer.Option(help="Which others to measure, with commas between.")] = ",".join(
        PEERS
    ),
    keep: Annotated[Path | None, typer.Option(help="A folder for the products, for the next run.")] = None,
    markdown_page: Annotated[bool, typer.Option("--markdown", help=f"Write docs/{_PAGE.name}.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Measure although the machine is busy.")] = False,
) -> None:
    """Words, a price and a radius: time of a search on one core, of the index's build on two, memory."""
    asked_peers = [name for name in peers.split(",") if name]
    if unknown := set(asked_peers) - set(PEERS):
        raise typer.BadParameter(
            f"{', '.join(sorted(unknown))}; there are {', '.join(PEERS)}", param_hint="--peers"
        )
    busy = machine.require_idle(force=force)
    with tempfile.TemporaryDirectory() as name:
        folder = keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        file, index = folder / f"products-{products}.db", folder / f"index-{products}"
        if not file.exists():
            make_catalogue(file, products, lambda done: console.print(f"{done} products", end="\r"))
        built = _alone(build, file, index, _CORES)
        asked = _alone(ask, file, index, 1, questions)
        seen = _alone(update, file, index, 1)
        others = {peer: _alone(ask_peer, peer, file, folder, 1, questions) for peer in asked_peers}
    notes = (
        f"{products:,} products of {products // 20:,} suppliers; {questions} questions of one to three words,"
        f" a price range and a radius of 5 to 100 km, on one core, after {_WARM} others. Warung counts all"
        " matches by their category, fills a page with matches of some words where few have all, and reads"
        " the products back from the database; the others bring the ids of 20 products from a box, of all"
        " words and then of any. Facets are all six, each without its own filter."
        f" Before the run the machine was busy with {busy:.2f} cores."
    )
    sections = [
        page.goal_section(_goals(built, asked, seen)),
        _comparison(asked, others),
        _figures(built, asked, seen),
    ]
    page.show(sections, notes, page.console())
    if markdown_page:
        origin = (
            f"Measured on {datetime.now(UTC).date().isoformat()} by `python -m benchmarks.search --markdown`,"
            " which writes this page."
        )
        _PAGE.write_text(page.markdown("The search", origin, machine.describe(), notes, sections), "utf-8")


def build(file: Path, folder: Path, cores: int) -> Figures:
    """Make the index of the database anew, as `warung reindex` does."""
    _use(cores)
    shutil.rmtree(folder, ignore_errors=True)
    with closing(Database(f"sqlite:///{file}")) as database:
        begun = time.perf_counter()
        count = _index(folder, database).rebuild()
        seconds = time.perf_counter() - begun
    disk = sum(each.stat().st_size for each in folder.iterdir())
    return {
        "build, products/s": count / seconds,
        "build, peak RSS MB": _memory_mb("VmHWM"),
        "index on disk, MB": disk / 1e6,
    }


def ask(file: Path, folder: Path, cores: int, count: int) -> Figures:
    """Each question without facets, with all of them, and with synonyms of each word."""
    _use(cores)
    with closing(Database(f"sqlite:///{file}")) as database:
        index = _index(folder, database)
        begun = time.perf_counter()
        index.catch_up()
        opened = time.perf_counter() - begun
        questions = make_questions(count)
        groups = make_synonyms(questions)
        search = SearchService(index, ProductService(database))
        knowing = SearchService(index, ProductService(database), synonyms=lambda: groups)
        for question in make_questions(_WARM, "warm"):
            search.search(question.request())
            knowing.search(question.request())
        plain, faceted, synonymous = _Times(), _Times(), _Times()
        for number, question in enumerate(questions):
            request = question.request()
            both = [(plain, request), (faceted, replace(request, facets=_FACETS))]
            for times, asked in both[:: -1 if number % 2 else 1]:
                times.add(partial(search.search, asked))
        for question in questions:
            synonymous.add(partial(knowing.search, question.request()))
    return {
        **plain.figures("search"),
        **faceted.figures("search with all facets"),
        **synonymous.figures("search with synonyms"),
        "opening the index, s": opened,
        "serving, RSS MB": _memory_mb("VmRSS"),
    }


def update(file: Path, folder: Path, cores: int) -> Figures:
    """From the commit of a new price in the database until the index finds it, while it is looked for."""
    _use(cores)
    with closing(Database(f"sqlite:///{file}")) as database:
        index = _index(folder, database)
        index.catch_up()
        refresher = IndexRefresher(index)
        refresher.start()
        try:
            # Up and down again, so that the next run finds the same prices.
            waits = [
                _seconds_until_seen(index, file, 1 + i // 2, -1 if i % 2 else 1) for i in range(_UPDATES)
            ]
        finally:
            refresher.stop()
    return {
        "an update is found after, p50 s": percentile(waits, 50),
        "an update is found after, at most s": max(waits),
    }


def ask_peer(name: str, file: Path, folder: Path, cores: int, count: int) -> Figures:
    """Empty where it isn't installed."""
    _use(cores)
    begun = time.perf_counter()
    try:
        with PEERS[name](file, folder) as search:
            built = time.perf_counter() - begun
            for question in make_questions(_WARM, "warm"):
                search(question)
            times = _Times()
            for question in make_questions(count):
                times.add(partial(search, question))
    except PostgresMissing as error:
        console.print(str(error))
        return {}
    return {**times.figures("search"), "build, s": built}


class _Times:
    def __init__(self) -> None:
        self._wall: list[float] = []
        self._cpu: list[float] = []

    def add(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self._cpu.append((time.process_time() - cpu) * 1000)
        self._wall.append((time.perf_counter() - wall) * 1000)

    def figures(self, what: str) -> Figures:
        return {
            f"{what}, {kind}p{percent} ms": percentile(times, percent)
            for kind, times in (("", self._wall), ("CPU ", self._cpu))
            for percent in (50, 95)
        }


def _seconds_until_seen(index: ProductIndex, file: Path, product_id: int, rupiah: int) -> float:
    price = touch(file, product_id, rupiah)
    begun = time.perf_counter()
    while True:
        snapshot = index.snapshot()
        found = snapshot.matches(Query.term_query(snapshot.schema, "id", product_id), 1)
        if found and found[0].price_rupiah == price:
            return time.perf_counter() - begun
        time.sleep(0.005)


def _goals(built: Figures, asked: Figures, seen: Figures) -> list[Goal]:
    return [
        goal("search, CPU p50 ms", "", "≤", 6, asked["search, CPU p50 ms"]),
        goal("search, CPU p95 ms", "", "≤", 20, asked["search, CPU p95 ms"]),
        goal("with all facets, CPU p50 ms", "", "≤", 12, asked["search with all facets, CPU p50 ms"]),
        goal("with all facets, CPU p95 ms", "", "≤", 40, asked["search with all facets, CPU p95 ms"]),
        goal("an update is found after, at most s", "", "≤", 1, seen["an update is found after, at most s"]),
        goal("build, products/s", "", "≥", 4000, built["build, products/s"]),
    ]


def _comparison(asked: Figures, others: dict[str, Figures]) -> Section:
    """Wall time, as PostgreSQL works in another process."""
    rows = [
        (name, *(f"{figures[f'search, p{percent} ms']:.1f}" for percent in (50, 95)))
        for name, figures in {"warung": asked, **others}.items()
        if figures
    ]
    return Section("Beside others", ("search", "p50 ms", "p95 ms"), rows)


def _figures(*measured: Figures) -> Section:
    rows = [(what, f"{value:.2f}") for figures in measured for what, value in figures.items()]
    return Section("Figures", ("what", "measured"), rows)


def _alone(work: Callable[..., Figures], *values: object) -> Figures:
    """What it measures in a process of its own, whose memory is nobody else's."""
    console.print(f"{work.__name__} ...")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *values).result()


def _index(folder: Path, database: Database) -> ProductIndex:
    return ProductIndex(folder, ProductService(database), SupplierService(database))


def _use(cores: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def _memory_mb(name: str) -> float:
    """A line of /proc/self/status; nan where there is none."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(f"{name}:")), float("nan"))


if __name__ == "__main__":
    typer.run(main)
