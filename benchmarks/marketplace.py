"""Measures warung's marketplace beside a bare FastAPI and SQLAlchemy: python -m benchmarks.marketplace."""

import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from benchmarks import machine, page
from benchmarks.exchanges import exchange, request
from benchmarks.load import LoadError
from benchmarks.marketplace_report import MarketplaceReport, Shop, markdown, show
from benchmarks.postgres import PostgresMissing, postgres
from benchmarks.servers import ROOT, NotStarted, Server, started

_PAGE = ROOT / "docs" / "benchmarks-marketplace.md"
_PRODUCTS = 1000
_OWN_PRODUCTS = 200
_SUPPLIERS = 40
_WORDS = ("laptop", "sepatu", "kopi", "meja", "kemeja", "speaker", "tas", "lampu", "kipas", "mouse")
_JSON = {"Content-Type": "application/json"}

Contents = Callable[[], Iterator[bytes]]

console = Console(stderr=True, highlight=False)


def main(
    *,
    connections: Annotated[int, typer.Option(min=1)] = 32,
    seconds: Annotated[float, typer.Option(help="For each kind of request.")] = 8,
    markdown_page: Annotated[bool, typer.Option("--markdown", help=f"Write docs/{_PAGE.name}.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Measure although the machine is busy.")] = False,
) -> None:
    """Requests/s and p95 of reading, changing, listing and searching products, on SQLite and PostgreSQL."""
    machine.leave_when_told()
    busy = machine.require_idle(force=force)
    shops = [
        Shop(name, title, database)
        for database in ("SQLite", "PostgreSQL")
        for name, title in (("bare", "bare FastAPI + SQLAlchemy"), ("warung", "warung"))
    ]
    for shop in shops:
        console.print(f"Measuring {shop.title} on {shop.database} ...")
        try:
            _measure(shop, connections, seconds)
        except (PostgresMissing, NotStarted, LoadError, httpx.HTTPError) as error:
            shop.problem = str(error)
            console.print(f"[yellow]{shop.title}, {shop.database}:[/] {error}", soft_wrap=True)
    date = datetime.now(UTC).date().isoformat()
    report = MarketplaceReport(date, machine.describe(), connections, seconds, busy, shops)
    show(report, page.console())
    if json_file:
        json_file.write_text(json.dumps(asdict(report), indent=1), "utf-8")
    if markdown_page:
        _PAGE.write_text(markdown(report), "utf-8")


def _measure(shop: Shop, connections: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name, _database(shop, Path(name)) as url:
        server = (_bare if shop.name == "bare" else _warung)(url, Path(name))
        with started(server, Path(name)) as running:
            asked = _bare_questions() if shop.name == "bare" else _warung_questions(running.url)
            for kind, contents in asked.items():
                work = exchange(running.url, contents, connections=connections, seconds=seconds)
                shop.figures[kind] = asyncio.run(work)
            shop.rss_mb = running.rss_mb()


@contextmanager
def _database(shop: Shop, folder: Path) -> Generator[str]:
    if shop.database == "SQLite":
        yield f"sqlite:///{folder / 'shop.db'}"
    else:
        with postgres() as url:
            yield f"{url}/postgres"


def _warung(url: str, folder: Path) -> Server:
    warung = Path(sys.executable).parent / "warung"
    return Server(
        name="warung",
        title="warung",
        weights="none",
        model="scripted",
        python=Path(sys.executable),
        packages=("warung",),
        install="pip install warung",
        command=lambda port: [str(warung), "demo", "--port", str(port)],
        environment={
            "DATABASE_URL": url,
            "DATA_DIR": str(folder / "data"),
            "ENGINE": "scripted",
            "LOG_LEVEL": "warning",
        },
        ready=lambda response: response.is_success,
    )


def _bare(url: str, _folder: Path) -> Server:
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return Server(
        name="bare",
        title="bare",
        weights="none",
        model="none",
        python=Path(sys.executable),
        packages=("fastapi", "sqlalchemy"),
        install="pip install fastapi sqlalchemy",
        command=lambda port: [sys.executable, "-m", "benchmarks.bare_shop", str(port)],
        prepare=(sys.executable, "-m", "benchmarks.bare_shop", "--fill"),
        environment={"DATABASE_URL": url, "PYTHONPATH": path},
        ready=lambda response: response.is_success,
    )


def _bare_questions() -> dict[str, Contents]:
    return {
        "read": _endless(lambda dice: request("GET", f"/products/{dice.randint(1, _PRODUCTS)}")),
        "list": _endless(lambda dice: request("GET", f"/suppliers/{dice.randint(1, _SUPPLIERS)}/products")),
        "search": _endless(lambda dice: request("GET", f"/products/search?{_search(dice)}")),
        "change": _endless(lambda dice: _change(f"/products/{dice.randint(1, _OWN_PRODUCTS)}", dice)),
    }


def _warung_questions(url: str) -> dict[str, Contents]:
    key, ids = _stall(url)
    bearer = {"Authorization": f"Bearer {key}"}
    return {
        "read": _endless(lambda dice: request("GET", f"/api/products/{dice.randint(1, _PRODUCTS)}")),
        "list": _endless(
            lambda dice: request("GET", f"/api/suppliers/{dice.randint(1, _SUPPLIERS)}/products?limit=20")
        ),
        "search": _endless(
            lambda dice: request("GET", f"/api/products/search?{_search(dice)}&location=-6.2,106.8&limit=20")
        ),
        "change": _endless(lambda dice: _change(f"/api/products/{dice.choice(ids)}", dice, bearer)),
    }


def _stall(url: str) -> tuple[str, list[int]]:
    """A supplier's key and products of its own, which alone it may change."""
    stall = {
        "name": "Siti",
        "business_name": "Toko Ukur",
        "address": "Jalan Melati 1",
        "city": "Jakarta Pusat",
    }
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
        registered = http.post("/api/suppliers/register", json={**stall, "contact": "+62 812-3456-7890"})
        key = registered.raise_for_status().json()["key"]
        http.headers["Authorization"] = f"Bearer {key}"
        ids: list[int] = []
        for number in range(_OWN_PRODUCTS):
            product: dict[str, object] = {
                "sku": f"ukur-{number}",
                "name": f"Barang Ukur {number}",
                "description": "Untuk mengukur.",
                "price": 10_000,
                "stock_quantity": 10,
                "category": "laptop",
                "tags": [],
            }
            ids.append(http.post("/api/products", json=product).raise_for_status().json()["id"])
    return key, ids


def _endless(content: Callable[[random.Random], bytes]) -> Contents:
    seeds = iter(range(1_000_000))

    def contents() -> Iterator[bytes]:
        dice = random.Random(next(seeds))
        while True:
            yield content(dice)

    return contents


def _search(dice: random.Random) -> str:
    return f"q={dice.choice(_WORDS)}&max_price={dice.randint(1, 200) * 100_000}"


def _change(path: str, dice: random.Random, headers: dict[str, str] | None = None) -> bytes:
    body = json.dumps({"price": dice.randint(1, 10**6)}).encode()
    return request("PATCH", path, body=body, headers={**_JSON, **(headers or {})})


if __name__ == "__main__":
    typer.run(main)
