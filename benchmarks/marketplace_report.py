"""The tables of the marketplace, for a terminal and as docs/benchmarks-marketplace.md; measures nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console

from benchmarks import page
from benchmarks.exchanges import Exchanges
from benchmarks.page import Section

_COLUMNS = ("database", "request", "shop", "requests/s", "over the bare one's", "p50 ms", "p95 ms")
_COST_COLUMNS = ("shop", "database", "RSS MB")
_KINDS = {
    "read": "read a product",
    "list": "list a supplier's products",
    "search": "search by word and price",
    "change": "change a product's price",
}


@dataclass(slots=True)
class Shop:
    """What was measured of one, by kind of request; `problem` says why there is nothing."""

    name: str
    title: str
    database: str
    problem: str | None = None
    figures: dict[str, Exchanges] = field(default_factory=dict[str, Exchanges])
    rss_mb: float = 0


@dataclass(frozen=True, slots=True)
class MarketplaceReport:
    date: str
    machine: dict[str, str]
    connections: int
    seconds: float
    busy_cores_before: float
    shops: Sequence[Shop]

    def ratio(self, shop: Shop, kind: str) -> float | None:
        """Its requests/s over those of the bare shop on the same database."""
        bare = next((one for one in self.shops if one.name == "bare" and one.database == shop.database), None)
        mine, theirs = shop.figures.get(kind), bare.figures.get(kind) if bare else None
        return mine.per_second / theirs.per_second if mine and theirs else None


def show(report: MarketplaceReport, console: Console) -> None:
    page.show(_sections(report), _notes(report), console)


def markdown(report: MarketplaceReport) -> str:
    return page.markdown(
        "The marketplace",
        f"Measured on {report.date} by `python -m benchmarks.marketplace --markdown`, which writes this"
        " page.",
        report.machine,
        _notes(report),
        _sections(report),
    )


def _sections(report: MarketplaceReport) -> list[Section]:
    costs = [(shop.title, shop.database, f"{shop.rss_mb:.0f}") for shop in report.shops if not shop.problem]
    return [Section("Requests", _COLUMNS, list(_rows(report))), Section("Costs", _COST_COLUMNS, costs)]


def _rows(report: MarketplaceReport) -> Iterator[tuple[str, ...]]:
    for database in dict.fromkeys(shop.database for shop in report.shops):
        shops = [shop for shop in report.shops if shop.database == database]
        for shop in shops:
            if shop.problem:
                yield database, "", shop.title, shop.problem, "", "", ""
        for kind, name in _KINDS.items():
            for shop in shops:
                if figures := shop.figures.get(kind):
                    yield (database, name, shop.title, *_figures(figures, report.ratio(shop, kind)))


def _figures(figures: Exchanges, ratio: float | None) -> tuple[str, ...]:
    return (
        f"{figures.per_second:.0f}",
        "" if ratio is None else f"{ratio:.2f}",
        f"{figures.p50_seconds * 1000:.1f}",
        f"{figures.p95_seconds * 1000:.1f}",
    )


def _notes(report: MarketplaceReport) -> str:
    return (
        f"{report.connections} connections, each asking again as soon as it was answered, for"
        f" {report.seconds:g} s of each kind; one server process, its client on the same machine. Both shops"
        " hold the same made-up catalogue. The bare one has no accounts, versions, history, distances, search"
        f" index or change log: it searches with LIKE. Before the run the machine was busy with"
        f" {report.busy_cores_before:.2f} cores."
    )
