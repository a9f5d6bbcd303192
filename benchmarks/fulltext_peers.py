"""The full-text searches of SQLite and PostgreSQL over the same products; they know nothing of warung's."""

import re
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import chain

import psycopg

from benchmarks.postgres import postgres
from benchmarks.ranked import DEPTH, Search
from warung.products.schemas import ProductDraft

_WORD = re.compile(r"\w+")
_RANK = """
SELECT sku, ts_rank_cd('{0.1, 0.2, 0.4, 1.0}', words, q) AS rank FROM products, to_tsquery('english', %s) AS q
WHERE words @@ q ORDER BY rank DESC, sku LIMIT 100
"""


def sqlite_fts5(products: Sequence[ProductDraft]) -> Search:
    """BM25 over porter stems, a name counting five times; all words, then any."""
    ranked = "SELECT sku FROM products WHERE products MATCH ? ORDER BY bm25(products, 0, 5, 1, 1) LIMIT 100"
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE products USING fts5(sku UNINDEXED, name, brand, description, tokenize='porter')"
    )
    rows = ((p.sku, p.name, p.brand or "", p.description) for p in products)
    database.executemany("INSERT INTO products VALUES (?, ?, ?, ?)", rows)

    def search(query: str) -> list[str]:
        words = [f'"{word}"' for word in _WORD.findall(query)]
        found = (
            database.execute(
                ranked,
                [join.join(words)],
            )
            for join in (" AND ", " OR ")
            if words
        )
        return list(dict.fromkeys(sku for (sku,) in chain.from_iterable(found)))[:DEPTH]

    return search


@contextmanager
def postgresql(products: Sequence[ProductDraft]) -> Generator[Search]:
    """ts_rank_cd over English stems, the name first; all words, then any. Raises PostgresMissing."""
    with (
        postgres("fsync=off") as url,
        psycopg.connect(url.replace("postgresql+psycopg", "postgresql") + "/postgres") as connection,
    ):
        connection.execute("CREATE TABLE products (sku text, words tsvector)")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO products VALUES (%s, setweight(to_tsvector('english', %s), 'A') ||"
                " setweight(to_tsvector('english', %s), 'C') || setweight(to_tsvector('english', %s), 'D'))",
                [(p.sku, p.name, p.brand or "", p.description) for p in products],
            )
        connection.execute("CREATE INDEX ON products USING gin (words)")

        def search(query: str) -> list[str]:
            words = _WORD.findall(query)
            found = (connection.execute(_RANK, [join.join(words)]) for join in (" & ", " | ") if words)
            return list(dict.fromkeys(sku for sku, _ in chain.from_iterable(found)))[:DEPTH]

        yield search
