"""A made-up shop of any size in warung's own SQLite tables, the same in every run; knows no index."""

import random
import sqlite3
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache
from itertools import accumulate
from pathlib import Path

from warung.database.migrate import migrate
from warung.gazetteer.places import Gazetteer, Place
from warung.products.categories import load_categories

VOCABULARY = 50_000
PRODUCTS_OF_A_SUPPLIER = 20
_SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstwy" for vowel in "aiueo"]
# Zipf and Mandelbrot's law, shifted so that a text of a product's length holds each of the six most
# common words with a chance of 35 to 66 %.
_SHIFT = 2.5
_BATCH = 10_000
_NAME_WORDS, _DESCRIPTION_WORDS, _TAG_WORDS = (4, 8), (20, 40), (1, 4)
_CHEAPEST, _DEAREST = 3.7, 7.7  # powers of ten of rupiah
_DAY = datetime(2026, 1, 1, tzinfo=UTC)

_SUPPLIERS = """INSERT INTO suppliers (id, external_id, name, business_name, city, address, contact, lat, lng,
 registration_date, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"""
_PRODUCTS = """INSERT INTO products (id, supplier_id, sku, name, description, price_rupiah, stock_quantity,
 category, brand, condition, weight_grams, images, version, created_at, updated_at)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', 1, ?, ?)"""
_TAGS = "INSERT INTO product_tags (product_id, tag, position) VALUES (?, ?, ?)"
_CHANGES = "INSERT INTO product_changes (product_id, changed_at) VALUES (?, ?)"


@cache
def vocabulary() -> Sequence[str]:
    """Made-up words, the most common first."""
    dice = random.Random("words")
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        words["".join(dice.choices(_SYLLABLES, k=dice.choice((2, 2, 3, 3, 4))))] = None
    return list(words)


def draw_words(dice: random.Random, count: int) -> list[str]:
    return dice.choices(vocabulary(), cum_weights=_frequencies(), k=count)


def draw_place(dice: random.Random) -> tuple[Place, float, float]:
    """A kota or kabupaten, drawn by its population, and a point in it."""
    places, weights = _places()
    place = places[bisect(weights, dice.random() * weights[-1])]
    spread = min(place.radius_km, 30) / 111 / 2
    return place, dice.gauss(place.location.lat, spread), dice.gauss(place.location.lng, spread)


def draw_price(dice: random.Random) -> int:
    """Whole rupiah, as often between 10,000 and 100,000 as between a million and ten."""
    return int(10 ** dice.uniform(_CHEAPEST, _DEAREST)) // 500 * 500


def make_catalogue(file: Path, products: int, on_progress: Callable[[int], None]) -> None:
    """Write the shop to a new database at `file`; nothing is left there when that ends early."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    migrate(f"sqlite:///{unfinished}")
    suppliers = max(1, products // PRODUCTS_OF_A_SUPPLIER)
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executemany(_SUPPLIERS, _suppliers(suppliers))
        for first in range(1, products + 1, _BATCH):
            ids = range(first, min(first + _BATCH, products + 1))
            _fill(connection, ids, suppliers)
            connection.commit()
            on_progress(ids[-1])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("ANALYZE")
    unfinished.rename(file)


def touch(file: Path, product_id: int, rupiah: int) -> int:
    """Raise a product's price and note the change; the new price."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "UPDATE products SET price_rupiah = price_rupiah + ? WHERE id = ?", (rupiah, product_id)
        )
        connection.execute(_CHANGES, (product_id, _moment()))
        price: int = connection.execute(
            "SELECT price_rupiah FROM products WHERE id = ?", (product_id,)
        ).fetchone()[0]
    return price


def _fill(connection: sqlite3.Connection, ids: range, suppliers: int) -> None:
    dice = random.Random(f"products {ids[0]}")
    categories = [category.slug for category in load_categories()]
    now = _moment()
    products: list[tuple[object, ...]] = []
    tags: list[tuple[int, str, int]] = []
    for key in ids:
        name, description, tag_words = (
            draw_words(dice, dice.randint(*length))
            for length in (_NAME_WORDS, _DESCRIPTION_WORDS, _TAG_WORDS)
        )
        tags.extend((key, tag, position) for position, tag in enumerate(dict.fromkeys(tag_words)))
        products.append(
            (
                key,
                dice.randint(1, suppliers),
                f"sku-{key}",
                " ".join(name).title(),
                " ".join(description).capitalize(),
                draw_price(dice),
                dice.choice((0, 1, 2, 5, 10, 20, 50, 100)),
                dice.choice(categories),
                name[0].title(),
                dice.choice(("new", "new", "new", "used")),
                dice.choice((None, 100, 250, 500, 1000, 5000)),
                now,
                now,
            )
        )
    connection.executemany(_PRODUCTS, products)
    connection.executemany(_TAGS, tags)
    connection.executemany(_CHANGES, ((key, now) for key in ids))


def _suppliers(count: int) -> Iterator[tuple[object, ...]]:
    dice = random.Random("suppliers")
    day, now = date(2024, 5, 17).isoformat(), _moment()
    for key in range(1, count + 1):
        place, lat, lng = draw_place(dice)
        words = " ".join(draw_words(dice, 2)).title()
        yield (
            *(key, f"stall-{key}", f"Siti {words}", f"Toko {words}", place.name),
            *(f"Jalan {words} {key % 199 + 1}", "+62 841-1000-1000", lat, lng, day, now, now),
        )


@cache
def _frequencies() -> Sequence[float]:
    return list(accumulate(1 / (rank + _SHIFT) for rank in range(1, VOCABULARY + 1)))


@cache
def _places() -> tuple[Sequence[Place], Sequence[float]]:
    places = [place for place in Gazetteer.load().places() if place.kind in {"kota", "kabupaten"}]
    return places, list(accumulate(place.population for place in places))


def _moment() -> str:
    return _DAY.strftime("%Y-%m-%d %H:%M:%S.%f")
