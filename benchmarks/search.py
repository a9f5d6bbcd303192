"""Measures warung's search over a million made-up products: python -m benchmarks.search."""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import machine, page
from benchmarks.goals import Goal, goal
from benchmarks.measure import percentile
from benchmarks.page import Section
from benchmarks.search_catalogue import make_catalogue
from benchmarks.search_questions import make_questions
from benchmarks.servers import ROOT
from warung.database.session import Database
from warung.products.service import ProductService
from warung.search.index import ProductIndex
from warung.search.service import SearchService
from warung.suppliers.service import SupplierService

_PAGE = ROOT / "docs" / "benchmarks-search.md"
_CORES = 2

Figures = dict[str, float]

console = Console(stderr=True, highlight=False)


def main(
    *,
    products: Annotated[int, typer.Option(min=100)] = 1_000_000,
    questions: Annotated[int, typer.Option(min=10)] = 300,
    keep: Annotated[Path | None, typer.Option(help="A folder for the products, for the next run.")] = None,
    markdown_page: Annotated[bool, typer.Option("--markdown", help=f"Write docs/{_PAGE.name}.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Measure although the machine is busy.")] = False,
) -> None:
    """Words, a price and a radius: time of a search on one core, of the index's build on two, memory."""
    busy = machine.require_idle(force=force)
    with tempfile.TemporaryDirectory() as name:
        folder = keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        file, index = folder / f"products-{products}.db", folder / f"index-{products}"
        if not file.exists():
            make_catalogue(file, products, lambda done: console.print(f"{done} products", end="\r"))
        built = _alone(build, file, index, _CORES)
        asked = _alone(ask, file, index, 1, questions)
    notes = (
        f"{products:,} products of {products // 20:,} suppliers; {questions} questions of one to three words,"
        " a price range and a radius of 5 to 100 km, each read back from the database. Before the run the"
        f" machine was busy with {busy:.2f} cores."
    )
    rows = [(what, f"{value:.1f}") for what, value in (built | asked).items()]
    sections = [page.goal_section(_goals(built, asked)), Section("Figures", ("what", "measured"), rows)]
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
    _use(cores)
    with closing(Database(f"sqlite:///{file}")) as database:
        index = _index(folder, database)
        begun = time.perf_counter()
        index.catch_up()
        opened = time.perf_counter() - begun
        search = SearchService(index, ProductService(database))
        for question in make_questions(20, "warm"):
            search.search(question.request())
        cpu: list[float] = []
        wall: list[float] = []
        for question in make_questions(count):
            times = time.process_time(), time.perf_counter()
            search.search(question.request())
            cpu.append((time.process_time() - times[0]) * 1000)
            wall.append((time.perf_counter() - times[1]) * 1000)
    return {
        "search with facets, p50 ms": percentile(wall, 50),
        "search with facets, p95 ms": percentile(wall, 95),
        "search with facets, CPU p50 ms": percentile(cpu, 50),
        "search with facets, CPU p95 ms": percentile(cpu, 95),
        "opening the index, s": opened,
        "serving, RSS MB": _memory_mb("VmRSS"),
    }


def _goals(built: Figures, asked: Figures) -> list[Goal]:
    return [
        goal("search, p50 ms", "", "≤", 6, asked["search with facets, p50 ms"]),
        goal("search, p95 ms", "", "≤", 20, asked["search with facets, p95 ms"]),
        goal("build, products/s", "", "≥", 4000, built["build, products/s"]),
    ]


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
