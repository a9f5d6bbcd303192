"""The full-text searches of SQLite and PostgreSQL over a made-up shop, with its prices and places; they know
nothing of warung's index.

Both have the texts that warung's index has, and a box around the circle for its radius: their usual means.
"""

import math
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from benchmarks.postgres import postgres
from benchmarks.search_questions import Question

Search = Callable[[Question], list[int]]

_LIMIT = 20
_DEGREE_KM = 111.2
_TEXTS = """SELECT p.id, p.name, COALESCE(p.brand, ''), p.description,
 COALESCE((SELECT GROUP_CONCAT(tag, ' ') FROM product_tags WHERE product_id = p.id), ''),
 p.price_rupiah, s.lat, s.lng FROM products p JOIN suppliers s ON s.id = p.supplier_id"""
_FTS5 = """SELECT offers.id FROM texts JOIN offers ON offers.id = texts.rowid WHERE texts MATCH :words
 AND price BETWEEN :low AND :high AND lat BETWEEN :south AND :north AND lng BETWEEN :west AND :east
 ORDER BY bm25(texts, 2, 1, 1, 1) LIMIT :limit"""
_LOAD = """INSERT INTO offers SELECT id, price, lat, lng, setweight(to_tsvector('english', name), 'A') ||
 to_tsvector('english', brand || ' ' || tags || ' ' || description) FROM loaded"""
_RANKED = """SELECT id FROM offers, to_tsquery('english', %(words)s) AS q WHERE words @@ q
 AND price BETWEEN %(low)s AND %(high)s AND lat BETWEEN %(south)s AND %(north)s
 AND lng BETWEEN %(west)s AND %(east)s ORDER BY ts_rank(words, q) DESC, id LIMIT %(limit)s"""


@contextmanager
def sqlite_fts5(file: Path, folder: Path) -> Generator[Search]:
    """BM25 over porter stems, a name counting twice; all words, then any."""
    copy = folder / "fts5.db"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE offers (id INTEGER PRIMARY KEY, price INTEGER, lat REAL, lng REAL)")
        database.execute(
            "CREATE VIRTUAL TABLE texts USING fts5(name, brand, description, tags, tokenize='porter')"
        )
        for key, *texts, price, lat, lng in _read(file):
            database.execute(
                "INSERT INTO texts (rowid, name, brand, description, tags) VALUES (?,?,?,?,?)", (key, *texts)
            )
            database.execute("INSERT INTO offers VALUES (?, ?, ?, ?)", (key, price, lat, lng))
        database.execute("INSERT INTO texts (texts) VALUES ('optimize')")
        database.commit()
        database.execute("ANALYZE")

        def find(question: Question, join: str) -> list[int]:
            rows = database.execute(_FTS5, _values(question, join)).fetchall()
            return [key for (key,) in rows]

        yield lambda question: _all_then_any(question, find, " AND ", " OR ")


@contextmanager
def postgresql(file: Path, folder: Path) -> Generator[Search]:  # noqa: ARG001  it has a folder of its own
    """ts_rank over English stems in a GIN index, the name first; all words, then any.

    Raises PostgresMissing.
    """
    options = ("fsync=off", "max_parallel_workers_per_gather=0", "shared_buffers=1GB", "max_wal_size=8GB")
    with (
        postgres(*options) as url,
        psycopg.connect(
            url.replace("postgresql+psycopg", "postgresql") + "/postgres", autocommit=True
        ) as database,
    ):
        database.execute(
            "CREATE UNLOGGED TABLE loaded (id int, name text, brand text, description text, tags text,"
            " price bigint, lat float8, lng float8)"
        )
        with database.cursor() as cursor, cursor.copy("COPY loaded FROM STDIN") as copy:
            for row in _read(file):
                copy.write_row(row)
        database.execute(
            "CREATE UNLOGGED TABLE offers (id int PRIMARY KEY, price bigint, lat float8, lng float8,"
            " words tsvector)"
        )
        database.execute(_LOAD)
        database.execute("SET maintenance_work_mem = '1GB'")
        database.execute("CREATE INDEX ON offers USING gin (words)")
        database.execute("CREATE INDEX ON offers (price)")
        database.execute("CREATE INDEX ON offers (lat, lng)")
        database.execute("DROP TABLE loaded")
        database.execute("VACUUM ANALYZE offers")

        def find(question: Question, join: str) -> list[int]:
            return [key for (key,) in database.execute(_RANKED, _values(question, join))]

        yield lambda question: _all_then_any(question, find, " & ", " | ")


PEERS = {"sqlite": sqlite_fts5, "postgresql": postgresql}


def _read(file: Path) -> Iterator[tuple[int, str, str, str, str, int, float, float]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as shop:
        yield from shop.execute(_TEXTS)


def _all_then_any(
    question: Question, find: Callable[[Question, str], list[int]], every: str, some: str
) -> list[int]:
    found = find(question, every)
    if len(found) < _LIMIT and len(question.words) > 1:
        found = list(dict.fromkeys((*found, *find(question, some))))[:_LIMIT]
    return found


def _values(question: Question, join: str) -> dict[str, object]:
    lat, lng = question.near.lat, question.near.lng
    reach = question.radius_km / _DEGREE_KM
    wide = reach / math.cos(math.radians(lat))
    return {
        "words": join.join(question.words),
        "low": question.min_price,
        "high": question.max_price,
        "south": lat - reach,
        "north": lat + reach,
        "west": lng - wide,
        "east": lng + wide,
        "limit": _LIMIT,
    }
