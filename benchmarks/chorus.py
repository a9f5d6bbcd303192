"""The judged electronics of the Chorus project, read from where they lie; knows no search."""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from benchmarks.ranked import Judgments
from warung.products.schemas import ProductDraft

# All of them: a category that isn't in the data has no say.
_CATEGORY = "komputer"
_RUPIAH_A_CENT = 160


class _Product(BaseModel):
    id: str
    title: str
    brand: str | None
    description: str | None
    price_cents: int | None
    attributes: Mapping[str, object] | None


def read_products(folder: Path) -> Iterator[ProductDraft]:
    """As a supplier would put them up: the attributes stand below the description, a line each; what is too
    long is cut."""
    with gzip.open(folder / "products.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield _draft(_Product.model_validate(json.loads(line)))


def read_judgments(folder: Path) -> Judgments:
    judgments: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with (folder / "judgments_dev.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            judgments[row["query"]][row["product_id"]] = int(row["rating"])
    return judgments


def _draft(product: _Product) -> ProductDraft:
    attributes = [f"{name}: {value}" for name, value in (product.attributes or {}).items()]
    return ProductDraft(
        sku=product.id,
        name=product.title[:200],
        description="\n".join([product.description or "", *attributes])[:4000],
        price_rupiah=(product.price_cents or 0) * _RUPIAH_A_CENT,
        stock_quantity=10,
        category=_CATEGORY,
        brand=(product.brand or "")[:100].strip() or None,
    )
